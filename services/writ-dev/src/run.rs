//! The life of a stack: stores, services, ready, until told to stop.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use reqwest::Method;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use writ_service_kit::process::watch_signals;
use writ_service_kit::serve::{Bound, bind};
use writ_service_kit::{Clock, SystemClock, Tasks};

use crate::api::Api;
use crate::args::Args;
use crate::background::Lock;
use crate::children::Kept;
use crate::layout::{Layout, Ports};
use crate::orgs::Org;
use crate::processes::{self, Processes};
use crate::secrets::Secrets;
use crate::services::{self, Services};
use crate::stores::{self, Plan};
use crate::{banner, configs, demo, envfile, orgs};

/// From the stores' answering to the services' being ready.
const READY: Duration = Duration::from_secs(120);
/// From then to the first signature of the witness: it is asked every second.
const WITNESSED: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(100);
const DRAIN: Duration = Duration::from_secs(15);
const CHILD_STOP: Duration = Duration::from_secs(15);

/// Runs a stack in this process until SIGTERM, ctrl-c, or a service that cannot go on.
///
/// # Errors
/// When it does not become ready; everything started is stopped again.
pub async fn run(args: &Args, layout: &Layout) -> anyhow::Result<()> {
    let _lock = Lock::take(layout)?;
    envfile::remove(layout)?;
    let tasks = Tasks::new(CancellationToken::new());
    watch_signals(&tasks)?;
    let (mut stores, mut processes) = (Vec::new(), Vec::new());
    let outcome = Box::pin(live(args, layout, &tasks, &mut stores, &mut processes)).await;
    envfile::remove(layout)?;
    if !tasks.drain(DRAIN).await {
        tracing::warn!("some tasks did not stop in time");
    }
    stop_all(processes).await;
    stop_all(stores).await;
    outcome
}

async fn live(
    args: &Args,
    layout: &Layout,
    tasks: &Tasks,
    children: &mut Vec<Kept>,
    processes: &mut Vec<Kept>,
) -> anyhow::Result<()> {
    let ports = Ports::from_base(args.port_base)?;
    let door = SocketAddr::from((Ipv4Addr::LOCALHOST, ports.door()));
    let bound = bind(door)
        .await
        .with_context(|| format!("port {} is taken", ports.door()))?;
    let secrets = Secrets::load_or_create(&layout.path("secrets.json"))?;
    let orgs = orgs::load_or_create(&layout.path("orgs.json"))?;
    let plan = Plan {
        args,
        layout,
        ports,
        secrets: &secrets,
        orgs: &orgs,
    };
    let cancel = tasks.cancel().clone();
    let Some(started) = cancel
        .run_until_cancelled(stores::start(plan, children))
        .await
    else {
        return Ok(());
    };
    let stores = started?;
    configs::write(plan, &stores)?;
    let half = Half::start(plan, bound, tasks, processes).await?;
    let Some(ready) = cancel.run_until_cancelled(half.ready()).await else {
        anyhow::bail!(
            "a service ended while starting: {}",
            half.missing().await.join("; ")
        );
    };
    ready?;
    if !args.empty {
        demo_data(ports, &orgs).await;
    }
    first_witness(ports, &orgs).await;
    envfile::write(layout, &envfile::render(plan, &stores))?;
    banner::print(args, layout, ports, &stores, &orgs)?;
    cancel.cancelled().await;
    Ok(())
}

/// A stack without demo data is still a stack.
async fn demo_data(ports: Ports, orgs: &[Org]) {
    let Some(org) = orgs.first() else { return };
    if let Err(error) = demo::seed(ports, org, SystemClock.now()).await {
        tracing::warn!(%error, "no demo data");
    }
}

/// Waits until the witness has signed the log: who verified the ledger before that would be told that
/// nobody had. A stack whose witness is late is still a stack.
async fn first_witness(ports: Ports, orgs: &[Org]) {
    let Some(org) = orgs.first() else { return };
    let (api, until) = (Api::of(ports, org), Instant::now() + WITNESSED);
    while Instant::now() < until {
        if is_witnessed(&api).await.is_ok_and(|signed| signed) {
            return;
        }
        sleep(LOOK).await;
    }
    tracing::warn!("the ledger is not witnessed yet");
}

async fn is_witnessed(api: &Api) -> anyhow::Result<bool> {
    let head = api.send(Method::GET, "/audit/checkpoint", None).await?;
    let head = head.json::<Value>().await?;
    Ok(head.pointer("/data/witnessed") == Some(&Value::Bool(true)))
}

/// The services, in either form.
enum Half {
    One(Services),
    Many(Box<Processes>),
}

impl Half {
    async fn start(
        plan: Plan<'_>,
        bound: Bound,
        tasks: &Tasks,
        processes: &mut Vec<Kept>,
    ) -> anyhow::Result<Self> {
        if plan.args.processes {
            let all = processes::start(plan, bound, tasks, processes)?;
            return Ok(Self::Many(Box::new(all)));
        }
        Ok(Self::One(
            Box::pin(services::start(plan, bound, tasks)).await?,
        ))
    }

    async fn ready(&self) -> anyhow::Result<()> {
        let ready = async {
            match self {
                Self::One(services) => services.ready().await,
                Self::Many(processes) => processes.ready().await,
            }
        };
        if tokio::time::timeout(READY, ready).await.is_err() {
            anyhow::bail!(
                "not ready after {READY:?}:\n  {}",
                self.missing().await.join("\n  ")
            );
        }
        Ok(())
    }

    async fn missing(&self) -> Vec<String> {
        match self {
            Self::One(services) => services.missing(),
            Self::Many(processes) => processes.missing().await,
        }
    }
}

/// At the same time: each waits for its own.
async fn stop_all(children: Vec<Kept>) {
    let stops = children
        .into_iter()
        .map(|kept| tokio::task::spawn_blocking(move || kept.stop(CHILD_STOP)));
    for stopped in futures::future::join_all(stops).await {
        if let Err(error) = stopped {
            tracing::warn!(%error, "a child was not stopped");
        }
    }
}
