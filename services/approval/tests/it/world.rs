//! One deployment of the approval service, and the services around it played by their signers.

mod reading;
mod replica;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use writ_access::issuer::subject_mac;
use writ_access::jwt::SigningKey;
use writ_access::key::mac;
use writ_access::{ApiKey, Pepper, Prefix};
use writ_approval::{Config, build};
use writ_chain::action::context_of_request;
use writ_contract::digest::DigestKey;
use writ_contract::{
    AgentId, ApprovalId, Audit, BodyId, DecisionId, Envelope, EventId, Fact, IncarnationId, Kind,
    OrgId, Packed, PolicyId, PrivacyRequestId, Record, Service, Shard, Topology, wire,
};
use writ_eventlog::{EventLog, Owners, Signer, StoredBody, StreamSettings, assert_streams};
use writ_pg::StoreUrl;
use writ_service_kit::config::Secret;
use writ_service_kit::serve::{App, Options};
use writ_service_kit::telemetry::Metrics;
use writ_service_kit::{Clock, Deps, ManualClock, Tasks, ids};
use writ_testkit::{Db, Nats, Postgres};

pub(crate) use replica::Replica;

pub(crate) const PEPPER: &str = "a pepper of the tests";
pub(crate) const SOON: Duration = Duration::from_secs(15);
const WITHIN: Duration = Duration::from_secs(5);

/// The trace of every fact that comes from elsewhere.
pub(crate) const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

pub(crate) struct World {
    pub(crate) nats: Nats,
    pub(crate) postgres: Postgres,
    pub(crate) db: Db,
    pub(crate) topology: Topology,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) digest: DigestKey,
    pub(crate) org: OrgId,
    pub(crate) agent: AgentId,
}

/// A key as its holder has it.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) id: Uuid,
    pub(crate) org: OrgId,
    pub(crate) person: String,
    fact: wire::ApiKey,
}

/// A held decision, as enforcement records it.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) approval: ApprovalId,
    pub(crate) decision: DecisionId,
    pub(crate) context: String,
    pub(crate) environment: String,
    pub(crate) body: Option<wire::BodyRef>,
}

fn seed(service: Service) -> [u8; 32] {
    [service as u8 + 1; 32]
}

impl World {
    pub(crate) async fn shared() -> Self {
        Self::on(Nats::shared().await, Postgres::shared().await).await
    }

    pub(crate) async fn own_store() -> Self {
        Self::on(Nats::shared().await, Postgres::own().await).await
    }

    pub(crate) async fn own_log() -> Self {
        Self::on(Nats::own().await, Postgres::shared().await).await
    }

    async fn on(nats: Nats, postgres: Postgres) -> Self {
        let db = postgres.fresh_database().await;
        let topology = Topology::new(&nats.prefix).unwrap();
        assert_streams(&nats.client, &topology, StreamSettings::default())
            .await
            .unwrap();
        let clock = Arc::new(ManualClock::at(writ_service_kit::SystemClock.now()));
        Self {
            org: OrgId(Uuid::from_u128(0xa0)),
            agent: AgentId(Uuid::from_u128(0xb0)),
            nats,
            postgres,
            db,
            topology,
            clock,
            digest: DigestKey::new([9; 32]),
        }
    }

    /// The log as `service` sees and signs it.
    pub(crate) fn log(&self, service: Service) -> EventLog {
        let owners = Service::ALL.map(|s| (s, Signer::new(s, seed(s)).public_key()));
        EventLog::new(
            self.nats.client.clone(),
            self.topology.clone(),
            Signer::new(service, seed(service)),
            Owners::new(owners),
        )
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = Config::default();
        config.store.api_url = StoreUrl::new(self.db.url_for("approval_api"));
        config.store.writer_url = StoreUrl::new(self.db.url_for("approval_writer"));
        config.store.owner_url = StoreUrl::new(&self.db.owner_url);
        config.store.acquire_ms = 1_000;
        config.log.signing_seed = hex::encode(seed(Service::Approval));
        config.log.owner_keys = Service::ALL
            .map(|s| {
                let key = Signer::new(s, seed(s)).public_key();
                (s.name().to_owned(), hex::encode(key))
            })
            .into();
        config.access.key_pepper = Secret::new(PEPPER);
        config.approvals.digest_key = Secret::new(hex::encode([9; 32]));
        config.approvals.certificate_seed = Secret::new(hex::encode([7; 32]));
        config.approvals.sweep_every = "100ms".parse().unwrap();
        config
    }

    pub(crate) async fn replica(&self) -> Replica {
        let tasks = Tasks::new(CancellationToken::new());
        let deps = Deps {
            nats: self.nats.client.clone(),
            prefix: self.nats.prefix.clone(),
            cancel: tasks.cancel().clone(),
            metrics: Metrics::detached(),
            clock: self.clock.clone(),
        };
        let built = build(self.config(), deps).await.unwrap();
        let router = App::new(Metrics::detached(), Options::default())
            .with(&built)
            .finish(&tasks);
        let ready = built.ready.clone();
        let run = tokio::task::spawn(async move { built.run.await.unwrap() });
        tokio::time::timeout(SOON, ready.wait())
            .await
            .unwrap_or_else(|_| panic!("not ready: {:?}", ready.missing()));
        Replica { router, tasks, run }
    }

    pub(crate) fn new_id(&self) -> Uuid {
        ids::new_v7(self.clock.as_ref())
    }

    fn envelope<F: Fact>(
        &self,
        org: OrgId,
        verb: &str,
        id: &str,
        version: u64,
        fact: &F,
    ) -> Envelope {
        Envelope {
            event_id: EventId(self.new_id()),
            kind: Kind::of::<F>(verb),
            org,
            aggregate_id: id.to_owned(),
            version,
            occurred_at_us: self.clock.now().timestamp_micros(),
            audit: Audit::default(),
            fact: fact.encode_to_vec(),
            traceparent: PARENT.to_owned(),
        }
    }

    async fn publish<F: Fact>(&self, envelope: Envelope) {
        let subject = self
            .topology
            .fact::<F>(envelope.org, &envelope.aggregate_id);
        let log = self.log(F::OWNER);
        log.publish_fact(&subject, &envelope, None, WITHIN)
            .await
            .unwrap();
    }

    /// A key of somebody of his own.
    pub(crate) async fn key(&self, org: OrgId, role: &str) -> Key {
        let id = self.new_id();
        self.key_of(org, role, &format!("per_{}", id.as_simple()))
            .await
    }

    pub(crate) async fn key_of(&self, org: OrgId, role: &str, person: &str) -> Key {
        let id = self.new_id();
        let mut random = [0; 32];
        random[..16].copy_from_slice(id.as_bytes());
        let key = ApiKey::generate(Prefix::Live, random);
        let fact = wire::ApiKey {
            key_id: id.as_bytes().to_vec(),
            public_id: key.public_id().to_owned(),
            mac: mac(&Pepper::new(PEPPER).unwrap(), key.expose()).to_vec(),
            role: role.to_owned(),
            person: person.to_owned(),
            ..wire::ApiKey::default()
        };
        let aggregate = format!("key_{}", id.as_simple());
        self.publish::<wire::ApiKey>(self.envelope(org, "issued", &aggregate, 1, &fact))
            .await;
        Key {
            text: key.expose().to_owned(),
            id,
            org,
            person: person.to_owned(),
            fact,
        }
    }

    pub(crate) async fn revoke(&self, key: &Key) {
        let fact = wire::ApiKey {
            revoked: true,
            ..key.fact.clone()
        };
        let aggregate = format!("key_{}", key.id.as_simple());
        self.publish::<wire::ApiKey>(self.envelope(key.org, "revoked", &aggregate, 2, &fact))
            .await;
    }

    /// The person behind a key is a member of this role, who may decide approvals or not.
    pub(crate) async fn member(&self, key: &Key, version: u64, role: &str, approver: bool) {
        let fact = wire::Member {
            person: key.person.clone(),
            role: role.to_owned(),
            approver,
            removed: false,
            ..wire::Member::default()
        };
        self.publish::<wire::Member>(self.envelope(
            key.org,
            "updated",
            &key.person,
            version,
            &fact,
        ))
        .await;
    }

    /// A provider of the organisation, and a member whom it calls `subject`, who may decide; the
    /// member's token as a key.
    pub(crate) async fn signed_in(&self, subject: &str, person: &str) -> Key {
        let (signer, id) = (
            SigningKey::ed25519(&[1; 32]).unwrap(),
            Uuid::from_u128(0x155),
        );
        let issuer = wire::Issuer {
            issuer_id: id.as_bytes().to_vec(),
            issuer: "https://id.example.com".into(),
            audiences: vec!["writ".into()],
            email: "never".into(),
            keys: vec![wire::IssuerKey {
                kid: signer.kid().into(),
                algorithm: "EdDSA".into(),
                jwk: signer.jwk().to_string(),
            }],
            keys_until_us: i64::MAX,
            ..wire::Issuer::default()
        };
        self.publish::<wire::Issuer>(self.envelope(self.org, "registered", "iss", 1, &issuer))
            .await;
        let pepper = Pepper::new(PEPPER).unwrap();
        let member = wire::Member {
            person: person.to_owned(),
            role: "viewer".into(),
            approver: true,
            subject_mac: subject_mac(&pepper, id, subject).to_vec(),
            ..wire::Member::default()
        };
        self.publish::<wire::Member>(self.envelope(self.org, "added", person, 1, &member))
            .await;
        let now = self.clock.now().timestamp();
        let claims = json!({"iss": issuer.issuer, "aud": "writ", "sub": subject, "nbf": now,
            "exp": now + 600});
        Key {
            text: signer.sign(&claims).unwrap(),
            id: Uuid::nil(),
            org: self.org,
            person: person.to_owned(),
            fact: wire::ApiKey::default(),
        }
    }

    pub(crate) async fn archive_agent(&self, version: u64) {
        let fact = wire::Agent {
            agent_id: self.agent.to_bytes(),
            archived: true,
            ..wire::Agent::default()
        };
        let id = self.agent.to_string();
        self.publish::<wire::Agent>(self.envelope(self.org, "archived", &id, version, &fact))
            .await;
    }

    /// What control says of a prompt.
    pub(crate) async fn prompt(&self, verb: &str, version: u64, fact: &wire::PromptVersion) {
        let id = writ_contract::PromptId(Uuid::from_u128(0xc0)).to_string();
        let envelope = self.envelope(self.org, verb, &id, version, fact);
        self.publish::<wire::PromptVersion>(envelope).await;
    }

    /// Control has begun to erase what is held about a user of the application.
    pub(crate) async fn erase(&self, request: PrivacyRequestId, user: &str) {
        let fact = wire::PrivacyRequest {
            request_id: request.to_bytes(),
            kind: "erasure".to_owned(),
            state: "erasing".to_owned(),
            subject_digests: vec![self.digest.for_org(self.org).user(user).to_vec()],
            ..wire::PrivacyRequest::default()
        };
        let id = request.to_string();
        self.publish::<wire::PrivacyRequest>(self.envelope(self.org, "erasing", &id, 2, &fact))
            .await;
    }

    /// Pauses or resumes the agent; returns the sequence on the gate.
    pub(crate) async fn pause(&self, version: u64, paused: bool) -> u64 {
        let fact = wire::Kill {
            agent_id: self.agent.to_bytes(),
            paused,
            ..wire::Kill::default()
        };
        let id = self.agent.to_string();
        let envelope = self.envelope(self.org, "set", &id, version, &fact);
        let subject = self.topology.kill(Shard::of(self.org));
        let log = self.log(Service::Control);
        let stored = log.publish_fact(&subject, &envelope, None, WITHIN).await;
        stored.unwrap().sequence
    }

    /// Makes or ends the `n`th wider pause.
    pub(crate) async fn pause_wider(&self, n: u8, scope: &str, value: &str, ended: bool) {
        let fact = wire::Pause {
            pause_id: vec![n; 16],
            scope: scope.to_owned(),
            value: value.to_owned(),
            ended,
            ..wire::Pause::default()
        };
        let version = if ended { 2 } else { 1 };
        let envelope = self.envelope(self.org, "stated", "pause", version, &fact);
        let subject = self.topology.kill(Shard::of(self.org));
        let log = self.log(Service::Control);
        let stored = log.publish_fact(&subject, &envelope, None, WITHIN).await;
        stored.unwrap();
    }

    /// A held decision about `context`, with its body stored first as enforcement does.
    pub(crate) async fn held(&self, context: &str) -> Held {
        let body = format!(
            r#"{{"actionContext":{context},"violations":[{{"policyType":"tool_invocation"}}]}}"#
        );
        let key = self.digest.for_org(self.org);
        let stored = StoredBody {
            media_type: "application/json".to_owned(),
            content: body.into_bytes(),
        };
        let log = self.log(Service::Enforcement);
        let id = BodyId(self.new_id());
        let reference = log
            .put_body(self.org, id, &key, stored, WITHIN)
            .await
            .unwrap();
        Held {
            approval: ApprovalId(self.new_id()),
            decision: DecisionId(self.new_id()),
            context: context.to_owned(),
            environment: "production".to_owned(),
            body: Some(reference),
        }
    }

    /// Records held decisions on the gate, in one message.
    pub(crate) async fn record(&self, by: &Key, held: &[Held]) {
        self.record_as(Service::Enforcement, by, held).await;
    }

    /// Records held decisions under the signature of `signer`.
    pub(crate) async fn record_as(&self, signer: Service, by: &Key, held: &[Held]) {
        let records = held.iter().enumerate().map(|(n, held)| {
            let fact = self.decision(by, held);
            let id = held.decision.to_string();
            let envelope = self.envelope(self.org, "made", &id, 0, &fact);
            Record {
                org: self.org,
                event_id: envelope.event_id,
                emitter_seq: n as u64 + 1,
                envelope: envelope.encode(),
            }
        });
        let packed = Packed {
            incarnation: IncarnationId(self.new_id()),
            service: Service::Enforcement.name().to_owned(),
            records: records.collect(),
            closes: false,
        };
        let subject = self.topology.decision(Shard::of(self.org));
        let log = self.log(signer);
        let id = self.new_id().to_string();
        log.append_packed(&subject, &id, &packed, WITHIN)
            .await
            .unwrap();
    }

    fn decision(&self, by: &Key, held: &Held) -> wire::Decision {
        let canonical = context_of_request(&held.context).unwrap();
        wire::Decision {
            decision_id: held.decision.to_bytes(),
            agent_id: match self.agent {
                AgentId(agent) if agent.is_nil() => Vec::new(),
                agent => agent.to_bytes(),
            },
            external_agent_id: "support-bot".to_owned(),
            environment: held.environment.clone(),
            outcome: wire::Outcome::Hold.into(),
            hits: vec![wire::Hit {
                policy_id: PolicyId(Uuid::from_u128(4)).to_bytes(),
                ..wire::Hit::default()
            }],
            policy_set_hash: vec![5; 32],
            action_digest: self.digest.for_org(self.org).digest(&canonical).to_vec(),
            key_id: by.id.as_bytes().to_vec(),
            person: by.person.clone(),
            approval_id: held.approval.to_bytes(),
            body: held.body.clone(),
            user: Some(wire::User {
                digest: self.digest.for_org(self.org).user("u-1").to_vec(),
                verified: false,
            }),
            ..wire::Decision::default()
        }
    }

    /// A held decision on the gate, and its request on the log.
    pub(crate) async fn request(&self, by: &Key, context: &str) -> Held {
        let held = self.held(context).await;
        self.record(by, std::slice::from_ref(&held)).await;
        self.fact_of(&held).await;
        held
    }

    /// The ledger seals these events.
    pub(crate) async fn seal(&self, events: &[EventId]) {
        let fact = wire::Sealed {
            event_ids: events.iter().map(|id| id.to_bytes()).collect(),
            ..wire::Sealed::default()
        };
        let id = self.org.to_string();
        self.publish::<wire::Sealed>(self.envelope(self.org, "sealed", &id, 1, &fact))
            .await;
    }

    pub(crate) fn advance(&self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
    }
}
