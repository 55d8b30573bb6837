//! How to start the three servers Writ rests on, as child processes in a folder of their own.
//!
//! `writ dev` and `writ-testkit` share this, so that a test sees the server the developer sees.
//! Every command ends with its parent: it is wrapped in `setpriv --pdeathsig`, and the signal goes
//! out when the *thread* that spawned it ends, so spawn from a thread that lives as long as needed.

pub mod clickhouse;
pub mod nats;
pub mod postgres;
mod tools;
mod wait;

pub use tools::Tools;
pub use wait::{free_port, wait_for_port};

use std::path::Path;
use std::process::Command;

/// What the server gets when its parent is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnOrphaned {
    /// SIGKILL: the data folder is going to be removed anyway.
    Kill,
    /// The server's own fast, clean end.
    Stop,
}

impl OnOrphaned {
    fn signal(self, clean: &'static str) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Stop => clean,
        }
    }
}

/// `setpriv --pdeathsig SIGNAL … program`.
fn tied(signal: &str, privileges: &[String], program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", signal])
        .args(privileges)
        .arg("--")
        .arg(program);
    command
}
