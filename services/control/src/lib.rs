//! The control service: who exists and what holds. The command side of Writ.
//!
//! Facts out: organisations, keys, agents, their versions, prompts and tool baselines, policies, validators (full state, dense
//! version), and pauses on the gate. Facts in: its own, to fill the memory its switches are answered
//! from, ingest's counts of traces, and what ingest and approval erased. Projection: `registry`, the tables of schema `control`.
//! Promises: a write answers with the state it produced; a pause that was acknowledged precedes
//! every ALLOW recorded after it; pausing and status polls need no Postgres.
//!
//! Modules that do not know each other: [`identity`], [`issuer`], [`registry`], [`agent_version`],
//! [`prompt`], [`baseline`], [`policy`], [`validator`], [`sign_in`], [`channel`]; [`privacy`] reads and deletes rows
//! of people.

pub mod agent_version;
pub mod baseline;
pub mod channel;
pub mod config;
pub mod identity;
pub mod issuer;
pub mod policy;
pub mod privacy;
pub mod prompt;
pub mod registry;
pub mod sign_in;
pub mod signing;
pub mod usage;
pub mod validator;
pub mod write;

mod api;
mod error;
mod metrics;
mod run;
mod setup;

use std::sync::Arc;

use writ_contract::{Service, Topology};
use writ_eventlog::{Announcements, EventLog, KeyFeed};
use writ_pg::{Outbox, Pools, Relay};
use writ_service_kit::{Built, Deps, ReadyLatch, RunError, Tasks};

pub use config::Config;
pub use error::{Error, Refusal};
pub use identity::{Seed, SeedKey, SeedOrganization};
pub use setup::{prepare, seed};

/// The service's name in the topology.
pub const NAME: &str = "control";
/// Its schema in Postgres.
pub const SCHEMA: &str = "control";

/// Wires the service; nothing runs until `run` of the result is awaited.
///
/// # Errors
/// When the configuration cannot be used.
#[expect(clippy::unused_async, reason = "every service is built the same way")]
pub async fn build(config: Config, deps: Deps) -> Result<Built, RunError> {
    metrics::describe();
    let (signer, owners) = config.log.keys(Service::Control)?;
    let topology = Topology::new(&deps.prefix)?;
    let log = EventLog::new(deps.nats.clone(), topology.clone(), signer, owners);
    let pools = Pools::new(&config.store, SCHEMA)?;
    let outbox = Outbox::new(pools.writer.clone());
    let announcements = Announcements::new();
    let keys = KeyFeed::new(log.clone());
    let gate = config.access.gate(keys.clone(), deps.clock.clone())?;
    let writes = write::Writes::new(
        pools.clone(),
        outbox.clone(),
        topology,
        announcements.clone(),
        deps.clock.clone(),
        config.applied_within.get(),
    );
    let sign_ins = sign_in::SignIns::new(writes.clone());
    let gate = gate.telling(sign_ins.clone());
    let ready = ReadyLatch::new(NAME);
    let (channel, turned) = channel::Channel::new(log.clone(), writes.clone());
    let sockets = channel::Sockets::new(gate.clone());
    let state = state(
        &config,
        writes,
        (channel, sockets, keys.clone()),
        &deps,
        &ready,
    )?;
    let (grpc, grpc_names) = api::grpc::services(gate.clone(), state.clone());
    let (router, endpoints) = api::routes(gate).build(state.clone());
    let relay = Relay::new(outbox.clone(), log.clone(), SCHEMA);
    let loops = run::Loops {
        config,
        needs: run::Needs::of(&ready),
        pools,
        log,
        outbox,
        relay,
        announcements,
        keys,
        turned,
        sign_ins,
        state,
    };
    Ok(Built {
        name: NAME,
        router: router.merge(grpc),
        descriptors: vec![api::grpc::DESCRIPTORS],
        grpc_names,
        endpoints,
        ready,
        run: Box::pin(loops.run(Tasks::new(deps.cancel))),
    })
}

/// What the handlers work with.
fn state(
    config: &Config,
    writes: write::Writes,
    (channel, sockets, keys): (channel::Channel, channel::Sockets, Arc<KeyFeed>),
    deps: &Deps,
    ready: &ReadyLatch,
) -> Result<api::State, RunError> {
    let pepper = config.access.pepper()?;
    Ok(api::State {
        issuers: issuer::Issuers::new(writes.clone(), &config.oidc)?,
        identity: identity::Identity::new(writes.clone(), pepper, config.keys.bcrypt_cost),
        registry: registry::Registry::new(writes.clone()),
        baselines: baseline::Baselines::new(writes.clone()),
        prompts: prompt::Prompts::new(writes.clone()),
        agent_versions: agent_version::AgentVersions::new(writes.clone()),
        signing: signing::Signing::new(
            writes.clone(),
            config.sealing.sealer()?,
            config.signing.clone(),
        ),
        keys,
        policies: policy::Policies::new(writes.clone()),
        privacy: privacy::Privacy::new(writes.clone(), config.digest_key()?),
        validators: validator::Validators::new(
            writes,
            config.sealing.sealer()?,
            config.validators.rules(),
        ),
        channel,
        sockets,
        owner_sets_plan: config.owner_sets_plan,
        usage: Arc::default(),
        heartbeats: Arc::default(),
        clock: deps.clock.clone(),
        cancel: deps.cancel.clone(),
        ready: ready.clone(),
    })
}
