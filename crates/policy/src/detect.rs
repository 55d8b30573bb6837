//! Detectors: deterministic, linear-time, bounded.

mod bytes;
mod crescendo;
mod grams;
pub(crate) mod hosts;
pub mod injection;
pub(crate) mod mask;
mod mention;
pub(crate) mod normalise;
pub mod pii;
mod quotes;
mod signals;
pub mod views;
mod wording;
