//! The enforcement service: the policy decision point.
//!
//! It owns `writ.evt.gate.<p>.decision` and reads organisations, agents and policies from control,
//! pauses from the gate and approval requests from approval. Its projection, `active_policy`, is
//! in memory and built from the last facts at each start; it takes requests once it has caught up.
//!
//! Promises: no allow and no hold is answered unrecorded; no ALLOW is recorded after a pause; a
//! denial is answered whatever becomes of its record; what cannot be read fails closed.

pub mod api;
pub mod budget;
pub mod config;
pub mod consume;
pub mod domain;
pub mod drain;
pub mod enforce;
pub mod error;
pub mod hold;
pub mod metrics;
pub mod projection;
pub mod record;
pub mod spool;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use uuid::Uuid;
use writ_access::{Checker, Pepper, Role};
use writ_contract::{Service, Topology};
use writ_eventlog::{Announcer, EventLog, Fences, KeyFeed, Lanes};
use writ_service_kit::routes::{Access, Class, Gate, Limits};
use writ_service_kit::tasks::Backoff;
use writ_service_kit::{Built, Deps, ReadyLatch, RunError, SystemClock, Tasks, grpc, ids};

pub use config::Config;

use api::grpc::Server;
use api::grpc::v1::enforcement_service_server::EnforcementServiceServer;
use enforce::Enforcer;
use error::BuildError;
use hold::Holds;
use projection::ActivePolicy;
use spool::Spool;

const DRAIN: Duration = Duration::from_secs(5);

/// Everything the loops share.
struct Parts {
    log: EventLog,
    state: Arc<ActivePolicy>,
    fences: Arc<Fences>,
    holds: Arc<Holds>,
    keys: Arc<KeyFeed>,
    lanes: Lanes,
    spool: Arc<Spool>,
    announcer: Announcer,
}

/// Wires the service; nothing runs before [`Built::run`] is polled.
///
/// # Errors
/// [`BuildError`] when keys or the spool directory cannot be used.
pub async fn build(config: Config, deps: Deps) -> Result<Built, RunError> {
    metrics::describe();
    let problem = |e: &dyn std::fmt::Display| BuildError::Config(e.to_string());
    let topology = Topology::new(&deps.prefix).map_err(|e| problem(&e))?;
    let (signer, owners) = config
        .log
        .keys(Service::Enforcement)
        .map_err(|e| problem(&e))?;
    let digest_key = config.digest_key().ok_or_else(|| problem(&"digest_key"))?;
    let pepper = Pepper::new(config.key_pepper.expose()).map_err(|e| problem(&e))?;
    let spool = Spool::open(&config.spool_dir).map_err(|source| BuildError::Spool {
        path: config.spool_dir.clone(),
        source,
    })?;

    let log = EventLog::new(deps.nats.clone(), topology, signer, owners);
    let fences = Arc::new(Fences::default());
    let (lanes, appending) = Lanes::new(&log, &fences, new_id, &deps.cancel);
    let parts = Parts {
        state: Arc::default(),
        holds: Arc::default(),
        keys: KeyFeed::new(log.clone()),
        announcer: Announcer::new(log.clone(), ids::new_v7(deps.clock.as_ref())),
        spool: Arc::new(spool),
        log,
        fences,
        lanes,
    };
    let ready = ReadyLatch::new("enforcement");
    let checker = Checker::new(parts.keys.clone(), pepper);
    let gate = Gate::new(
        checker,
        deps.clock.clone(),
        Limits::new(&config.limits),
        Vec::new(),
    );
    let enforcer = Arc::new(Enforcer {
        state: parts.state.clone(),
        fences: parts.fences.clone(),
        lanes: parts.lanes.clone(),
        log: parts.log.clone(),
        holds: parts.holds.clone(),
        spool: parts.spool.clone(),
        digest_key,
        clock: deps.clock.clone(),
        ready: ready.clone(),
        record_within: config.record_within.get(),
        approval_within: config.approval_within.get(),
    });
    let (rest, endpoints) = api::rest::routes(gate.clone()).build(enforcer.clone());
    let server =
        EnforcementServiceServer::new(Server(enforcer)).max_decoding_message_size(api::BODY_LIMIT);
    let guard = Access::Role(Role::Viewer)
        .class(Class::Enforce)
        .body_limit(api::BODY_LIMIT);
    let (grpc, grpc_names) = grpc::Services::new(gate).with(guard, server).build();
    let tasks = Tasks::new(deps.cancel.clone());
    let run = run(tasks, parts, ready.clone(), appending).boxed();
    Ok(Built {
        name: "enforcement",
        router: rest.merge(grpc),
        descriptors: vec![api::grpc::DESCRIPTORS],
        grpc_names,
        endpoints,
        ready,
        run,
    })
}

async fn run(
    tasks: Tasks,
    parts: Parts,
    ready: ReadyLatch,
    appending: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RunError> {
    let Parts {
        log,
        state,
        fences,
        holds,
        keys,
        lanes,
        spool,
        announcer,
    } = parts;
    let (policies, kills) = (ready.require("policies"), ready.require("pauses"));
    let (approvals, known_keys) = (ready.require("approvals"), ready.require("keys"));
    tasks.spawn("lanes", appending);
    tasks.spawn("keys", keys.clone().run(tasks.cancel().clone()));
    tasks.spawn("keys-ready", async move {
        keys.ready().await;
        known_keys.met();
    });
    tasks.spawn("announcer", announcer.clone().run(tasks.cancel().clone()));
    let follow = (log.clone(), state.clone(), announcer, policies);
    tasks.supervise("control", Backoff::default(), move || {
        let (log, state, announcer, met) = follow.clone();
        consume::control(log, state, announcer, met)
    });
    let follow = (log.clone(), state, fences.clone(), kills);
    tasks.supervise("kills", Backoff::default(), move || {
        let (log, state, fences, met) = follow.clone();
        consume::kills(log, state, fences, met)
    });
    let follow = (log.clone(), holds, approvals);
    tasks.supervise("approvals", Backoff::default(), move || {
        let (log, holds, met) = follow.clone();
        consume::approvals(log, holds, met)
    });
    let drain = (log, lanes, fences, spool);
    tasks.supervise("spool", Backoff::default(), move || {
        let (log, lanes, fences, spool) = drain.clone();
        drain::run(log, lanes, fences, spool)
    });
    tasks.cancel().cancelled().await;
    tasks.drain(DRAIN).await;
    Ok(())
}

/// Ids of messages and incarnations; their time only sorts them.
fn new_id() -> Uuid {
    ids::new_v7(&SystemClock)
}
