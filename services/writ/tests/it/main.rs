//! The program `writ`, run as its users run it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod both;
mod bundle;
mod command;
mod detect;
mod errors;
mod fixture;
mod ledger;
mod permissions;
mod policies;
mod routes;
mod setup;

use std::process::{Command, Output};

/// Runs `writ` in an empty folder without the caller's environment.
fn writ(args: &[&str]) -> Output {
    writ_with(args, &[])
}

fn writ_with(args: &[&str], env: &[(&str, &str)]) -> Output {
    let nowhere = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_writ"));
    command.args(args).env_clear().current_dir(nowhere.path());
    command.envs(env.iter().copied()).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
