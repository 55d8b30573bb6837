//! A running service in a namespace of its own, with someone to play its neighbours.

use std::collections::BTreeMap;
use std::sync::{Arc, Once};
use std::time::Duration;

use axum::body::Body;
use chrono::DateTime;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;
use writ_access::{ApiKey, Pepper, Prefix, key};
use writ_contract::{
    Audit, Envelope, EventId, Fact, IncarnationId, KeyId, Kind, OrgId, Packed, Record, Service,
    Shard, Topology, wire,
};
use writ_eventlog::{EventLog, Owners, Signer, StreamSettings, assert_streams};
use writ_notifier::Config;
use writ_pg::StoreUrl;
use writ_service_kit::config::Secret;
use writ_service_kit::telemetry::Metrics;
use writ_service_kit::{Clock, Deps, ManualClock};
use writ_testkit::{Db, Nats, Postgres};

const PEPPER: &str = "a pepper for tests, not secret";
pub(crate) const SOON: Duration = Duration::from_secs(60);

fn signer(service: Service) -> Signer {
    let seed = Service::ALL.iter().position(|s| *s == service).unwrap();
    Signer::new(service, [u8::try_from(seed).unwrap() + 1; 32])
}

/// Everything a test needs.
pub(crate) struct Stage {
    client: async_nats::Client,
    prefix: String,
    pub(crate) db: Db,
    /// Stands still until a test moves it.
    pub(crate) clock: Arc<ManualClock>,
    running: Option<Running>,
}

struct Running {
    router: axum::Router,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

impl Stage {
    /// With the service running and ready.
    pub(crate) async fn running() -> Self {
        static TLS: Once = Once::new();
        TLS.call_once(|| {
            rustls::crypto::ring::default_provider()
                .install_default()
                .unwrap()
        });
        let nats = Nats::shared().await;
        let topology = Topology::new(&nats.prefix).unwrap();
        assert_streams(&nats.client, &topology, StreamSettings::default())
            .await
            .unwrap();
        let db = Postgres::shared().await.fresh_database().await;
        let start = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        let clock = Arc::new(ManualClock::at(start));
        let mut stage = Self {
            client: nats.client,
            prefix: nats.prefix,
            db,
            clock,
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
            clock: self.clock.clone(),
        };
        let built = writ_notifier::build(self.config(), deps).await.unwrap();
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
        config.store.api_url = StoreUrl::new(self.db.url_for("notifier_api"));
        config.store.writer_url = StoreUrl::new(self.db.url_for("notifier_writer"));
        config.store.owner_url = StoreUrl::new(&self.db.owner_url);
        config.log.signing_seed = hex::encode([7; 32]);
        let key = |service: Service| {
            (
                service.name().to_owned(),
                hex::encode(signer(service).public_key()),
            )
        };
        config.log.owner_keys = BTreeMap::from(Service::ALL.map(key));
        config.access.key_pepper = Secret::new(PEPPER);
        config.access.limits.control_per_minute = 0;
        config.sealing.key = Secret::new("ab".repeat(32));
        config.delivery.allow_http = true;
        config.delivery.allow_internal = true;
        config
    }

    pub(crate) fn log(&self, service: Service) -> EventLog {
        let topology = Topology::new(&self.prefix).unwrap();
        let owners =
            Owners::new(Service::ALL.map(|service| (service, signer(service).public_key())));
        EventLog::new(self.client.clone(), topology, signer(service), owners)
    }

    fn envelope<F: Fact>(&self, org: OrgId, verb: &str, fact: &F) -> Envelope {
        Envelope {
            event_id: EventId(Uuid::now_v7()),
            kind: Kind::of::<F>(verb),
            org,
            aggregate_id: Uuid::now_v7().to_string(),
            version: 1,
            occurred_at_us: self.clock.now().timestamp_micros(),
            audit: Audit::default(),
            fact: fact.encode_to_vec(),
            traceparent: String::new(),
        }
    }

    async fn publish(&self, log: &EventLog, subject: &str, envelope: &Envelope) {
        log.publish_fact(subject, envelope, None, SOON)
            .await
            .unwrap();
    }

    /// A key of an organisation.
    pub(crate) async fn key(&self, org: OrgId, role: &str) -> String {
        let key = ApiKey::generate(Prefix::Live, random());
        let fact = wire::ApiKey {
            key_id: KeyId(Uuid::now_v7()).to_bytes(),
            public_id: key.public_id().to_owned(),
            mac: key::mac(&Pepper::new(PEPPER).unwrap(), key.expose()).to_vec(),
            role: role.to_owned(),
            ..wire::ApiKey::default()
        };
        let log = self.log(Service::Control);
        let subject = log.topology().fact::<wire::ApiKey>(org, key.public_id());
        self.publish(&log, &subject, &self.envelope(org, "issued", &fact))
            .await;
        key.expose().to_owned()
    }

    /// An agent's pause or resume on the gate.
    pub(crate) async fn kill(&self, org: OrgId, agent: &str, paused: bool) {
        let fact = wire::Kill {
            agent_id: Uuid::now_v7().as_bytes().to_vec(),
            external_id: agent.to_owned(),
            environment: "production".to_owned(),
            paused,
            reason: "runaway".to_owned(),
        };
        let log = self.log(Service::Control);
        let subject = log.topology().kill(Shard::of(org));
        self.publish(&log, &subject, &self.envelope(org, "set", &fact))
            .await;
    }

    /// A packed message of decisions on the gate.
    pub(crate) async fn decisions(&self, org: OrgId, decisions: &[wire::Decision]) {
        let records = decisions.iter().zip(1..).map(|(decision, emitter_seq)| {
            let envelope = self.envelope(org, "made", decision);
            Record {
                org,
                event_id: envelope.event_id,
                emitter_seq,
                envelope: envelope.encode(),
            }
        });
        let packed = Packed {
            incarnation: IncarnationId(Uuid::now_v7()),
            service: "enforcement".to_owned(),
            records: records.collect(),
            closes: false,
        };
        let log = self.log(Service::Enforcement);
        let subject = log.topology().decision(Shard::of(org));
        let id = Uuid::now_v7().to_string();
        log.append_packed(&subject, &id, &packed, SOON)
            .await
            .unwrap();
    }

    /// A finding of the anomaly service.
    pub(crate) async fn finding(&self, org: OrgId, fact: &wire::Finding) {
        let log = self.log(Service::Anomaly);
        let subject = log
            .topology()
            .fact::<wire::Finding>(org, &Uuid::now_v7().to_string());
        self.publish(&log, &subject, &self.envelope(org, "found", fact))
            .await;
    }

    /// A call of the API.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        self.call_with(&[], method, path, key, body).await
    }

    pub(crate) async fn call_with(
        &self,
        headers: &[(&str, &str)],
        method: Method,
        path: &str,
        key: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"));
        let mut request = request.header("x-api-key", key);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let router = self.running.as_ref().unwrap().router.clone();
        let response = router.oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    pub(crate) async fn get(&self, path: &str, key: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, key, None).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    /// A webhook for `events` at `url`; its id and secret.
    pub(crate) async fn webhook(&self, key: &str, url: &str, events: &[&str]) -> (String, String) {
        let body = json!({"url": url, "events": events});
        let (status, body) = self.call(Method::POST, "/webhooks", key, Some(body)).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        let text = |name: &str| body["data"][name].as_str().unwrap().to_owned();
        (text("id"), text("secret"))
    }

    /// A connection that sees everything.
    pub(crate) async fn sql(&self) -> PgConnection {
        PgConnection::connect(&self.db.superuser_url).await.unwrap()
    }
}

/// A decision that a policy hit.
pub(crate) fn violation(mode: &str, outcome: wire::Outcome) -> wire::Decision {
    wire::Decision {
        decision_id: Uuid::now_v7().as_bytes().to_vec(),
        external_agent_id: "support-bot".to_owned(),
        environment: "production".to_owned(),
        outcome: outcome.into(),
        hits: vec![wire::Hit {
            policy_id: vec![3; 16],
            policy_type: "injection_scan".to_owned(),
            enforcement_mode: mode.to_owned(),
            severity: "high".to_owned(),
            ..wire::Hit::default()
        }],
        ..wire::Decision::default()
    }
}

pub(crate) fn org() -> OrgId {
    OrgId(Uuid::now_v7())
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}
