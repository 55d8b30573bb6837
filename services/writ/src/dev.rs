//! `writ dev`: becomes the development binary.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;

const PROGRAM: &str = "writ-dev";

/// Replaces this process, so that signals and the terminal are writ-dev's own. Returns only when
/// that failed.
pub(crate) fn become_writ_dev(args: &[OsString]) -> Failure {
    let error = Command::new(program()).args(args).exec();
    Failure::Unavailable(format!(
        "cannot start {PROGRAM}: {error}; build it with `cargo build -p {PROGRAM}` or put it on PATH"
    ))
}

/// The one beside this program, else whatever PATH has.
fn program() -> PathBuf {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|me| me.parent().map(|folder| folder.join(PROGRAM)));
    beside
        .filter(|path| path.is_file())
        .unwrap_or_else(|| PathBuf::from(PROGRAM))
}
