//! Configuration: defaults, then a file, then the environment, then flags.

mod check;
mod load;
mod secret;
mod units;

pub use load::{Cli, ConfigError, load, print};
pub use secret::Secret;
pub use units::{HumanDuration, HumanSize};

/// A configuration that can say everything that is wrong with it.
pub trait Validate {
    /// Every problem, each beginning with the path of the field.
    fn validate(&self) -> Vec<String>;
}
