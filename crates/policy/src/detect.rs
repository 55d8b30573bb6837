//! Detectors: deterministic, linear-time, bounded.

pub mod injection;
pub(crate) mod mask;
mod mention;
pub(crate) mod normalise;
pub mod pii;
mod signals;
pub mod views;
