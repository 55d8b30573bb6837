//! The process of the service `ingest`.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    writ_service_kit::process::run::<writ_ingest::Config, _, _>("ingest", writ_ingest::build).await
}
