//! The enforcement service as a process.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    writ_service_kit::process::run("enforcement", writ_enforcement::build).await
}
