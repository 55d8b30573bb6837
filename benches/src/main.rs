//! `make bench`: enforce over gRPC and REST against a bare echo of the same message, in one run.
//! Absolute times are the machine's; the ratios are the result. `make bench-kill`: how long a pause
//! takes. See `docs/guides/benchmarks.md`.
#![allow(
    clippy::print_stdout,
    reason = "the report is what this program is for"
)]

mod documents;
mod kill;
mod load;
mod report;
mod server;
mod stage;

use std::time::Duration;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(version, about = "Enforce against a bare echo, in one run")]
struct Args {
    #[command(subcommand)]
    role: Option<Role>,
    /// Blocks of each kind; echo and enforce take turns (A B B A …).
    #[arg(long, default_value_t = 5)]
    blocks: usize,
    /// Seconds of one block.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Active policies of the organisation.
    #[arg(long, default_value_t = 100)]
    policies: usize,
}

#[derive(Debug, Clone, Subcommand)]
enum Role {
    /// The server process: NATS, enforcement and the echoes. Started by the benchmark itself.
    Serve {
        /// Active policies.
        policies: usize,
    },
    /// How long a pause takes, on three replicas at work.
    Kill(kill::Plan),
    /// The server process of `kill`: NATS, control and three replicas of enforcement.
    ServeKill {
        /// Active policies.
        policies: usize,
    },
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let installed = rustls::crypto::ring::default_provider().install_default();
    installed.map_err(|_| anyhow::anyhow!("a TLS provider is already installed"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    match args.role {
        Some(Role::Serve { policies }) => runtime.block_on(server::serve(policies)),
        Some(Role::Kill(plan)) => runtime.block_on(kill::run(plan)),
        Some(Role::ServeKill { policies }) => runtime.block_on(server::serve_kill(policies)),
        None => {
            let block = Duration::from_secs(args.seconds);
            runtime.block_on(report::run(args.blocks, block, args.policies))
        }
    }
}
