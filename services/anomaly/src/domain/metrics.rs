//! The four metrics of a window.

use super::Reading;

const MICROS_PER_MINUTE: f64 = 60_000_000.0;
const MICROS_PER_DOLLAR: f64 = 1_000_000.0;

/// What one agent did in one window, or what one replica saw of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Its beginning, in microseconds since the Unix epoch.
    pub start_us: i64,
    /// Length of the window in microseconds; an empty window is not judged.
    pub length_us: u64,
    /// Traces in it.
    pub traces: u64,
    /// Of them with an error.
    pub errors: u64,
    /// Their cost in millionths of a US dollar.
    pub cost_micros: u64,
    /// Their durations together, in milliseconds.
    pub duration_ms_sum: u64,
}

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Traces a minute.
    TraceRate,
    /// Share of traces with an error, 0 to 1.
    ErrorRate,
    /// US dollars a trace: volume is the trace rate's business.
    Cost,
    /// Milliseconds a trace.
    Latency,
}

impl Metric {
    /// All four, in the order a baseline keeps them.
    pub const ALL: [Self; 4] = [Self::TraceRate, Self::ErrorRate, Self::Cost, Self::Latency];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TraceRate => "trace_rate",
            Self::ErrorRate => "error_rate",
            Self::Cost => "cost",
            Self::Latency => "latency",
        }
    }

    /// A score as distance from normal. Fewer errors, lower cost and less waiting are no trouble; a
    /// trace rate is out of the ordinary both ways.
    #[must_use]
    pub fn distance(self, score: f64) -> f64 {
        match self {
            Self::TraceRate => score.abs(),
            Self::ErrorRate | Self::Cost | Self::Latency => score.max(0.0),
        }
    }
}

impl Summary {
    /// Its end, in microseconds since the Unix epoch.
    #[must_use]
    pub fn end_us(&self) -> i64 {
        self.start_us.saturating_add_unsigned(self.length_us)
    }

    /// The sums of the same window that two replicas saw.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        Self {
            traces: self.traces.saturating_add(other.traces),
            errors: self.errors.saturating_add(other.errors),
            cost_micros: self.cost_micros.saturating_add(other.cost_micros),
            duration_ms_sum: self.duration_ms_sum.saturating_add(other.duration_ms_sum),
            ..self
        }
    }

    /// Reads a metric, given its average and the average trace rate so far; `None` when the window
    /// says nothing about it.
    ///
    /// The noise is the error of counting (Poisson for traces, binomial for errors), at least a
    /// share of the average and at least a fixed floor: an agent that never varied would otherwise
    /// raise an alarm at the first trifle. A mean over fewer traces than usual varies more.
    #[must_use]
    pub fn read(&self, metric: Metric, mean: Option<f64>, rate: Option<f64>) -> Option<Reading> {
        if self.length_us == 0 || (self.traces == 0 && metric != Metric::TraceRate) {
            return None;
        }
        let traces = real(self.traces);
        let minutes = real(self.length_us) / MICROS_PER_MINUTE;
        let per_trace = |sum: u64| real(sum) / traces;
        let usual = rate.map_or(traces, |rate| rate * minutes);
        let few = (usual / traces).max(1.0).sqrt();
        let share = |value: f64| 0.1 * mean.unwrap_or(value).abs();
        Some(match metric {
            Metric::TraceRate => {
                let value = traces / minutes;
                let counting = (mean.unwrap_or(value) * minutes).max(1.0).sqrt() / minutes;
                Reading {
                    value,
                    noise: counting.max(share(value)),
                    few: 1.0,
                }
            }
            Metric::ErrorRate => {
                let value = per_trace(self.errors);
                let rate = mean.unwrap_or(value).clamp(0.01, 0.5);
                // At least half an error: a single one among few traces proves nothing.
                let counting = (rate * (1.0 - rate) / traces).sqrt().max(0.5 / traces);
                Reading {
                    value,
                    noise: counting.max(0.01),
                    few,
                }
            }
            Metric::Cost => {
                let value = per_trace(self.cost_micros) / MICROS_PER_DOLLAR;
                Reading {
                    value,
                    noise: share(value).max(0.000_1),
                    few,
                }
            }
            Metric::Latency => {
                let value = per_trace(self.duration_ms_sum);
                Reading {
                    value,
                    noise: share(value).max(20.0),
                    few,
                }
            }
        })
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "counts and sums of a window lie far below 2^53"
)]
fn real(count: u64) -> f64 {
    count as f64
}
