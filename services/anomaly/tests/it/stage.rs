//! A running service in a namespace of its own, with someone to play `control` and `ingest`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;
use writ_access::{ApiKey, Pepper, Prefix, key};
use writ_anomaly::Config;
use writ_contract::{
    Audit, Envelope, EventId, Fact, KeyId, Kind, OrgId, Service, Stream, Topology, wire,
};
use writ_eventlog::{EventLog, Owners, Signer, Start, StreamSettings, assert_streams};
use writ_pg::StoreUrl;
use writ_service_kit::config::Secret;
use writ_service_kit::telemetry::Metrics;
use writ_service_kit::{Deps, SystemClock};
use writ_testkit::{Db, Nats, Postgres, eventually};

const PEPPER: &str = "a pepper for tests, not secret";
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// 2026-01-01 00:00 UTC.
const DAWN_US: i64 = 1_767_225_600_000_000;

fn signer(service: Service) -> Signer {
    let seed = Service::ALL.iter().position(|s| *s == service).unwrap();
    Signer::new(service, [u8::try_from(seed).unwrap() + 1; 32])
}

fn owners() -> Owners {
    Owners::new(Service::ALL.map(|service| (service, signer(service).public_key())))
}

/// Everything a test needs.
pub(crate) struct Stage {
    client: async_nats::Client,
    prefix: String,
    pub(crate) db: Db,
    running: Option<Running>,
}

struct Running {
    router: axum::Router,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

impl Stage {
    /// Empty servers, no service yet.
    pub(crate) async fn empty() -> Self {
        let nats = Nats::shared().await;
        let topology = Topology::new(&nats.prefix).unwrap();
        assert_streams(&nats.client, &topology, StreamSettings::default())
            .await
            .unwrap();
        let db = Postgres::shared().await.fresh_database().await;
        Self {
            client: nats.client,
            prefix: nats.prefix,
            db,
            running: None,
        }
    }

    /// With the service running and ready.
    pub(crate) async fn running() -> Self {
        let mut stage = Self::empty().await;
        stage.start().await;
        stage
    }

    /// A second replica on the same servers.
    pub(crate) async fn beside(other: &Self) -> Self {
        let client = other.client.clone();
        let mut stage = Self {
            client,
            prefix: other.prefix.clone(),
            db: other.db.clone(),
            running: None,
        };
        stage.start().await;
        stage
    }

    pub(crate) async fn start(&mut self) {
        let cancel = CancellationToken::new();
        let deps = Deps {
            nats: self.client.clone(),
            prefix: self.prefix.clone(),
            cancel: cancel.clone(),
            metrics: Metrics::detached(),
            clock: Arc::new(SystemClock),
        };
        let built = writ_anomaly::build(self.config(), deps).await.unwrap();
        let ready = built.ready.clone();
        let task = tokio::spawn(async move { built.run.await.unwrap() });
        tokio::time::timeout(SOON, ready.wait()).await.unwrap();
        self.running = Some(Running {
            router: built.router,
            cancel,
            task,
        });
    }

    pub(crate) async fn stop(&mut self) {
        let Running { cancel, task, .. } = self.running.take().unwrap();
        cancel.cancel();
        task.await.unwrap();
    }

    fn config(&self) -> Config {
        let mut config = Config::default();
        config.store.api_url = StoreUrl::new(self.db.url_for("anomaly_api"));
        config.store.writer_url = StoreUrl::new(self.db.url_for("anomaly_writer"));
        config.store.owner_url = StoreUrl::new(&self.db.owner_url);
        config.log.signing_seed = hex::encode([5; 32]);
        let key = |service: Service| {
            (
                service.name().to_owned(),
                hex::encode(signer(service).public_key()),
            )
        };
        config.log.owner_keys = BTreeMap::from(Service::ALL.map(key));
        config.access.key_pepper = Secret::new(PEPPER);
        config
    }

    pub(crate) fn log(&self, service: Service) -> EventLog {
        let topology = Topology::new(&self.prefix).unwrap();
        EventLog::new(self.client.clone(), topology, signer(service), owners())
    }

    pub(crate) async fn publish<F: Fact>(&self, org: OrgId, key: &str, verb: &str, fact: &F) {
        let log = self.log(F::OWNER);
        let envelope = Envelope {
            event_id: EventId(Uuid::now_v7()),
            kind: Kind::of::<F>(verb),
            org,
            aggregate_id: key.to_owned(),
            version: 1,
            occurred_at_us: DAWN_US,
            audit: Audit::default(),
            fact: fact.encode_to_vec(),
            traceparent: String::new(),
        };
        let subject = log.topology().fact::<F>(org, key);
        log.publish_fact(&subject, &envelope, None, SOON)
            .await
            .unwrap();
    }

    /// A viewer's key of an organisation.
    pub(crate) async fn key(&self, org: OrgId) -> String {
        self.key_of(org, "viewer", &[]).await
    }

    /// A key of this role, for these environments.
    pub(crate) async fn key_of(&self, org: OrgId, role: &str, environments: &[&str]) -> String {
        let key = ApiKey::generate(Prefix::Live, rand_bytes());
        let fact = wire::ApiKey {
            key_id: KeyId(Uuid::now_v7()).to_bytes(),
            public_id: key.public_id().to_owned(),
            mac: key::mac(&Pepper::new(PEPPER).unwrap(), key.expose()).to_vec(),
            role: role.to_owned(),
            environments: environments.iter().map(ToString::to_string).collect(),
            ..wire::ApiKey::default()
        };
        self.publish(org, key.public_id(), "issued", &fact).await;
        key.expose().to_owned()
    }

    /// `count` ordinary minutes of an agent beginning at minute `from`, then a dear one.
    pub(crate) async fn minutes(&self, org: OrgId, agent: &str, from: i64, count: i64) {
        for minute in from..from + count {
            self.minute(org, agent, minute, 2_000 + minute.unsigned_abs() * 13 % 50)
                .await;
        }
    }

    /// One minute of a hundred traces that cost `each`.
    pub(crate) async fn minute(&self, org: OrgId, agent: &str, minute: i64, each: u64) {
        let start = DAWN_US + minute * 60_000_000;
        let fact = wire::Metered {
            external_agent_id: agent.to_owned(),
            environment: "production".to_owned(),
            window_start_us: start,
            window_end_us: start + 60_000_000,
            traces: 100,
            errors: 1,
            cost_micros: 100 * each,
            duration_ms_sum: 80_000,
            ..wire::Metered::default()
        };
        self.publish(org, agent, "summed", &fact).await;
    }

    /// GET with a key.
    pub(crate) async fn get(&self, path: &str, key: &str) -> (StatusCode, Value) {
        let request = Request::get(path).header("authorization", format!("Bearer {key}"));
        self.call(request.body(Body::empty()).unwrap()).await
    }

    /// Any request.
    pub(crate) async fn call(&self, request: Request<Body>) -> (StatusCode, Value) {
        let router = self.running.as_ref().unwrap().router.clone();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// Waits until the organisation lists this many anomalies and returns them.
    pub(crate) async fn anomalies(&self, key: &str, count: usize) -> Vec<Value> {
        eventually(SOON, "the anomalies are listed", || async {
            let (_, body) = self.get("/api/v1/anomalies", key).await;
            let found = body["data"].as_array().cloned().unwrap_or_default();
            if found.len() == count {
                Ok(found)
            } else {
                Err(body)
            }
        })
        .await
    }

    /// Waits until every metered fact published so far has been applied.
    pub(crate) async fn caught_up(&self) {
        let log = self.log(Service::Control);
        let filter = vec![log.topology().facts::<wire::Metered>()];
        let mut reader = log
            .read(Stream::Ingest, filter, Start::First)
            .await
            .unwrap();
        let mut last = 0;
        for _ in 0..reader.behind() {
            last = reader.next().await.unwrap().sequence;
        }
        eventually(SOON, "the projection has caught up", || async {
            let mut sql = self.sql().await;
            let seq: Option<i64> = sqlx::query_scalar(
                "select seq from anomaly.positions where projection = 'agent_baseline'",
            )
            .fetch_one(&mut sql)
            .await
            .unwrap();
            if seq == i64::try_from(last).ok() {
                Ok(())
            } else {
                Err(seq)
            }
        })
        .await;
    }

    /// A connection that sees everything.
    pub(crate) async fn sql(&self) -> PgConnection {
        PgConnection::connect(&self.db.superuser_url).await.unwrap()
    }

    /// Every finding fact on the log, decoded.
    pub(crate) async fn finding_facts(&self) -> Vec<(Envelope, wire::Finding)> {
        let log = self.log(Service::Notifier);
        let filters = vec![log.topology().facts::<wire::Finding>()];
        let mut reader = log
            .read(Stream::Anomaly, filters, Start::First)
            .await
            .unwrap();
        let mut facts = Vec::new();
        for _ in 0..reader.behind() {
            let delivered = reader.next().await.unwrap();
            assert_eq!(delivered.owner, Service::Anomaly);
            let writ_eventlog::Content::Fact(envelope) = delivered.content else {
                continue;
            };
            let finding = envelope.open().unwrap();
            facts.push((*envelope, finding));
        }
        facts
    }
}

pub(crate) fn org() -> OrgId {
    OrgId(Uuid::now_v7())
}

fn rand_bytes() -> [u8; 32] {
    let (one, two) = (Uuid::now_v7(), Uuid::now_v7());
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(one.as_bytes());
    bytes[16..].copy_from_slice(two.as_bytes());
    bytes
}
