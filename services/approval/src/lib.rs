//! The approval service: may this one act be done, says a person.
//!
//! Facts in: held decisions and used certificates of the gate, seals of the ledger, agents and
//! pauses of `control`, erasures that it has begun. Facts out: `card_erasure.carried_out`, `approval.{requested, joined, granted, denied, expired, cancelled,
//! mismatched, consumed}`, and `certificate.consumed` on the gate. Projection: `pending_approvals`,
//! the rows of requests with the card a person decides by. Promises: a request that was seen has a
//! row; nobody decides a request of their own; a certificate exists only under a seal of the ledger,
//! is good for one act and one use, and never for a paused agent; trouble reads as "pending" or as an
//! error, never as "approved".

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

use crate::command::Desk;
use crate::consume::{Leader, Pauses};

pub use config::Config;
pub use error::Error;

/// The service's name in the topology.
pub const NAME: &str = "approval";

const DRAIN: Duration = Duration::from_secs(10);

/// Wires the service; nothing runs until `run` of the result is awaited.
///
/// # Errors
/// When the configuration cannot be used.
#[allow(clippy::unused_async, reason = "every service is built the same way")]
pub async fn build(config: Config, deps: Deps) -> Result<Built, RunError> {
    metrics::describe();
    let (signer, owners) = config.log.keys(Service::Approval)?;
    let topology = Topology::new(&deps.prefix)?;
    let log = EventLog::new(deps.nats.clone(), topology, signer, owners);
    let pools = Pools::new(&config.store, store::SCHEMA)?;
    let outbox = Outbox::new(pools.writer.clone());
    let ready = ReadyLatch::new(NAME);
    let keys = KeyFeed::new(log.clone());
    let desk = Arc::new(Desk {
        pauses: Pauses::new(log.clone()),
        log: log.clone(),
        pools: pools.clone(),
        outbox: outbox.clone(),
        clock: deps.clock.clone(),
        digest: config.approvals.digest_key()?,
        signer: config.approvals.signer()?,
        lives: config.approvals.lives(),
    });
    let gate = config.access.gate(keys.clone(), deps.clock.clone())?;
    let state = api::State {
        desk: desk.clone(),
        ready: ready.clone(),
    };
    let (rest, endpoints) = api::routes(gate.clone()).build(state.clone());
    let (grpc, grpc_names) = api::services(gate, state);
    let service = Running {
        leader: Arc::new(Leader {
            desk,
            sweep_every: config.approvals.sweep_every.get(),
            caught_up: ready.require("requests"),
        }),
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
    leader: Arc<Leader>,
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
        self.feeds(&tasks);
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
        let (relay, token) = (self.relay, cancel.clone());
        tasks.supervise("relay", Backoff::default(), move || {
            relay.clone().run(token.clone())
        });
        let leader = self.leader;
        tasks.supervise("leader", Backoff::default(), move || leader.clone().run());
        cancel.cancelled().await;
        tasks.drain(DRAIN).await;
        self.pools.close().await;
        Ok(())
    }

    /// What is read into memory, on every replica and without the store.
    fn feeds(&self, tasks: &Tasks) {
        let (keys, token) = (self.keys.clone(), tasks.cancel().clone());
        tasks.spawn("keys", async move { keys.run(token).await });
        let (keys, keys_ready) = (self.keys.clone(), self.ready.require("keys"));
        tasks.meet("keys_ready", keys_ready, async move { keys.ready().await });
        let pauses = &self.leader.desk.pauses;
        let agents = pauses.clone();
        let agents = agents.follow_agents(tasks.cancel().clone(), self.ready.require("agents"));
        tasks.spawn("agents", agents);
        let kills = pauses.clone();
        let kills = kills.follow_kills(tasks.cancel().clone(), self.ready.require("pauses"));
        tasks.spawn("pauses", kills);
    }
}
