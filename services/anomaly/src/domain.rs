//! What is out of the ordinary for one agent: exponentially weighted averages of its metrics and
//! how far a window lies from them. Pure; anomalies alert, they never enforce.

mod ewma;
mod metrics;

pub use ewma::{Ewma, Reading};
pub use metrics::{Metric, Summary};

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
}

/// One metric's average, and whether a finding about it is going on.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Tracked {
    average: Ewma,
    alerting: bool,
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
    /// Judges one window against the past, then lets it become part of the past.
    ///
    /// A finding is reported when it begins, not in every window it lasts: the metric must first
    /// come back inside half the threshold.
    #[must_use]
    pub fn observe(mut self, window: &Summary, settings: &Settings) -> (Self, Vec<Deviation>) {
        let mut found = Vec::new();
        for (metric, tracked) in Metric::ALL.into_iter().zip(&mut self.metrics) {
            if let Some(reading) = window.read(metric, tracked.average.mean()) {
                found.extend(tracked.observe(metric, reading, settings));
            }
        }
        (self, found)
    }

    /// The state in the shape it is stored in, in the order of [`Metric::ALL`].
    #[must_use]
    pub fn stored(&self) -> [StoredMetric; 4] {
        self.metrics.map(|Tracked { average, alerting }| {
            let (mean, variance, seen) = average.parts();
            StoredMetric {
                mean,
                variance,
                seen,
                alerting,
            }
        })
    }

    /// The state read back.
    #[must_use]
    pub fn from_stored(stored: [StoredMetric; 4]) -> Self {
        let metrics = stored.map(
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
        Self { metrics }
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
    fn observe(
        &mut self,
        metric: Metric,
        reading: Reading,
        settings: &Settings,
    ) -> Option<Deviation> {
        let expected = self.average.mean();
        let score = self.average.score(reading);
        self.average = self.average.update(reading, settings);
        let (expected, score) = (expected?, score?);
        if self.average.seen() <= settings.warm_up {
            return None;
        }
        let distance = metric.distance(score);
        let began = distance >= settings.threshold && !self.alerting;
        if distance >= settings.threshold {
            self.alerting = true;
        } else if distance < settings.threshold / 2.0 {
            self.alerting = false;
        }
        let severity = Severity::of(distance, settings.threshold);
        began.then_some(Deviation {
            metric,
            value: reading.value,
            expected,
            score,
            severity,
        })
    }
}

#[cfg(test)]
mod props;
#[cfg(test)]
mod tests;
