//! `writ`: the command line.

mod agent;
mod api;
mod approval;
mod audit;
mod body;
mod cli;
mod compliance;
mod contexts;
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
mod privacy;
mod route;
mod server;
mod setup;
mod target;
mod topology;
mod trace;
mod webhook;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::read(std::env::args_os()) {
        Ok(asked) => cli::run(asked),
        Err(error) => output::usage(&error),
    }
}
