//! The audit ledger: one chain of signed entries for each organisation, which anybody can check.
//!
//! Facts in: every governance fact (control, gate, approval, anomaly, notifier, batch manifests).
//! Facts out: `ledger.sealed`. Projection: `chain`, primary data in Postgres schema `ledger`; its
//! order is the order of sealing. Promises: a fact is one entry, exactly once; entries are never
//! changed; a hole in an emitter's numbers is an entry; nothing is signed that was not read back
//! and hashed again; a checkpoint is kept before anybody is told of it.

pub mod config;

mod api;
mod consume;
mod domain;
mod error;
mod keys;
mod metrics;
mod store;
mod witness;

use std::sync::Arc;
use std::time::Duration;

use writ_contract::{Service, Topology};
use writ_eventlog::{EventLog, KeyFeed};
use writ_pg::{Outbox, Pools, Relay};
use writ_service_kit::tasks::Backoff;
use writ_service_kit::{Built, Deps, ReadyLatch, RunError, Tasks};

use domain::compliance::Catalogues;

pub use config::Config;
pub use error::Error;

/// The service's name in the topology.
pub const NAME: &str = "audit-ledger";

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
    let (signer, owners) = config.log.keys(Service::AuditLedger)?;
    let topology = Topology::new(&deps.prefix)?;
    let log = EventLog::new(deps.nats.clone(), topology, signer, owners);
    let pools = Pools::new(&config.store, store::SCHEMA)?;
    let outbox = Outbox::new(pools.writer.clone());
    let ready = ReadyLatch::new(NAME);
    let keys = KeyFeed::new(log.clone());
    let gate = config.access.gate(keys.clone(), deps.clock.clone())?;
    let signing = Arc::new(config.ledger.keys()?);
    let catalogues = Catalogues::load().map_err(|wrong| format!("catalogues: {wrong}"))?;
    let state = api::State {
        pool: pools.api.clone(),
        keys: signing.clone(),
        catalogues: Arc::new(catalogues),
        clock: deps.clock.clone(),
        witnessed: !config.ledger.witnesses.is_empty(),
    };
    let (rest, endpoints) = api::routes(gate.clone()).build(state.clone());
    let (grpc, grpc_names) = api::services(gate, state);
    let service = Running {
        writer: Arc::new(consume::Writer {
            log: log.clone(),
            pool: pools.writer.clone(),
            outbox: outbox.clone(),
            clock: deps.clock.clone(),
            signing,
            seal_every: config.ledger.seal_every.get(),
            batch: config.ledger.batch,
            open: ready.require("ledger"),
        }),
        witnesses: witness::Witnesses::new(&config.ledger.witnesses, pools.writer.clone())?,
        relay: Relay::new(outbox, log, store::SCHEMA),
        keys,
        ready: ready.clone(),
        pools,
        config,
    };
    Ok(Built {
        name: NAME,
        router: rest.merge(grpc),
        descriptors: vec![api::grpc::DESCRIPTORS],
        grpc_names,
        endpoints,
        ready,
        run: Box::pin(service.run(Tasks::new(deps.cancel))),
    })
}

struct Running {
    writer: Arc<consume::Writer>,
    witnesses: Option<Arc<witness::Witnesses>>,
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
        let writer = self.writer;
        tasks.supervise("ledger", Backoff::default(), move || writer.clone().run());
        if let Some(witnesses) = self.witnesses {
            let name = "witnesses";
            tasks.supervise(name, Backoff::default(), move || witnesses.clone().run());
        }
        cancel.cancelled().await;
        tasks.drain(DRAIN).await;
        self.pools.close().await;
        Ok(())
    }
}
