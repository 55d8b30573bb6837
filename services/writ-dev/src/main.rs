//! `writ-dev`: all of Writ on this machine.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use writ_dev::act::act;
use writ_dev::args::Args;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Err(error) = act(&Args::parse()) else {
        return ExitCode::SUCCESS;
    };
    // Without a terminal to write to there is only the exit code.
    drop(writeln!(std::io::stderr(), "writ dev: {error:#}"));
    ExitCode::FAILURE
}
