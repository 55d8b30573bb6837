//! From the arguments to what they ask for.

use writ_service_kit::telemetry::{TelemetryConfig, init};

use crate::args::Args;
use crate::layout::Layout;
use crate::{background, endpoints, run};

/// Does what the arguments ask for and returns when it is done.
///
/// # Errors
/// Whatever kept it from being done, in words for who typed the command.
pub fn act(args: &Args) -> anyhow::Result<()> {
    let layout = Layout::create(&args.dir)?;
    if args.stop {
        return background::stop(&layout);
    }
    if args.background {
        return background::start(args, &layout);
    }
    let installed = rustls::crypto::ring::default_provider().install_default();
    installed.map_err(|_| anyhow::anyhow!("a TLS provider is already installed"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    if args.endpoints {
        return runtime.block_on(endpoints::print());
    }
    if args.openapi {
        return runtime.block_on(endpoints::document());
    }
    init(&TelemetryConfig {
        filter: args.log.clone(),
        ..TelemetryConfig::default()
    })?;
    runtime.block_on(run::run(args, &layout))
}
