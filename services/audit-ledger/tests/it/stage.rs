//! A running service in a namespace of its own, with someone to play the other services.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use sqlx::{Connection, PgConnection, Row};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;
use writ_access::{ApiKey, Pepper, Prefix, key};
use writ_audit_ledger::Config;
use writ_chain::keys::{NamedSigner, NamedVerifier};
use writ_chain::verify::{Entry, KnownHead, Report, Tail, Trust, Verification};
use writ_contract::{
    Audit, Envelope, EventId, Fact, IncarnationId, KeyId, Kind, OrgId, Packed, Record, Service,
    Shard, Stream, Topology, wire,
};
use writ_eventlog::{Content, EventLog, Owners, Signer, Start, StreamSettings, assert_streams};
use writ_pg::StoreUrl;
use writ_service_kit::config::Secret;
use writ_service_kit::telemetry::Metrics;
use writ_service_kit::{Deps, SystemClock};
use writ_testkit::{Db, Nats, Postgres, eventually};

const PEPPER: &str = "a pepper for tests, not secret";
pub(crate) const KEY_NAME: &str = "writ.test/ledger";
pub(crate) const SOON: Duration = Duration::from_secs(20);

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
    /// With the service running and ready.
    pub(crate) async fn running() -> Self {
        Self::on(&Nats::shared().await, &Postgres::shared().await).await
    }

    /// On these servers.
    pub(crate) async fn on(nats: &Nats, postgres: &Postgres) -> Self {
        let topology = Topology::new(&nats.prefix).unwrap();
        let settings = StreamSettings::default();
        assert_streams(&nats.client, &topology, settings)
            .await
            .unwrap();
        let mut stage = Self {
            client: nats.client.clone(),
            prefix: nats.prefix.clone(),
            db: postgres.fresh_database().await,
            running: None,
        };
        stage.start().await;
        stage
    }

    /// A second replica on the same servers.
    pub(crate) async fn beside(other: &Self) -> Self {
        let mut stage = Self {
            client: other.client.clone(),
            prefix: other.prefix.clone(),
            db: other.db.clone(),
            running: None,
        };
        stage.start().await;
        stage
    }

    fn deps(&self, cancel: &CancellationToken) -> Deps {
        Deps {
            nats: self.client.clone(),
            prefix: self.prefix.clone(),
            cancel: cancel.clone(),
            metrics: Metrics::detached(),
            clock: Arc::new(SystemClock),
        }
    }

    /// The service on a runtime of its own: dropping that runtime ends it between any two awaits,
    /// in the middle of whatever it was doing, like a kill.
    pub(crate) fn start_doomed(&self) -> tokio::runtime::Runtime {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (config, deps) = (self.config(), self.deps(&CancellationToken::new()));
        runtime.spawn(async move {
            let built = writ_audit_ledger::build(config, deps).await.unwrap();
            built.run.await.unwrap();
        });
        runtime
    }

    pub(crate) async fn start(&mut self) {
        let cancel = CancellationToken::new();
        let deps = self.deps(&cancel);
        let built = writ_audit_ledger::build(self.config(), deps).await.unwrap();
        let ready = built.ready.clone();
        let task = tokio::spawn(async move { built.run.await.unwrap() });
        let waited = tokio::time::timeout(SOON, ready.wait()).await;
        assert!(waited.is_ok(), "not ready: {:?}", ready.missing());
        self.running = Some(Running {
            router: built.router,
            cancel,
            task,
        });
    }

    /// Ends the service in order.
    pub(crate) async fn stop(&mut self) {
        let Running { cancel, task, .. } = self.running.take().unwrap();
        cancel.cancel();
        task.await.unwrap();
    }

    fn config(&self) -> Config {
        let mut config = Config::default();
        config.store.api_url = StoreUrl::new(self.db.url_for("ledger_api"));
        config.store.writer_url = StoreUrl::new(self.db.url_for("ledger_writer"));
        config.store.owner_url = StoreUrl::new(&self.db.owner_url);
        config.log.signing_seed = hex::encode([4; 32]);
        let key = |service: Service| {
            (
                service.name().to_owned(),
                hex::encode(signer(service).public_key()),
            )
        };
        config.log.owner_keys = BTreeMap::from(Service::ALL.map(key));
        config.access.key_pepper = Secret::new(PEPPER);
        config.ledger.key_name = KEY_NAME.to_owned();
        config.ledger.signing_seed = Secret::new(hex::encode([77; 32]));
        config
    }

    pub(crate) fn log(&self, service: Service) -> EventLog {
        let topology = Topology::new(&self.prefix).unwrap();
        EventLog::new(self.client.clone(), topology, signer(service), owners())
    }

    /// Publishes a fact of its owner; its event id.
    pub(crate) async fn publish<F: Fact>(
        &self,
        org: OrgId,
        key: &str,
        version: u64,
        fact: &F,
    ) -> EventId {
        let envelope = envelope(org, key, version, fact);
        self.publish_again::<F>(key, &envelope).await;
        envelope.event_id
    }

    pub(crate) async fn publish_again<F: Fact>(&self, key: &str, envelope: &Envelope) {
        let log = self.log(F::OWNER);
        let subject = log.topology().fact::<F>(envelope.org, key);
        log.publish_fact(&subject, envelope, None, SOON)
            .await
            .unwrap();
    }

    /// Policies `1..=count`, one version each.
    pub(crate) async fn policies(&self, org: OrgId, from: u64, count: u64) -> Vec<EventId> {
        let mut ids = Vec::new();
        for n in from..from + count {
            ids.push(
                self.publish(org, &format!("pol_{n}"), 1, &wire::Policy::default())
                    .await,
            );
        }
        ids
    }

    /// A packed message of decisions with these numbers.
    pub(crate) async fn decisions(&self, org: OrgId, incarnation: u128, numbers: &[u64]) -> Packed {
        let record = |number: &u64| {
            let fact = wire::Decision {
                decision_id: Uuid::now_v7().as_bytes().to_vec(),
                agent_id: Uuid::from_u128(4).as_bytes().to_vec(),
                external_agent_id: "support".into(),
                ..wire::Decision::default()
            };
            let envelope = envelope(org, "decision", 0, &fact);
            Record {
                org,
                event_id: envelope.event_id,
                emitter_seq: *number,
                envelope: envelope.encode(),
            }
        };
        let packed = Packed {
            incarnation: IncarnationId(Uuid::from_u128(incarnation)),
            service: "enforcement".into(),
            records: numbers.iter().map(record).collect(),
            closes: false,
        };
        self.append(org, &packed).await;
        packed
    }

    /// Appends a packed message under an id of its own.
    pub(crate) async fn append(&self, org: OrgId, packed: &Packed) {
        let log = self.log(Service::Enforcement);
        let subject = log.topology().decision(Shard::of(org));
        let id = Uuid::now_v7().to_string();
        log.append_packed(&subject, &id, packed, SOON)
            .await
            .unwrap();
    }

    /// A key of an organisation; one more fact.
    pub(crate) async fn key(&self, org: OrgId, role: &str) -> String {
        let key = ApiKey::generate(Prefix::Live, rand_bytes());
        let fact = wire::ApiKey {
            key_id: KeyId(Uuid::now_v7()).to_bytes(),
            public_id: key.public_id().to_owned(),
            mac: key::mac(&Pepper::new(PEPPER).unwrap(), key.expose()).to_vec(),
            role: role.to_owned(),
            ..wire::ApiKey::default()
        };
        self.publish(org, key.public_id(), 1, &fact).await;
        key.expose().to_owned()
    }

    /// GET with a key: status, content type, body.
    pub(crate) async fn get(&self, path: &str, key: &str) -> (StatusCode, String) {
        self.get_as(path, key, "application/json").await
    }

    pub(crate) async fn get_as(&self, path: &str, key: &str, kind: &str) -> (StatusCode, String) {
        let request = Request::get(path)
            .header("authorization", format!("Bearer {key}"))
            .header("accept", kind);
        let router = self.running.as_ref().unwrap().router.clone();
        let response = router
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// A connection that sees everything.
    pub(crate) async fn sql(&self) -> PgConnection {
        PgConnection::connect(&self.db.superuser_url).await.unwrap()
    }

    /// Waits until this many entries of an organisation are sealed, and no more are there.
    pub(crate) async fn sealed(&self, org: OrgId, count: i64) {
        eventually(SOON, "the entries are sealed", || async {
            let mut sql = self.sql().await;
            let found: (i64, i64) = sqlx::query_as(
                "select (select count(*) from ledger.entries where org_id = $1),
                        (select coalesce(max(size), 0) from ledger.checkpoints where org_id = $1)",
            )
            .bind(org.0)
            .fetch_one(&mut sql)
            .await
            .unwrap();
            if found == (count, count) {
                Ok(())
            } else {
                Err(found)
            }
        })
        .await;
    }

    /// Verifies an organisation's ledger from the tables, as `writ audit verify` does, against
    /// every checkpoint it keeps.
    pub(crate) async fn verify(&self, org: OrgId) -> Report {
        self.verify_against(org, Vec::new()).await
    }

    /// Verifies it also against every checkpoint anybody was told of.
    pub(crate) async fn verify_told(&self, org: OrgId) -> Report {
        let told = self
            .seals(org)
            .await
            .into_iter()
            .map(|(_, sealed)| KnownHead {
                size: sealed.size,
                root: sealed.root.try_into().unwrap(),
            });
        self.verify_against(org, told.collect()).await
    }

    async fn verify_against(&self, org: OrgId, told: Vec<KnownHead>) -> Report {
        let mut sql = PgConnection::connect(&self.db.owner_url).await.unwrap();
        let notes: Vec<String> = sqlx::query_scalar(
            "select note from ledger.checkpoints where org_id = $1 order by size",
        )
        .bind(org.0)
        .fetch_all(&mut sql)
        .await
        .unwrap();
        let known = notes.iter().map(|note| {
            let verified = writ_chain::checkpoint::open(note, &[checkpoint_key()]).unwrap();
            KnownHead {
                size: verified.checkpoint().size,
                root: verified.checkpoint().root,
            }
        });
        let trust = Trust {
            org: org.0,
            keys: vec![checkpoint_key()],
            known: known.chain(told).collect(),
            tail: Tail::Open,
        };
        let mut run = Verification::new(trust, notes.last().map(String::as_str));
        let rows = sqlx::query(
            "select seq, leaf_bytes, leaf_hash from ledger.entries where org_id = $1 order by seq",
        )
        .bind(org.0)
        .fetch_all(&mut sql)
        .await
        .unwrap();
        for row in rows {
            run.entry(Entry {
                position: u64::try_from(row.get::<i64, _>(0)).unwrap(),
                leaf_bytes: row.get(1),
                stored_hash: row.get::<Vec<u8>, _>(2).try_into().ok(),
            });
        }
        run.finish()
    }

    /// Every `sealed` fact of an organisation on the log, oldest first.
    pub(crate) async fn seals(&self, org: OrgId) -> Vec<(Envelope, wire::Sealed)> {
        let log = self.log(Service::Approval);
        let mut reader = log.read(Stream::Audit, vec![], Start::First).await.unwrap();
        let mut facts = Vec::new();
        for _ in 0..reader.behind() {
            let delivered = reader.next().await.unwrap();
            assert_eq!(delivered.owner, Service::AuditLedger);
            let Content::Fact(envelope) = delivered.content else {
                panic!("a fact")
            };
            if envelope.org == org {
                let sealed = envelope.open().unwrap();
                facts.push((*envelope, sealed));
            }
        }
        facts
    }
}

pub(crate) fn checkpoint_key() -> NamedVerifier {
    NamedSigner::from_seed(KEY_NAME, &[77; 32])
        .unwrap()
        .verifier()
        .clone()
}

pub(crate) fn org() -> OrgId {
    OrgId(Uuid::now_v7())
}

pub(crate) fn envelope<F: Fact>(org: OrgId, key: &str, version: u64, fact: &F) -> Envelope {
    Envelope {
        event_id: EventId(Uuid::now_v7()),
        kind: Kind::of::<F>("updated"),
        org,
        aggregate_id: key.to_owned(),
        version,
        occurred_at_us: 1_790_000_000_000_000,
        audit: Audit {
            actor: "key:key_1".into(),
            action: format!("{}.update", F::AGGREGATE),
            target: format!("{}:{key}", F::AGGREGATE),
            outcome: "succeeded".into(),
            ..Audit::default()
        },
        fact: fact.encode_to_vec(),
        traceparent: String::new(),
    }
}

fn rand_bytes() -> [u8; 32] {
    let (one, two) = (Uuid::now_v7(), Uuid::now_v7());
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(one.as_bytes());
    bytes[16..].copy_from_slice(two.as_bytes());
    bytes
}
