//! What is out of the ordinary for one agent: exponentially weighted averages of its metrics and
//! how far a window lies from them. Pure; anomalies alert, they never enforce.

mod ewma;
pub mod incident;
mod metrics;

pub use ewma::{Ewma, Reading};
pub use metrics::{Metric, Summary};

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// An id that the same parts always give (UUIDv8): a rebuild finds the same findings and incidents.
#[must_use]
pub fn derived(parts: &[&[u8]]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// How a window is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Weight of a new window in the averages, over 0 and at most 1.
    pub weight: f64,
    /// Windows before a metric is judged at all.
    pub warm_up: u32,
    /// Standard deviations from the mean at which a finding begins.
    pub threshold: f64,
}

/// What is known of one agent in one environment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Baseline {
    metrics: [Tracked; 4],
    open: Option<Summary>,
}

/// One metric's average, and whether a finding about it is going on.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Tracked {
    average: Ewma,
    alerting: bool,
}

/// A baseline as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// In the order of [`Metric::ALL`].
    pub metrics: [StoredMetric; 4],
    /// The window that may still grow.
    pub open: Option<Summary>,
}

/// One metric's state as it is stored; floats keep every bit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StoredMetric {
    /// The average.
    pub mean: f64,
    /// Its variance.
    pub variance: f64,
    /// Windows seen.
    pub seen: u32,
    /// Whether a finding is going on.
    pub alerting: bool,
}

/// A metric of a window left its band.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deviation {
    /// Which metric.
    pub metric: Metric,
    /// The window, as far as it was summed up.
    pub window: Summary,
    /// The window's value, in the metric's unit.
    pub value: f64,
    /// The average before this window.
    pub expected: f64,
    /// Standard deviations from the average, signed.
    pub score: f64,
    /// How far out.
    pub severity: Severity,
}

/// How far out a deviation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Past the threshold.
    Medium,
    /// Past one and a half times the threshold.
    High,
    /// Past three times the threshold.
    Critical,
}

impl Severity {
    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    fn of(distance: f64, threshold: f64) -> Self {
        if distance >= threshold * 3.0 {
            Self::Critical
        } else if distance >= threshold * 1.5 {
            Self::High
        } else {
            Self::Medium
        }
    }
}

impl Baseline {
    /// Takes in what one replica summed up for a window.
    ///
    /// Several replicas sum up the same window, so a window stays open until a later one begins.
    /// What is too much is told at once, since more can only add to it; what is too little is known
    /// when the window closes, and only then does it become part of the past. Sums of a window that
    /// was closed come too late and are left out. A silent agent has no windows and is not judged.
    ///
    /// A finding is reported when it begins, not in every window it lasts: the metric must first
    /// come back inside half the threshold.
    #[must_use]
    pub fn observe(mut self, sums: &Summary, settings: &Settings) -> (Self, Vec<Deviation>) {
        let mut found = Vec::new();
        let open = match self.open {
            Some(open) if sums.start_us < open.start_us => return (self, found),
            Some(open) if sums.start_us == open.start_us => open.plus(sums),
            Some(ended) => {
                found.extend(self.close(&ended, settings));
                *sums
            }
            None => *sums,
        };
        self.open = Some(open);
        found.extend(self.look(&open, settings));
        (self, found)
    }

    /// Judges a window that may still grow, by what is too much only.
    fn look(&mut self, open: &Summary, settings: &Settings) -> Vec<Deviation> {
        self.each(open, settings, |tracked, _, deviation| {
            let deviation = deviation.filter(|found| found.score >= settings.threshold)?;
            tracked.begin(deviation)
        })
    }

    /// Judges a whole window and lets it become part of the past.
    fn close(&mut self, window: &Summary, settings: &Settings) -> Vec<Deviation> {
        self.each(window, settings, |tracked, reading, deviation| {
            tracked.average = tracked.average.update(reading, settings);
            let deviation = deviation?;
            let distance = deviation.metric.distance(deviation.score);
            if distance >= settings.threshold {
                return tracked.begin(deviation);
            }
            tracked.alerting &= distance >= settings.threshold / 2.0;
            None
        })
    }

    fn each(
        &mut self,
        window: &Summary,
        settings: &Settings,
        mut judge: impl FnMut(&mut Tracked, Reading, Option<Deviation>) -> Option<Deviation>,
    ) -> Vec<Deviation> {
        let rate = self.mean(Metric::TraceRate);
        let mut found = Vec::new();
        for (metric, tracked) in Metric::ALL.into_iter().zip(&mut self.metrics) {
            if let Some(reading) = window.read(metric, tracked.average.mean(), rate) {
                let deviation = tracked.deviation(metric, window, reading, settings);
                found.extend(judge(tracked, reading, deviation));
            }
        }
        found
    }

    /// The state in the shape it is stored in: the metrics in the order of [`Metric::ALL`].
    #[must_use]
    pub fn stored(&self) -> Stored {
        let metrics = self.metrics.map(|Tracked { average, alerting }| {
            let (mean, variance, seen) = average.parts();
            StoredMetric {
                mean,
                variance,
                seen,
                alerting,
            }
        });
        Stored {
            metrics,
            open: self.open,
        }
    }

    /// The state read back.
    #[must_use]
    pub fn from_stored(Stored { metrics, open }: Stored) -> Self {
        let metrics = metrics.map(
            |StoredMetric {
                 mean,
                 variance,
                 seen,
                 alerting,
             }| Tracked {
                average: Ewma::from_parts(mean, variance, seen),
                alerting,
            },
        );
        Self { metrics, open }
    }

    /// The average of a metric, for display; `None` before its first window.
    #[must_use]
    pub fn mean(&self, metric: Metric) -> Option<f64> {
        let tracked = Metric::ALL
            .into_iter()
            .zip(&self.metrics)
            .find(|(m, _)| *m == metric);
        tracked.and_then(|(_, tracked)| tracked.average.mean())
    }
}

impl Tracked {
    /// How far a reading lies from the past; `None` while there is too little of it.
    fn deviation(
        &self,
        metric: Metric,
        window: &Summary,
        reading: Reading,
        settings: &Settings,
    ) -> Option<Deviation> {
        if self.average.seen() < settings.warm_up {
            return None;
        }
        let (expected, score) = (self.average.mean()?, self.average.score(reading)?);
        let severity = Severity::of(metric.distance(score), settings.threshold);
        Some(Deviation {
            metric,
            window: *window,
            value: reading.value,
            expected,
            score,
            severity,
        })
    }

    /// The deviation, if it was not going on already.
    fn begin(&mut self, deviation: Deviation) -> Option<Deviation> {
        (!std::mem::replace(&mut self.alerting, true)).then_some(deviation)
    }
}

#[cfg(test)]
mod props;
#[cfg(test)]
mod tests;
