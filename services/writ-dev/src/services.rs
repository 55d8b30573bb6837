//! The seven services in this process, on one listener.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use writ_contract::Service;
use writ_service_kit::config::{Cli, load};
use writ_service_kit::deps::{Built, Deps, RunError};
use writ_service_kit::process::{ServiceConfig, connect};
use writ_service_kit::serve::{App, Bound, Options, bind};
use writ_service_kit::telemetry::Metrics;
use writ_service_kit::{ReadyLatch, SystemClock, Tasks};

use crate::configs;
use crate::routes::misrouted;
use crate::stores::Plan;

/// Running services; the stack ends when one of them does.
#[derive(Debug)]
pub struct Services {
    latches: Vec<ReadyLatch>,
}

/// Builds all seven from their files, serves them on `bound` and runs their loops, and the witness
/// beside them on its own port. Returns before they are ready.
///
/// # Errors
/// When a configuration is refused or a service cannot be built.
pub async fn start(plan: Plan<'_>, bound: Bound, tasks: &Tasks) -> anyhow::Result<Services> {
    witness(plan, tasks).await?;
    let metrics = Metrics::install()?;
    let builder = Builder {
        plan,
        tasks,
        metrics: metrics.clone(),
    };
    let all = Box::pin(builder.all()).await?;
    let mut app = App::new(metrics, Options::default());
    for built in &all {
        for path in misrouted(built) {
            tracing::warn!(
                path,
                service = built.name,
                "the front door has it elsewhere"
            );
        }
        app = app.with(built);
    }
    let router = app.finish(tasks);
    let serving = tasks.clone();
    tasks.spawn("serve", async move { bound.serve(router, &serving).await });
    let latches = all.iter().map(|built| built.ready.clone()).collect();
    let runs = all
        .into_iter()
        .map(|built| async move { (built.name, built.run.await) });
    let mut runs: FuturesUnordered<_> = runs.collect();
    let cancel = tasks.cancel().clone();
    tasks.spawn("services", async move {
        while let Some((name, ended)) = runs.next().await {
            if let Err(error) = ended {
                tracing::error!(service = name, %error, "cannot go on");
            }
            cancel.cancel();
        }
    });
    Ok(Services { latches })
}

/// Serves the witness from its own file and folder.
async fn witness(plan: Plan<'_>, tasks: &Tasks) -> anyhow::Result<()> {
    let cli = Cli {
        config: Some(configs::witness_path(plan.layout)),
        ..Cli::default()
    };
    let config: writ_witness::Config = load(writ_witness::NAME, &cli)?;
    let router = writ_witness::build(&config, Arc::new(SystemClock))?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, plan.ports.witness()));
    let bound = bind(address).await.context("the witness's port is taken")?;
    let serving = tasks.clone();
    tasks.spawn(
        "witness",
        async move { bound.serve(router, &serving).await },
    );
    Ok(())
}

impl Services {
    /// Returns once every service may be given traffic.
    pub async fn ready(&self) {
        for latch in &self.latches {
            latch.wait().await;
        }
    }

    /// What is missing, one line each.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let lines = self.latches.iter().flat_map(|latch| {
            let missing = latch.missing().into_iter();
            missing.map(|(what, why)| format!("{}: {what}: {why}", latch.name()))
        });
        lines.collect()
    }
}

/// Builds services from their files.
pub(crate) struct Builder<'a> {
    pub(crate) plan: Plan<'a>,
    pub(crate) tasks: &'a Tasks,
    pub(crate) metrics: Metrics,
}

impl Builder<'_> {
    /// All seven, in the order of the topology.
    pub(crate) async fn all(&self) -> anyhow::Result<Vec<Built>> {
        Ok(vec![
            self.one(Service::Control, writ_control::build).await?,
            self.one(Service::Enforcement, writ_enforcement::build)
                .await?,
            self.one(Service::Ingest, writ_ingest::build).await?,
            self.one(Service::AuditLedger, writ_audit_ledger::build)
                .await?,
            self.one(Service::Anomaly, writ_anomaly::build).await?,
            self.one(Service::Approval, writ_approval::build).await?,
            self.one(Service::Notifier, writ_notifier::build).await?,
        ])
    }

    /// As the service's own binary does it, with the same file.
    async fn one<C, B, F>(&self, service: Service, build: B) -> anyhow::Result<Built>
    where
        C: ServiceConfig,
        B: FnOnce(C, Deps) -> F,
        F: Future<Output = Result<Built, RunError>>,
    {
        let config = Some(configs::path(self.plan.layout, service));
        let config: C = load(
            service.name(),
            &Cli {
                config,
                ..Cli::default()
            },
        )?;
        let host = config.host().clone();
        let deps = Deps {
            nats: connect(&host.nats, service.name()).await?,
            prefix: host.nats.prefix,
            cancel: self.tasks.cancel().child_token(),
            metrics: self.metrics.clone(),
            clock: Arc::new(SystemClock),
        };
        let built = Box::pin(build(config, deps))
            .await
            .map_err(anyhow::Error::from_boxed);
        built.with_context(|| format!("{service} cannot be built"))
    }
}
