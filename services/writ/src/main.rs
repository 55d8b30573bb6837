//! `writ`: the command line.

mod agent;
mod api;
mod approval;
mod audit;
mod cli;
mod detect;
mod dev;
mod doctor;
mod env_file;
mod failure;
mod key;
mod list;
mod nats;
mod output;
mod pause;
mod policy;
mod setup;
mod target;
mod topology;
mod trace;
mod webhook;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::try_parse() {
        Ok(cli) => cli::run(cli),
        Err(error) => output::usage(&error),
    }
}
