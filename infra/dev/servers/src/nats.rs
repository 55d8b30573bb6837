//! nats-server with JetStream.

use std::path::Path;
use std::process::Command;

use crate::{OnOrphaned, Tools, tied};

/// The server with a configuration file; `dir` is JetStream's store.
#[must_use]
pub fn command(tools: &Tools, config: &Path, dir: &Path, port: u16, end: OnOrphaned) -> Command {
    let mut command = tied(end.signal("TERM"), &[], &tools.nats);
    command
        .arg("--config")
        .arg(config)
        .arg("--store_dir")
        .arg(dir);
    command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
    command
}
