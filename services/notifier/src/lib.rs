//! The notifier: tells webhooks what happened.
//!
//! Facts in: decisions and pauses of the gate, findings of `anomaly`. Facts out: `webhook.created`,
//! `webhook.rotated`, `webhook.disabled`, `webhook.deleted`. Projection: `deliveries`, one for each event and endpoint,
//! saved together with the resume point. Promises: every event is delivered at least once or
//! recorded as given up; repeats carry the same `webhook-id`; a slow endpoint delays no other.

pub mod config;
pub mod domain;

mod api;
mod command;
mod consume;
mod deliver;
mod error;
mod events;
mod metrics;
mod store;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use writ_contract::{Service, Topology};
use writ_egress::{Client, Limits as CallLimits};
use writ_eventlog::{EventLog, KeyFeed};
use writ_pg::{Outbox, Pools, Relay};
use writ_service_kit::tasks::Backoff;
use writ_service_kit::{Built, Deps, ReadyLatch, RunError, Tasks};

pub use config::Config;
pub use error::Error;

use command::Commands;
use consume::{Projection, Source};
use deliver::Courier;
use events::Events;

/// The service's name in the topology.
pub const NAME: &str = "notifier";

const DRAIN: Duration = Duration::from_secs(12);

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
    let (signer, owners) = config.log.keys(Service::Notifier)?;
    let topology = Topology::new(&deps.prefix)?;
    let log = EventLog::new(deps.nats.clone(), topology.clone(), signer, owners);
    let pools = Pools::new(&config.store, store::SCHEMA)?;
    let outbox = Outbox::new(pools.writer.clone());
    let ready = ReadyLatch::new(NAME);
    let keys = KeyFeed::new(log.clone());
    let client = Client::new(config.delivery.rules(), CallLimits::default())?;
    let sealer = config.sealing.sealer()?;
    let (events, due) = (Events { topology }, Arc::new(Notify::new()));
    let commands = Commands {
        pool: pools.api.clone(),
        outbox: outbox.clone(),
        rules: client.rules().clone(),
        sealer: sealer.clone(),
        events: events.clone(),
        clock: deps.clock.clone(),
    };
    let gate = config.access.gate(keys.clone(), deps.clock.clone())?;
    let (router, endpoints) = api::routes(gate).build(commands);
    let projections = Source::ALL.map(|source| Projection {
        source,
        log: log.clone(),
        pool: pools.writer.clone(),
        clock: deps.clock.clone(),
        due: due.clone(),
        caught_up: ready.require(source.name()),
    });
    let service = Running {
        projections: projections.map(Arc::new),
        courier: Arc::new(Courier {
            pool: pools.writer.clone(),
            outbox: outbox.clone(),
            client,
            sealer,
            events,
            clock: deps.clock.clone(),
            due,
            limits: config.delivery.clone(),
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
    projections: [Arc<Projection>; 3],
    courier: Arc<Courier>,
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
        for projection in self.projections {
            let name = projection.source.name();
            tasks.supervise(name, Backoff::default(), move || projection.clone().run());
        }
        let courier = self.courier;
        tasks.supervise("courier", Backoff::default(), move || courier.clone().run());
        cancel.cancelled().await;
        tasks.drain(DRAIN).await;
        self.pools.close().await;
        Ok(())
    }
}
