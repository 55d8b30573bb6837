//! A witness of transparency logs: it signs a checkpoint only when the log grew from the one it
//! signed before (C2SP tlog-witness). Whoever asks for its signature is sure that nobody was shown
//! another history, as far as the witness is run by somebody else than the log.
//!
//! It stands alone: no broker, no database, its own key. Promise: a checkpoint is kept on disk
//! before its cosignature is answered, so that a witness that was killed never signs less.

pub mod config;

mod api;
mod domain;
mod store;

use std::sync::Arc;

use clap::Parser;
use tokio_util::sync::CancellationToken;
use writ_service_kit::config::{Cli, load, print};
use writ_service_kit::process::watch_signals;
use writ_service_kit::serve::{App, Options, bind};
use writ_service_kit::telemetry::{self, Metrics};
use writ_service_kit::{Clock, SystemClock, Tasks};

pub use config::Config;
pub use store::StoreError;

/// The program's name, and the first part of its settings in the environment.
pub const NAME: &str = "witness";

/// Opens the store and makes the routes.
///
/// # Errors
/// When the settings cannot be used or what is stored is not what this witness signed.
pub fn build(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<axum::Router> {
    let witness = config.witness().map_err(anyhow::Error::msg)?;
    let store = store::Store::open(&config.data_dir, &witness)?;
    Ok(api::router(api::State::new(witness, store, clock)))
}

/// Runs the witness from its command line until it is told to stop.
///
/// # Errors
/// When the settings are refused, the address is taken or the store cannot be used.
pub async fn run() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let config: Config = load(NAME, &cli)?;
    if cli.print_config {
        use std::io::Write;
        std::io::stdout().write_all(print(&config)?.as_bytes())?;
        return Ok(());
    }
    telemetry::init(&config.telemetry)?;
    let router = build(&config, Arc::new(SystemClock))?;
    let bound = bind(config.listen).await?;
    tracing::info!(addr = %bound.addr, "listening");
    let tasks = Tasks::new(CancellationToken::new());
    watch_signals(&tasks)?;
    let app = App::new(Metrics::install()?, Options::default()).merge(router);
    bound.serve(app.finish(&tasks), &tasks).await;
    Ok(())
}
