//! `make bench-ledger`: how fast facts become entries, end to end from JetStream, how long one waits
//! for its checkpoint at a steady rate, and what an export of all of them takes.
//!
//! `WRIT_TEST_POSTGRES_URL` and `WRIT_TEST_NATS_URL` name servers that write to disk as in production;
//! those started otherwise do not wait for the disk, and the report says so.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a program of its own, and a step that fails is the end of it"
)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use futures::StreamExt as _;
use http::Request;
use prost::Message as _;
use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use uuid::Uuid;
use writ_access::key::mac;
use writ_access::{ApiKey, Pepper, Prefix};
use writ_audit_ledger::Config;
use writ_contract::{
    Audit, DecisionId, Envelope, EventId, IncarnationId, Kind, OrgId, Packed, Record, Service,
    Shard, Topology, wire,
};
use writ_eventlog::{EventLog, Owners, Signer, StreamSettings, assert_streams};
use writ_pg::StoreUrl;
use writ_service_kit::config::Secret;
use writ_service_kit::telemetry::Metrics;
use writ_service_kit::{Deps, SystemClock};
use writ_testkit::{Db, Nats, Postgres};

/// Decisions in one message, as enforcement packs them under load.
const PACKED: u64 = 200;
/// Decisions a second of the second part.
const RATE: u64 = 5_000;
const SEED: [u8; 32] = [9; 32];
const PEPPER: &str = "the benchmark's pepper, which is no secret";
const ORG: OrgId = OrgId(Uuid::from_u128(5));
const WITHIN: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() {
    let setting = |name: &str, otherwise: u64| {
        let value = std::env::var(name).ok();
        value
            .and_then(|text| text.parse().ok())
            .unwrap_or(otherwise)
    };
    let entries = setting("ENTRIES", 200_000).next_multiple_of(PACKED);
    let seconds = setting("SECONDS_AT_RATE", 20);
    let bench = Bench::new().await;
    let mut sql = PgConnection::connect(&bench.db.superuser_url)
        .await
        .unwrap();
    let fsync: String = sqlx::query_scalar("show fsync")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    println!("Postgres fsync {fsync}; {PACKED} decisions in a message");
    let mut next = 1;
    while next <= entries {
        bench.publish(next).await;
        next += PACKED;
    }
    let started = Instant::now();
    let (service, router) = bench.start().await;
    bench.until(&mut sql, entries).await;
    let took = started.elapsed().as_secs_f64();
    println!(
        "{entries} entries sealed in {took:.1} s: {:.0}/s",
        entries as f64 / took
    );
    bench.at_rate(&mut sql, next, seconds).await;
    bench.export(router).await;
    service.cancel();
}

struct Bench {
    nats: Nats,
    db: Db,
    log: EventLog,
}

impl Bench {
    async fn new() -> Self {
        let (nats, postgres) = (Nats::shared().await, Postgres::shared().await);
        let topology = Topology::new(&nats.prefix).unwrap();
        let settings = StreamSettings::default();
        assert_streams(&nats.client, &topology, settings)
            .await
            .unwrap();
        let signer = Signer::new(Service::Enforcement, SEED);
        let log = EventLog::new(nats.client.clone(), topology, signer, Owners::default());
        let db = postgres.fresh_database().await;
        Self { nats, db, log }
    }

    /// The service in this process.
    async fn start(&self) -> (CancellationToken, Router) {
        let public = |service| hex::encode(Signer::new(service, SEED).public_key());
        let mut config = Config::default();
        config.store.api_url = StoreUrl::new(self.db.url_for("ledger_api"));
        config.store.writer_url = StoreUrl::new(self.db.url_for("ledger_writer"));
        config.store.owner_url = StoreUrl::new(&self.db.owner_url);
        config.log.signing_seed = hex::encode(SEED);
        config.log.owner_keys =
            BTreeMap::from(Service::ALL.map(|it| (it.name().to_owned(), public(it))));
        config.access.key_pepper = Secret::new(PEPPER);
        config.ledger.signing_seed = Secret::new(hex::encode([1; 32]));
        config.ledger.export_seed = Secret::new(hex::encode([2; 32]));
        let cancel = CancellationToken::new();
        let deps = Deps {
            nats: self.nats.client.clone(),
            prefix: self.nats.prefix.clone(),
            cancel: cancel.clone(),
            metrics: Metrics::detached(),
            clock: Arc::new(SystemClock),
        };
        let built = writ_audit_ledger::build(config, deps).await.unwrap();
        tokio::task::spawn(async move { built.run.await.unwrap() });
        (cancel, built.router)
    }

    /// A key that may export, as control states it.
    async fn key(&self) -> String {
        let key = ApiKey::generate(Prefix::Live, [7; 32]);
        let fact = wire::ApiKey {
            key_id: vec![1; 16],
            public_id: key.public_id().to_owned(),
            mac: mac(&Pepper::new(PEPPER).unwrap(), key.expose()).to_vec(),
            role: "owner".to_owned(),
            ..wire::ApiKey::default()
        };
        let envelope = Envelope {
            event_id: EventId(Uuid::now_v7()),
            kind: Kind::of::<wire::ApiKey>("issued"),
            org: ORG,
            aggregate_id: "key".to_owned(),
            version: 1,
            occurred_at_us: 1,
            audit: Audit::default(),
            fact: fact.encode_to_vec(),
            traceparent: String::new(),
        };
        let signer = Signer::new(Service::Control, SEED);
        let topology = self.log.topology().clone();
        let subject = topology.fact::<wire::ApiKey>(ORG, "key");
        let log = EventLog::new(
            self.nats.client.clone(),
            topology,
            signer,
            Owners::default(),
        );
        log.publish_fact(&subject, &envelope, None, WITHIN)
            .await
            .unwrap();
        key.expose().to_owned()
    }

    /// Everything, as a client of the API gets it; the memory is that of this whole process.
    async fn export(&self, router: Router) {
        let key = self.key().await;
        let request = Request::get("/api/v1/audit/export").header("x-api-key", key);
        let request = request.body(Body::empty()).unwrap();
        drop(std::fs::write("/proc/self/clear_refs", "5"));
        let (before, started) = (memory("VmRSS:"), Instant::now());
        let answer = router.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        let mut parts = answer.into_body().into_data_stream();
        let (mut lines, mut bytes) = (0, 0);
        while let Some(part) = parts.next().await {
            let part = part.unwrap();
            bytes += part.len();
            lines += part.iter().filter(|byte| **byte == b'\n').count();
        }
        let took = started.elapsed().as_secs_f64();
        println!(
            "{lines} lines, {:.0} MB exported in {took:.1} s: {:.0}/s; memory {before}, at most {}",
            bytes as f64 / 1e6,
            lines as f64 / took,
            memory("VmHWM:")
        );
    }

    /// One message with the decisions `from..from + PACKED`.
    async fn publish(&self, from: u64) {
        let packed = Packed {
            incarnation: IncarnationId(Uuid::from_u128(1)),
            service: "enforcement".to_owned(),
            records: (from..from + PACKED).map(record).collect(),
            closes: false,
        };
        let subject = self.log.topology().decision(Shard::of(ORG));
        let id = Uuid::now_v7().to_string();
        self.log
            .append_packed(&subject, &id, &packed, WITHIN)
            .await
            .unwrap();
    }

    /// How many entries are under a checkpoint.
    async fn sealed(&self, sql: &mut PgConnection) -> u64 {
        let size = "select coalesce((select max(size) from ledger.checkpoints), 0)";
        // Before the service has made its tables there is nothing.
        let found: Result<i64, _> = sqlx::query_scalar(size).fetch_one(sql).await;
        found
            .ok()
            .and_then(|size| u64::try_from(size).ok())
            .unwrap_or(0)
    }

    async fn until(&self, sql: &mut PgConnection, size: u64) {
        while self.sealed(sql).await < size {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// From the acknowledgement of a message until its last decision is under a checkpoint, looked at
    /// every ten milliseconds.
    async fn at_rate(&self, sql: &mut PgConnection, mut next: u64, seconds: u64) {
        let every = Duration::from_secs(1) / u32::try_from(RATE / PACKED).unwrap();
        let mut ticks = tokio::time::interval(every);
        let mut looks = tokio::time::interval(Duration::from_millis(10));
        let (mut waiting, mut delays) = (VecDeque::new(), Vec::new());
        let last = next + RATE * seconds;
        while next < last || !waiting.is_empty() {
            tokio::select! {
                _ = ticks.tick(), if next < last => {
                    self.publish(next).await;
                    next += PACKED;
                    waiting.push_back((next - 1, Instant::now()));
                }
                _ = looks.tick() => {
                    let size = self.sealed(sql).await;
                    while let Some((number, acknowledged)) = waiting.front().copied()
                        && number <= size
                    {
                        delays.push(acknowledged.elapsed());
                        waiting.pop_front();
                    }
                }
            }
        }
        delays.sort_unstable();
        let at = |share: usize| delays.get(delays.len() * share / 100).or(delays.last());
        let shown = |delay: Option<&Duration>| delay.map_or(0, Duration::as_millis);
        println!(
            "fact to checkpoint at {RATE}/s for {seconds} s: p50 {} ms, p99 {} ms, max {} ms",
            shown(at(50)),
            shown(at(99)),
            shown(delays.last())
        );
    }
}

fn record(number: u64) -> Record {
    let id = DecisionId(Uuid::now_v7());
    let fact = wire::Decision {
        decision_id: id.to_bytes(),
        agent_id: vec![4; 16],
        external_agent_id: "support".to_owned(),
        policy_set_hash: vec![7; 32],
        ..wire::Decision::default()
    };
    let envelope = Envelope {
        event_id: EventId(id.0),
        kind: Kind::of::<wire::Decision>("made"),
        org: ORG,
        aggregate_id: id.to_string(),
        version: 0,
        occurred_at_us: 1_790_000_000_000_000,
        audit: Audit {
            actor: "agent:04040404-0404-0404-0404-040404040404".to_owned(),
            action: "decision.make".to_owned(),
            target: format!("decision:{id}"),
            outcome: "allowed".to_owned(),
            ..Audit::default()
        },
        fact: fact.encode_to_vec(),
        traceparent: String::new(),
    };
    Record {
        org: ORG,
        event_id: envelope.event_id,
        emitter_seq: number,
        envelope: envelope.encode(),
    }
}

/// A line of what Linux says of this process's memory.
fn memory(name: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or("unknown").trim().to_owned()
}
