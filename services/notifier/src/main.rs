//! The notifier as a process of its own.

use writ_notifier::{Config, NAME, build};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let installed = rustls::crypto::ring::default_provider().install_default();
    installed.map_err(|_| anyhow::anyhow!("a TLS provider is already installed"))?;
    writ_service_kit::process::run::<Config, _, _>(NAME, build).await
}
