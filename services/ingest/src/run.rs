//! How the parts are joined, and the loops that run.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use writ_contract::{Service, Topology};
use writ_eventlog::{EventLog, KeyFeed};
use writ_service_kit::tasks::Backoff;
use writ_service_kit::{Built, Deps, ReadyLatch, Requirement, RunError, Tasks};

use crate::api::{self, Api};
use crate::config::Config;
use crate::consume::{self, BatchLimits, Registrar, SinkContext};
use crate::intake::{Intake, Lanes, Limits};
use crate::publish::Facts;
use crate::publishers::{self, Desk, Tally};
use crate::store::Store;
use crate::wire;

/// How long loops may take to end.
const DRAIN: Duration = Duration::from_secs(12);

/// Wires the service; nothing runs before `run` is awaited.
///
/// # Errors
/// When a setting cannot be used.
#[allow(clippy::unused_async, reason = "the shape every service has")]
pub async fn build(config: Config, deps: Deps) -> Result<Built, RunError> {
    let (signer, owners) = config.log.keys(Service::Ingest)?;
    let log = EventLog::new(
        deps.nats.clone(),
        Topology::new(&deps.prefix)?,
        signer,
        owners,
    );
    let keys = KeyFeed::new(log.clone());
    let gate = config.access.gate(keys.clone(), deps.clock.clone())?;
    let tasks = Tasks::new(deps.cancel.clone());
    let registrar = Arc::new(Registrar::new(log.clone()));
    let within = config.intake.log_timeout.get();
    let (lanes, sending) = Lanes::new(&log, &deps.clock, within, &deps.cancel);
    let intake = Arc::new(Intake::new(
        registrar.clone(),
        keys.clone(),
        lanes,
        deps.clock.clone(),
        limits(&config),
        config.digest_key().ok_or("digest_key: is required")?,
        micros(config.intake.meter_window.get()),
    ));
    let ready = ReadyLatch::new("ingest");
    let facts = Facts {
        log: log.clone(),
        clock: deps.clock.clone(),
        within,
    };
    let parts = Parts {
        log,
        facts,
        simulating: Arc::new(Semaphore::new(1)),
        registrar,
        intake,
        store: config.clickhouse.store(),
        tally: Arc::default(),
        keys,
        needs: Needs::of(&ready),
    };
    let max_body = usize::try_from(config.intake.max_body.bytes())?;
    let (router, endpoints) = api::router(gate.clone(), parts.api(), max_body);
    let (grpc, grpc_names) = api::services(gate, parts.api(), max_body);
    let run = async move {
        tasks.spawn("trace lanes", sending);
        parts.start(&config, &deps, &tasks);
        deps.cancel.cancelled().await;
        tasks.drain(DRAIN).await;
        Ok(())
    };
    Ok(Built {
        name: "ingest",
        router: router.merge(grpc),
        descriptors: vec![wire::DESCRIPTORS],
        grpc_names,
        endpoints,
        ready,
        run: Box::pin(run),
    })
}

fn limits(config: &Config) -> Limits {
    let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    Limits {
        trace_bytes: bytes(config.intake.max_trace.bytes()),
        waiting_bytes: bytes(config.intake.max_waiting.bytes()),
    }
}

fn micros(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX)
}

/// What the loops share.
struct Parts {
    log: EventLog,
    registrar: Arc<Registrar>,
    intake: Arc<Intake>,
    store: Store,
    tally: Arc<Tally>,
    facts: Facts,
    simulating: Arc<Semaphore>,
    keys: Arc<KeyFeed>,
    needs: Needs,
}

/// What has to be read before traffic is taken.
struct Needs {
    keys: Requirement,
    registry: Requirement,
    pauses: Requirement,
}

impl Needs {
    fn of(ready: &ReadyLatch) -> Self {
        Self {
            keys: ready.require("keys"),
            registry: ready.require("registry"),
            pauses: ready.require("pauses"),
        }
    }
}

impl Parts {
    fn api(&self) -> Api {
        Api {
            intake: self.intake.clone(),
            store: self.store.clone(),
            tally: self.tally.clone(),
            registrar: self.registrar.clone(),
            facts: self.facts.clone(),
            simulating: self.simulating.clone(),
        }
    }

    fn start(&self, config: &Config, deps: &Deps, tasks: &Tasks) {
        self.follow(tasks);
        self.sinks(config, deps, tasks);
        self.usage(config, deps, tasks);
        self.quota(config, deps, tasks);
        self.retention(config, deps, tasks);
        self.metering(deps, tasks);
        self.forgeries(deps, tasks);
        self.erasures(config, deps, tasks);
        if config.intake.publishers {
            self.publishers(config, tasks);
        }
    }

    fn follow(&self, tasks: &Tasks) {
        let (keys, ready) = (self.keys.clone(), self.needs.keys.clone());
        tasks.spawn("key feed", keys.clone().run(tasks.cancel().clone()));
        tasks.meet(
            "key feed caught up",
            ready,
            async move { keys.ready().await },
        );
        let (registrar, ready) = (self.registrar.clone(), self.needs.registry.clone());
        tasks.supervise("registry", Backoff::default(), move || {
            let (registrar, ready) = (registrar.clone(), ready.clone());
            async move { registrar.follow_control(&ready).await }
        });
        let (registrar, ready) = (self.registrar.clone(), self.needs.pauses.clone());
        tasks.supervise("pauses", Backoff::default(), move || {
            let (registrar, ready) = (registrar.clone(), ready.clone());
            async move { registrar.follow_kills(&ready).await }
        });
    }

    fn sinks(&self, config: &Config, deps: &Deps, tasks: &Tasks) {
        let context = SinkContext {
            log: self.log.clone(),
            store: self.store.clone(),
            clock: deps.clock.clone(),
            limits: BatchLimits {
                rows: config.batch.rows,
                bytes: usize::try_from(config.batch.size.bytes()).unwrap_or(usize::MAX),
                wait: config.batch.wait.get(),
            },
        };
        let cancel = tasks.cancel().clone();
        let traces = consume::feed(context.clone(), consume::traces(), cancel.clone());
        tasks.spawn("traces sink", traces);
        tasks.spawn(
            "decisions sink",
            consume::feed(context, consume::decisions(), cancel),
        );
    }

    fn usage(&self, config: &Config, deps: &Deps, tasks: &Tasks) {
        let (registrar, intake, store) = (
            self.registrar.clone(),
            self.intake.clone(),
            self.store.clone(),
        );
        let (clock, every) = (deps.clock.clone(), config.intake.usage_refresh.get());
        tasks.supervise("usage", Backoff::default(), move || {
            let (registrar, intake, store) = (registrar.clone(), intake.clone(), store.clone());
            let clock = clock.clone();
            async move {
                consume::refresh_usage(&registrar, &intake, &store, clock.as_ref(), every)
                    .await
                    .map(|never: Infallible| match never {})
            }
        });
    }

    fn quota(&self, config: &Config, deps: &Deps, tasks: &Tasks) {
        let (log, registrar, intake) = (
            self.log.clone(),
            self.registrar.clone(),
            self.intake.clone(),
        );
        let (clock, every) = (deps.clock.clone(), config.intake.usage_refresh.get());
        tasks.supervise("quota", Backoff::default(), move || {
            let (log, registrar, intake) = (log.clone(), registrar.clone(), intake.clone());
            let clock = clock.clone();
            async move {
                consume::run_quota(&log, &registrar, &intake, clock.as_ref(), every)
                    .await
                    .map(|never: Infallible| match never {})
            }
        });
    }

    fn retention(&self, config: &Config, deps: &Deps, tasks: &Tasks) {
        let (registrar, store) = (self.registrar.clone(), self.store.clone());
        let (clock, every) = (deps.clock.clone(), config.intake.retention_check.get());
        tasks.supervise("retention", Backoff::default(), move || {
            let (registrar, store, clock) = (registrar.clone(), store.clone(), clock.clone());
            async move {
                consume::run_retention(&registrar, &store, clock.as_ref(), every)
                    .await
                    .map(|never: Infallible| match never {})
            }
        });
    }

    fn forgeries(&self, deps: &Deps, tasks: &Tasks) {
        let (log, intake) = (self.log.clone(), self.intake.clone());
        let (clock, cancel) = (deps.clock.clone(), tasks.cancel().clone());
        tasks.spawn("forgeries", async move {
            consume::run_forgeries(&log, &intake, clock.as_ref(), cancel).await;
        });
    }

    fn erasures(&self, config: &Config, deps: &Deps, tasks: &Tasks) {
        let Some(key) = config.digest_key() else {
            return;
        };
        let (log, store, clock) = (self.log.clone(), self.store.clone(), deps.clock.clone());
        tasks.supervise("erasures", Backoff::default(), move || {
            let (log, store, clock) = (log.clone(), store.clone(), clock.clone());
            let key = key.clone();
            async move { consume::run_erasures(&log, &store, clock.as_ref(), &key).await }
        });
    }

    fn metering(&self, deps: &Deps, tasks: &Tasks) {
        let (log, intake) = (self.log.clone(), self.intake.clone());
        let (clock, cancel) = (deps.clock.clone(), tasks.cancel().clone());
        tasks.spawn("metering", async move {
            consume::run_metering(&log, &intake, clock.as_ref(), cancel).await;
        });
    }

    fn publishers(&self, config: &Config, tasks: &Tasks) {
        let most = usize::try_from(config.intake.max_message.bytes()).unwrap_or(usize::MAX);
        let desk = Desk::new(
            self.log.clone(),
            self.intake.clone(),
            self.tally.clone(),
            most,
        );
        let (registrar, tasks_of_orgs) = (self.registrar.clone(), tasks.clone());
        tasks.spawn("publishers", async move {
            publishers::serve_all(Arc::new(desk), &registrar, &tasks_of_orgs).await;
        });
    }
}
