//! The anomaly service: is this agent behaving as it usually does?
//!
//! And what has to be looked at by a person?
//!
//! Facts in: `metered.summed`, bypasses and forgeries of `ingest`, decisions of the gate, mismatches
//! of `approval`, keys of `control` that leaked. Facts out: `finding.found`, `incident.{opened, escalated, reopened, acknowledged,
//! resolved, noted}`. Projections: `agent_baseline`, exponentially weighted averages of each agent's
//! metrics; `incidents`, what one agent did against one policy in an hour. Each is saved together
//! with its facts and its resume point. Promises: what a replica summed up counts exactly once, and
//! so does what happened; a fact is published if and only if its row was committed; findings and
//! incidents alert, they never enforce.

pub mod config;
pub mod domain;

mod api;
mod command;
mod consume;
mod error;
mod facts;
mod metrics;
mod store;

use std::sync::Arc;
use std::time::Duration;

use writ_contract::{Service, Topology};
use writ_eventlog::{EventLog, KeyFeed};
use writ_pg::{Outbox, Pools, Relay};
use writ_service_kit::tasks::Backoff;
use writ_service_kit::{Built, Deps, ReadyLatch, RunError, Tasks};

pub use config::Config;
pub use error::Error;

/// The service's name in the topology.
pub const NAME: &str = "anomaly";

const DRAIN: Duration = Duration::from_secs(10);

/// Wires the service; nothing runs until `run` of the result is awaited.
///
/// # Errors
/// When the configuration cannot be used.
#[allow(
    clippy::unused_async,
    reason = "all services are built alike, and some open files"
)]
pub async fn build(config: Config, deps: Deps) -> Result<Built, RunError> {
    metrics::describe();
    let (signer, owners) = config.log.keys(Service::Anomaly)?;
    let log = EventLog::new(
        deps.nats.clone(),
        Topology::new(&deps.prefix)?,
        signer,
        owners,
    );
    let pools = Pools::new(&config.store, store::SCHEMA)?;
    let outbox = Outbox::new(pools.writer.clone());
    let ready = ReadyLatch::new(NAME);
    let keys = KeyFeed::new(log.clone());
    let gate = config.access.gate(keys.clone(), deps.clock.clone())?;
    let (router, endpoints) = api::routes(gate).build(api::State {
        pool: pools.api.clone(),
        desk: command::Desk {
            pools: pools.clone(),
            outbox: outbox.clone(),
            topology: log.topology().clone(),
            clock: deps.clock.clone(),
        },
    });
    let follow = |source: consume::Source| consume::Incidents {
        source,
        log: log.clone(),
        pool: pools.writer.clone(),
        outbox: outbox.clone(),
        caught_up: ready.require(source.name()),
    };
    let service = Running {
        projection: Arc::new(consume::Projection {
            log: log.clone(),
            pool: pools.writer.clone(),
            outbox: outbox.clone(),
            settings: config.detector.settings(),
            caught_up: ready.require("baselines"),
            incidents: consume::Source::ALL.map(follow),
        }),
        relay: Relay::new(outbox, log, store::SCHEMA),
        keys,
        ready: ready.clone(),
        pools,
        config,
    };
    Ok(Built {
        name: NAME,
        router,
        descriptors: Vec::new(),
        grpc_names: Vec::new(),
        endpoints,
        ready,
        run: Box::pin(service.run(Tasks::new(deps.cancel))),
    })
}

struct Running {
    projection: Arc<consume::Projection>,
    relay: Relay<EventLog>,
    keys: Arc<KeyFeed>,
    ready: ReadyLatch,
    pools: Pools,
    config: Config,
}

impl Running {
    /// Prepares the store, then keeps the loops up until cancelled.
    async fn run(self, tasks: Tasks) -> Result<(), RunError> {
        let store_ready = self.ready.require("store");
        let keys_ready = self.ready.require("keys");
        let cancel = tasks.cancel().clone();
        let prepared = writ_pg::prepare(
            &self.config.store,
            &self.pools,
            store::SCHEMA,
            &store::MIGRATIONS,
        );
        match cancel.run_until_cancelled(prepared).await {
            None => return Ok(()),
            Some(done) => done?,
        }
        store_ready.met();
        let (keys, token) = (self.keys.clone(), cancel.clone());
        tasks.spawn("keys", async move { keys.run(token).await });
        let keys = self.keys.clone();
        tasks.meet("keys_ready", keys_ready, async move { keys.ready().await });
        let (relay, token) = (self.relay, cancel.clone());
        tasks.supervise("relay", Backoff::default(), move || {
            relay.clone().run(token.clone())
        });
        let projection = self.projection;
        tasks.supervise("projections", Backoff::default(), move || {
            projection.clone().run()
        });
        cancel.cancelled().await;
        tasks.drain(DRAIN).await;
        self.pools.close().await;
        Ok(())
    }
}
