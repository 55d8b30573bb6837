//! The enforcement service: the policy decision point.
//!
//! It owns `writ.evt.gate.<p>.decision` and reads organisations, agents, policies and validators
//! from control, pauses from the gate, spent plans from ingest, approval requests from approval and,
//! from traces, what acts cost. Its projection, `active_policy`, is in memory and built from the
//! last facts at each start; it takes requests once it has caught up.
//!
//! Promises: no allow and no hold is answered unrecorded; no ALLOW is recorded after a pause; a
//! denial is answered whatever becomes of its record; what cannot be read fails closed.

pub mod answer;
pub mod api;
mod beside;
pub mod books;
pub mod budget;
pub mod config;
pub mod consume;
pub mod domain;
pub mod drain;
pub mod enforce;
pub mod error;
pub mod hold;
pub mod metrics;
pub mod outside;
pub mod projection;
pub mod record;
pub mod spool;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use uuid::Uuid;
use writ_access::Role;
use writ_contract::{Service, Topology};
use writ_eventlog::{Announcer, EventLog, Fences, KeyFeed, Lanes};
use writ_service_kit::routes::{Access, Class, Gate};
use writ_service_kit::tasks::Backoff;
use writ_service_kit::{
    Built, Deps, ReadyLatch, Requirement, RunError, SystemClock, Tasks, grpc, ids,
};

pub use config::Config;

use api::grpc::Server;
use api::grpc::v1::enforcement_service_server::EnforcementServiceServer;
use books::Keeper;
use enforce::Enforcer;
use error::BuildError;
use outside::Outside;
use spool::Spool;

/// How often a lane of the log says that it lives; coverage speaks of times up to twice that ago.
const HEARTBEAT: Duration = Duration::from_secs(60);
const DRAIN: Duration = Duration::from_secs(5);

/// What the edges and the loops share.
struct Parts {
    enforcer: Arc<Enforcer>,
    keys: Arc<KeyFeed>,
    announcer: Announcer,
    gate: Gate,
    keeper: Arc<Keeper>,
    needs: Needs,
}

/// What must have been read before the first request.
struct Needs {
    policies: Requirement,
    pauses: Requirement,
    approvals: Requirement,
    quotas: Requirement,
    keys: Requirement,
}

impl Needs {
    fn of(ready: &ReadyLatch) -> Self {
        Self {
            policies: ready.require("policies"),
            pauses: ready.require("pauses"),
            approvals: ready.require("approvals"),
            quotas: ready.require("quotas"),
            keys: ready.require("keys"),
        }
    }
}

/// Wires the service; nothing runs before [`Built::run`] is polled.
///
/// # Errors
/// [`BuildError`] when keys or the spool directory cannot be used.
#[allow(
    clippy::unused_async,
    reason = "every service is built by one signature"
)]
pub async fn build(config: Config, deps: Deps) -> Result<Built, RunError> {
    metrics::describe();
    let ready = ReadyLatch::new("enforcement");
    let (parts, appending) = wire(&config, &deps, &ready)?;
    let (gate, enforcer) = (parts.gate.clone(), parts.enforcer.clone());
    let (rest, endpoints) = api::rest::routes(gate.clone()).build(enforcer.clone());
    let server =
        EnforcementServiceServer::new(Server(enforcer)).max_decoding_message_size(api::BODY_LIMIT);
    let guard = Access::Role(Role::Viewer)
        .class(Class::Enforce)
        .body_limit(api::BODY_LIMIT);
    let (grpc, grpc_names) = grpc::Services::new(gate).with(guard, server).build();
    let tasks = Tasks::new(deps.cancel.clone());
    let run = run(tasks, parts, appending).boxed();
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

/// Makes the parts, and the future that appends to the log.
fn wire(
    config: &Config,
    deps: &Deps,
    ready: &ReadyLatch,
) -> Result<(Parts, impl Future<Output = ()> + Send + use<>), BuildError> {
    let problem = |e: &dyn std::fmt::Display| BuildError::Config(e.to_string());
    let topology = Topology::new(&deps.prefix).map_err(|e| problem(&e))?;
    let (signer, owners) = config
        .log
        .keys(Service::Enforcement)
        .map_err(|e| problem(&e))?;
    let digest_key = config.digest_key().ok_or_else(|| problem(&"digest_key"))?;
    let spool = Spool::open(&config.spool_dir).map_err(|source| BuildError::Spool {
        path: config.spool_dir.clone(),
        source,
    })?;

    let log = EventLog::new(deps.nats.clone(), topology, signer, owners);
    let fences = Arc::new(Fences::default());
    let (lanes, appending) = Lanes::new(&log, &fences, new_id, HEARTBEAT, &deps.cancel);
    let keys = KeyFeed::new(log.clone());
    let gate = config
        .access
        .gate(keys.clone(), deps.clock.clone())
        .map_err(|e| problem(&e))?;
    let state = Arc::default();
    let outside = Outside::new(
        Arc::clone(&state),
        config.sealing.sealer().map_err(|e| problem(&e))?,
        config.validators,
        &config.semantic,
        deps.clock.clone(),
    )?;
    let announcer = Announcer::new(log.clone(), ids::new_v7(deps.clock.as_ref()));
    let unclaimed = config.unclaimed_after.get();
    let keeper = Arc::new(Keeper::new(log.clone(), deps.clock.clone(), unclaimed));
    let enforcer = Arc::new(Enforcer {
        state,
        keys: keys.clone(),
        fences,
        lanes,
        log,
        holds: Arc::default(),
        keeper: keeper.clone(),
        spool: Arc::new(spool),
        digest_key,
        clock: deps.clock.clone(),
        beside: Default::default(),
        outside,
        ready: ready.clone(),
        record_within: config.record_within.get(),
        approval_within: config.approval_within.get(),
        refusals: config.refusals,
    });
    let needs = Needs::of(ready);
    Ok((
        Parts {
            enforcer,
            keys,
            announcer,
            gate,
            keeper,
            needs,
        },
        appending,
    ))
}

fn follow_quotas(tasks: &Tasks, enforcer: Arc<Enforcer>, caught_up: Requirement) {
    tasks.supervise("quotas", Backoff::default(), move || {
        consume::quotas(
            enforcer.log.clone(),
            enforcer.state.clone(),
            caught_up.clone(),
        )
    });
}

async fn run(
    tasks: Tasks,
    parts: Parts,
    appending: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RunError> {
    let Parts {
        enforcer,
        keys,
        announcer,
        gate: _,
        keeper,
        needs,
    } = parts;
    let Needs {
        policies,
        pauses,
        approvals,
        quotas,
        keys: known_keys,
    } = needs;
    tasks.spawn("lanes", appending);
    tasks.spawn("keys", keys.clone().run(tasks.cancel().clone()));
    tasks.meet("keys-ready", known_keys, async move { keys.ready().await });
    tasks.spawn("announcer", announcer.clone().run(tasks.cancel().clone()));
    let e = enforcer.clone();
    tasks.supervise("control", Backoff::default(), move || {
        consume::control(
            e.log.clone(),
            e.state.clone(),
            announcer.clone(),
            policies.clone(),
        )
    });
    let e = enforcer.clone();
    tasks.supervise("kills", Backoff::default(), move || {
        consume::kills(
            e.log.clone(),
            e.state.clone(),
            e.fences.clone(),
            pauses.clone(),
        )
    });
    keep_books(&tasks, &keeper);
    let e = enforcer.clone();
    tasks.supervise("approvals", Backoff::default(), move || {
        let (holds, keeper) = (e.holds.clone(), keeper.clone());
        consume::approvals(e.log.clone(), holds, keeper, approvals.clone())
    });
    follow_quotas(&tasks, enforcer.clone(), quotas);
    tasks.supervise("spool", Backoff::default(), move || {
        let e = enforcer.clone();
        drain::run(
            e.log.clone(),
            e.lanes.clone(),
            e.fences.clone(),
            e.spool.clone(),
        )
    });
    tasks.cancel().cancelled().await;
    tasks.drain(DRAIN).await;
    Ok(())
}

/// Nothing waits for the books: a budget holds without them.
fn keep_books(tasks: &Tasks, keeper: &Arc<Keeper>) {
    let k = keeper.clone();
    tasks.supervise("books-counters", Backoff::default(), move || {
        k.clone().counters()
    });
    let k = keeper.clone();
    tasks.supervise("books-decisions", Backoff::default(), move || {
        k.clone().decisions()
    });
    let k = keeper.clone();
    tasks.supervise("books-traces", Backoff::default(), move || {
        k.clone().traces()
    });
    let k = keeper.clone();
    tasks.supervise("books", Backoff::default(), move || k.clone().run());
}

/// Ids of messages and incarnations; their time only sorts them.
fn new_id() -> Uuid {
    ids::new_v7(&SystemClock)
}
