//! The four metrics of a window.

use super::Reading;

const MICROS_PER_MINUTE: f64 = 60_000_000.0;

/// What one agent did in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
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
    /// Millionths of a US dollar a trace: volume is the trace rate's business.
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
    /// Reads a metric, given its average so far; `None` when the window says nothing about it.
    ///
    /// The noise is the error of counting (Poisson for traces, binomial for errors), at least a
    /// share of the average and at least a fixed floor: an agent that never varied would otherwise
    /// raise an alarm at the first trifle.
    #[must_use]
    pub fn read(&self, metric: Metric, mean: Option<f64>) -> Option<Reading> {
        if self.length_us == 0 || (self.traces == 0 && metric != Metric::TraceRate) {
            return None;
        }
        let traces = real(self.traces);
        let per_trace = |sum: u64| real(sum) / traces;
        let at_least = |floor: f64, value: f64| floor.max(0.1 * mean.unwrap_or(value).abs());
        Some(match metric {
            Metric::TraceRate => {
                let minutes = real(self.length_us) / MICROS_PER_MINUTE;
                let value = traces / minutes;
                let expected_count = mean.unwrap_or(value) * minutes;
                let noise = expected_count.max(1.0).sqrt() / minutes;
                Reading {
                    value,
                    noise: at_least(0.0, value).max(noise),
                }
            }
            Metric::ErrorRate => {
                let value = per_trace(self.errors);
                let rate = mean.unwrap_or(value).clamp(0.01, 0.5);
                Reading {
                    value,
                    noise: (rate * (1.0 - rate) / traces).sqrt().max(0.01),
                }
            }
            Metric::Cost => {
                let value = per_trace(self.cost_micros);
                Reading {
                    value,
                    noise: at_least(100.0, value),
                }
            }
            Metric::Latency => {
                let value = per_trace(self.duration_ms_sum);
                Reading {
                    value,
                    noise: at_least(20.0, value),
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
