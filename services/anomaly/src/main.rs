//! The anomaly service as a process of its own.

use writ_anomaly::{Config, NAME, build};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    writ_service_kit::process::run::<Config, _, _>(NAME, build).await
}
