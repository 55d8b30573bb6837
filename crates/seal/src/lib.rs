//! Other people's secrets at rest and on the log: AES-256-GCM under a key that can be rotated, bound
//! to the place they were sealed for.

mod config;
mod sealer;

pub use config::SealingConfig;
pub use sealer::{SealError, Sealed, Sealer};
