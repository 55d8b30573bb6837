//! `writ-dev`: all of Writ on this machine.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use writ_dev::args::Args;
use writ_dev::layout::Layout;
use writ_dev::{background, endpoints, run};
use writ_service_kit::telemetry::{TelemetryConfig, init};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Err(error) = act(Args::parse()) else {
        return ExitCode::SUCCESS;
    };
    // Without a terminal to write to there is only the exit code.
    drop(writeln!(std::io::stderr(), "writ dev: {error:#}"));
    ExitCode::FAILURE
}

fn act(args: Args) -> anyhow::Result<()> {
    let layout = Layout::create(&args.dir)?;
    if args.stop {
        return background::stop(&layout);
    }
    if args.background {
        return background::start(&args, &layout);
    }
    let installed = rustls::crypto::ring::default_provider().install_default();
    installed.map_err(|_| anyhow::anyhow!("a TLS provider is already installed"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    if args.endpoints {
        return runtime.block_on(endpoints::print());
    }
    init(&TelemetryConfig {
        filter: args.log.clone(),
        ..TelemetryConfig::default()
    })?;
    runtime.block_on(run::run(&args, &layout))
}
