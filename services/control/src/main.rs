//! The control service as a process.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    writ_service_kit::process::run(writ_control::NAME, writ_control::build).await
}
