//! Every REST endpoint of the seven services, without running anything.

use std::io::Write;

use tokio_util::sync::CancellationToken;
use writ_service_kit::telemetry::Metrics;
use writ_service_kit::{Built, Tasks, openapi};

use crate::args::Args;
use crate::layout::{Layout, Ports};
use crate::secrets::Secrets;
use crate::services::Builder;
use crate::stores::{self, Plan};
use crate::{configs, orgs};

/// Prints one line for each: service, method, path, who may call it.
///
/// # Errors
/// When a service cannot be built or nobody listens.
pub async fn print() -> anyhow::Result<()> {
    let mut lines = Vec::new();
    for built in Box::pin(services()).await? {
        lines.extend(
            built
                .endpoints
                .iter()
                .map(|line| format!("{:<12} {line}\n", built.name)),
        );
    }
    lines.sort();
    std::io::stdout().write_all(lines.concat().as_bytes())?;
    Ok(())
}

/// Prints the OpenAPI document.
///
/// # Errors
/// When a service cannot be built, a route says too little of itself, or nobody listens.
pub async fn document() -> anyhow::Result<()> {
    let services = Box::pin(services()).await?;
    let endpoints = services.iter().flat_map(|built| &built.endpoints);
    let document = openapi::document(endpoints).map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the API has no document yet:\n{}", problems.join("\n"))
    })?;
    let text = serde_json::to_string_pretty(&document)? + "\n";
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// The seven services, wired to stores that nobody asks anything.
///
/// # Errors
/// When one cannot be built.
pub async fn services() -> anyhow::Result<Vec<Built>> {
    let dir = tempfile::tempdir()?;
    let layout = Layout::create(dir.path())?;
    let args = Args {
        nats_url: Some("nats://127.0.0.1:1".to_owned()),
        database_url: Some("postgres://writ_owner@127.0.0.1:1/writ".to_owned()),
        clickhouse_url: Some("http://127.0.0.1:1".to_owned()),
        ..<Args as clap::Parser>::parse_from(["writ"])
    };
    let secrets = Secrets::load_or_create(&layout.path("secrets.json"))?;
    let orgs = orgs::load_or_create(&layout.path("orgs.json"))?;
    let ports = Ports::from_base(args.port_base)?;
    let plan = Plan {
        args: &args,
        layout: &layout,
        ports,
        secrets: &secrets,
        orgs: &orgs,
    };
    configs::write(plan, &stores::given(plan)?)?;
    let tasks = Tasks::new(CancellationToken::new());
    Builder {
        plan,
        tasks: &tasks,
        metrics: Metrics::detached(),
    }
    .all()
    .await
}
