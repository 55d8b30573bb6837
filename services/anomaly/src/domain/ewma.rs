//! An exponentially weighted mean and variance.

use super::Settings;

/// One measured value and how exactly it could be measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The value, in the metric's unit.
    pub value: f64,
    /// Standard error of the measurement itself: a rate of three traces is not known to a percent.
    pub noise: f64,
    /// How much more than usual the value varies for being a mean over fewer things; at least 1.
    pub few: f64,
}

/// Mean and variance of a stream, recent values weighing more.
///
/// Update after T. Finch, "Incremental calculation of weighted mean and variance" (2009), §9.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Ewma {
    mean: f64,
    variance: f64,
    seen: u32,
}

impl Ewma {
    /// The mean; `None` before the first value.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.seen > 0).then_some(self.mean)
    }

    /// Mean, variance and count, for storing.
    #[must_use]
    pub const fn parts(&self) -> (f64, f64, u32) {
        (self.mean, self.variance, self.seen)
    }

    /// What [`Ewma::parts`] gave.
    #[must_use]
    pub const fn from_parts(mean: f64, variance: f64, seen: u32) -> Self {
        Self {
            mean,
            variance,
            seen,
        }
    }

    /// How many values it has seen.
    #[must_use]
    pub const fn seen(&self) -> u32 {
        self.seen
    }

    /// How many standard deviations a reading lies from the mean, its own noise included.
    #[must_use]
    pub fn score(&self, reading: Reading) -> Option<f64> {
        let sigma = self.sigma(reading);
        (self.seen > 0 && sigma > 0.0).then(|| (reading.value - self.mean) / sigma)
    }

    /// The average with one more value.
    ///
    /// Until the warm-up is over every value counts alike, so the first does not dominate. After it
    /// a value is let in only up to the threshold: a spike moves the baseline little, a lasting
    /// change moves it step by step.
    #[must_use]
    pub fn update(self, reading: Reading, settings: &Settings) -> Self {
        let seen = self.seen.saturating_add(1);
        let warm = self.seen >= settings.warm_up;
        let weight = if warm {
            settings.weight
        } else {
            1.0 / f64::from(seen)
        };
        let reach = settings.threshold * self.sigma(reading);
        let difference = reading.value - self.mean;
        let difference = if warm {
            difference.clamp(-reach, reach)
        } else {
            difference
        };
        let step = weight * difference;
        Self {
            mean: self.mean + step,
            variance: (1.0 - weight) * (self.variance + difference * step),
            seen,
        }
    }

    fn sigma(&self, Reading { noise, few, .. }: Reading) -> f64 {
        (self.variance * few * few + noise * noise).sqrt()
    }
}
