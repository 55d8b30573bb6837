//! A log with one organisation on it, and enforcement replicas reading it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use uuid::Uuid;
use writ_access::key::mac;
use writ_access::{ApiKey, Pepper, Prefix};
use writ_contract::{
    AgentId, Audit, Envelope, EventId, Fact, IncarnationId, Kind, OrgId, Packed, Record, Service,
    Shard, Stream, Topology, wire,
};
use writ_enforcement::Config;
use writ_eventlog::{
    Content, EventLog, Expect, Owners, Signer, Start, StreamSettings, assert_streams,
};
use writ_service_kit::config::{HumanDuration, Secret};
use writ_service_kit::telemetry::Metrics;
use writ_service_kit::{Clock as _, Deps, SystemClock};
use writ_testkit::Nats;

pub(crate) const PEPPER: &str = "a pepper of the test, long enough to be one";
pub(crate) const AGENT: AgentId = AgentId(Uuid::from_u128(0xa));

pub(crate) struct Stage {
    pub(crate) nats: Nats,
    pub(crate) org: OrgId,
    pub(crate) key: String,
    pub(crate) topology: Topology,
    pub(crate) spool: tempfile::TempDir,
    control: EventLog,
    pub(crate) approval: EventLog,
    ingest: EventLog,
    owner_keys: Vec<(Service, [u8; 32])>,
}

pub(crate) struct Replica {
    pub(crate) router: Router,
    pub(crate) cancel: CancellationToken,
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn seed(service: Service) -> [u8; 32] {
    [service.name().as_bytes()[1]; 32]
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::on(Nats::shared().await).await
    }

    pub(crate) async fn on(nats: Nats) -> Self {
        let topology = Topology::new(&nats.prefix).unwrap();
        assert_streams(&nats.client, &topology, StreamSettings::default())
            .await
            .unwrap();
        let signer = |service| Signer::new(service, seed(service));
        let owner_keys: Vec<_> = Service::ALL
            .into_iter()
            .map(|s| (s, signer(s).public_key()))
            .collect();
        let log = |service| {
            let owners = Owners::new(owner_keys.clone());
            EventLog::new(
                nats.client.clone(),
                topology.clone(),
                signer(service),
                owners,
            )
        };
        let key = ApiKey::generate(Prefix::Live, [7; 32]);
        let stage = Self {
            org: OrgId(Uuid::from_u128(0x5)),
            key: key.expose().to_owned(),
            control: log(Service::Control),
            approval: log(Service::Approval),
            ingest: log(Service::Ingest),
            spool: tempfile::tempdir().unwrap(),
            topology,
            owner_keys,
            nats,
        };
        stage.state_basics(&key).await;
        stage
    }

    async fn state_basics(&self, key: &ApiKey) {
        let org_id = self.org.to_bytes();
        let org = wire::Organization {
            org_id,
            name: "Acme".into(),
            registration_required: true,
            ..Default::default()
        };
        self.state("org", 1, "created", &org).await;
        let fact = wire::ApiKey {
            key_id: vec![1; 16],
            public_id: key.public_id().to_owned(),
            mac: mac(&Pepper::new(PEPPER).unwrap(), key.expose()).to_vec(),
            role: "developer".into(),
            ..Default::default()
        };
        self.state("key", 1, "issued", &fact).await;
        let agent = wire::Agent {
            agent_id: AGENT.to_bytes(),
            external_id: "bot".into(),
            name: "Bot".into(),
            environment: "production".into(),
            ..Default::default()
        };
        self.state("agent", 1, "registered", &agent).await;
    }

    /// States a fact of control.
    pub(crate) async fn state<F: Fact>(&self, key: &str, version: u64, verb: &str, fact: &F) {
        let subject = self.topology.fact::<F>(self.org, key);
        let envelope = self.envelope(version, verb, fact);
        let within = Duration::from_secs(5);
        self.control
            .publish_fact(&subject, &envelope, None, within)
            .await
            .unwrap();
    }

    /// Ingest's statement that traces of this month are used.
    pub(crate) async fn used(&self, traces: u64) {
        let now = SystemClock.now().timestamp_micros();
        let fact = wire::Quota {
            resource: "maxTracesPerMonth".into(),
            month_start_us: now - 1_000_000_000,
            month_end_us: now + 1_000_000_000,
            used: traces,
        };
        let subject = self
            .topology
            .fact::<wire::Quota>(self.org, "maxTracesPerMonth");
        let envelope = self.envelope(1, "spent", &fact);
        let within = Duration::from_secs(5);
        self.ingest
            .publish_fact(&subject, &envelope, None, within)
            .await
            .unwrap();
    }

    pub(crate) fn envelope<F: Fact>(&self, version: u64, verb: &str, fact: &F) -> Envelope {
        Envelope {
            event_id: EventId(Uuid::now_v7()),
            kind: Kind::of::<F>(verb),
            org: self.org,
            aggregate_id: "a".into(),
            version,
            occurred_at_us: 1,
            audit: Audit::default(),
            fact: fact.encode_to_vec(),
            traceparent: String::new(),
        }
    }

    pub(crate) async fn policy(&self, id: u128, kind: &str, mode: &str, rule: Value) {
        let fact = Self::fact(id, kind, mode, rule);
        self.state(&id.to_string(), 1, "created", &fact).await;
    }

    /// A policy for everybody.
    pub(crate) fn fact(id: u128, kind: &str, mode: &str, rule: Value) -> wire::Policy {
        wire::Policy {
            policy_id: Uuid::from_u128(id).as_bytes().to_vec(),
            name: format!("policy {id}"),
            policy_type: kind.into(),
            enforcement_mode: mode.into(),
            rule_definition: rule.to_string(),
            is_active: true,
            evaluation_order: 100,
            severity: "high".into(),
            ..Default::default()
        }
    }

    /// States a trace, as ingest accepts it.
    pub(crate) async fn trace(&self, trace: &Value) {
        let input = wire::TraceInput {
            org_id: self.org.to_bytes(),
            trace_json: trace.to_string().into_bytes(),
            ..wire::TraceInput::default()
        };
        let record = Record {
            org: self.org,
            event_id: EventId(Uuid::now_v7()),
            emitter_seq: 1,
            envelope: input.encode_to_vec(),
        };
        let packed = Packed {
            incarnation: IncarnationId(Uuid::now_v7()),
            service: "ingest".into(),
            records: vec![record],
            closes: false,
        };
        let subject = self.topology.trace(Shard::of(self.org));
        let within = Duration::from_secs(5);
        let id = Uuid::now_v7().to_string();
        let stored = self.ingest.append_packed(&subject, &id, &packed, within);
        stored.await.unwrap();
    }

    /// Pauses the agent and returns the gate's acknowledgement.
    pub(crate) async fn pause(&self, version: u64, expect: u64) -> u64 {
        self.pause_as(&self.control, version, expect).await
    }

    /// A pause of somebody who may not state one.
    pub(crate) async fn forge_pause(&self, version: u64, expect: u64) {
        self.pause_as(&self.approval, version, expect).await;
    }

    async fn pause_as(&self, signer: &EventLog, version: u64, expect: u64) -> u64 {
        let shard = Shard::of(self.org);
        let kill = wire::Kill {
            agent_id: AGENT.to_bytes(),
            external_id: "bot".into(),
            environment: "production".into(),
            paused: true,
            reason: "incident 12".into(),
        };
        let subject = self.topology.kill(shard);
        let expect = Expect {
            subject: subject.clone(),
            sequence: expect,
        };
        let envelope = self.envelope(version, "set", &kill);
        let within = Duration::from_secs(5);
        let published = signer.publish_fact(&subject, &envelope, Some(&expect), within);
        published.await.unwrap().sequence
    }

    /// States a pause beyond one agent's switch and returns the gate's acknowledgement.
    pub(crate) async fn pause_wider(&self, scope: &str, value: &str, expect: u64) -> u64 {
        let pause = wire::Pause {
            pause_id: vec![7; 16],
            scope: scope.into(),
            value: value.into(),
            reason: "incident 12".into(),
            ..wire::Pause::default()
        };
        let subject = self.topology.kill(Shard::of(self.org));
        let expect = Expect {
            subject: subject.clone(),
            sequence: expect,
        };
        let envelope = self.envelope(1, "created", &pause);
        let within = Duration::from_secs(5);
        let published = self
            .control
            .publish_fact(&subject, &envelope, Some(&expect), within);
        published.await.unwrap().sequence
    }

    pub(crate) fn config(&self, replica: u32) -> Config {
        let mut config = Config::default();
        config.log.signing_seed = hex::encode(seed(Service::Enforcement));
        config.log.owner_keys = self
            .owner_keys
            .iter()
            .map(|(service, key)| (service.name().to_owned(), hex::encode(key)))
            .collect();
        config.access.key_pepper = Secret::new(PEPPER);
        config.digest_key = Secret::new("11".repeat(32));
        config.sealing.key = Secret::new("22".repeat(32));
        config.spool_dir = self.spool.path().join(replica.to_string());
        config.access.limits.enforce_per_minute = 0;
        // A busy machine may take its time; what a dead caller left is looked for after that.
        config.record_within = HumanDuration::from_secs(4);
        config.unclaimed_after = HumanDuration::from_secs(5);
        config
    }

    /// Starts a replica and waits until it is ready.
    pub(crate) async fn replica(&self, number: u32) -> Replica {
        self.replica_with(self.config(number)).await
    }

    pub(crate) async fn replica_with(&self, config: Config) -> Replica {
        // As `main` does; another test of this process may have been first.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = async_nats::connect(&self.nats.url).await.unwrap();
        let cancel = CancellationToken::new();
        let deps = Deps {
            nats: client,
            prefix: self.nats.prefix.clone(),
            cancel: cancel.clone(),
            metrics: Metrics::detached(),
            clock: Arc::new(SystemClock),
        };
        let built = writ_enforcement::build(config, deps).await.unwrap();
        let running = built.run;
        #[allow(clippy::disallowed_methods, reason = "the test's process ends with it")]
        tokio::spawn(running);
        let ready = built.ready.clone();
        tokio::time::timeout(Duration::from_secs(10), ready.wait())
            .await
            .expect("ready");
        Replica {
            router: built.router,
            cancel,
        }
    }

    /// Every decision on the log so far: stream sequence and fact.
    pub(crate) async fn decisions(&self) -> Vec<(u64, wire::Decision)> {
        let envelopes = self.envelopes().await.into_iter();
        let opened = envelopes.map(|(sequence, envelope)| (sequence, envelope.open().unwrap()));
        opened.collect()
    }

    /// Their envelopes.
    pub(crate) async fn envelopes(&self) -> Vec<(u64, Envelope)> {
        let filter = vec![self.topology.decision(Shard::of(self.org))];
        let mut reader = self
            .control
            .read(Stream::Gate, filter, Start::First)
            .await
            .unwrap();
        let mut all = Vec::new();
        for _ in 0..reader.behind() {
            let delivered = reader.next().await.unwrap();
            let Content::Packed(packed) = delivered.content else {
                panic!("packed")
            };
            for record in packed.records {
                let envelope = Envelope::decode(&record.envelope).unwrap();
                all.push((delivered.sequence, envelope));
            }
        }
        all
    }
}

/// A replica with threads of its own, which can die at once.
pub(crate) struct Process {
    runtime: Runtime,
    pub(crate) replica: Arc<Replica>,
}

impl Process {
    pub(crate) async fn start(stage: &Arc<Stage>, number: u32) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let stage = stage.clone();
        let starting = runtime.spawn(async move { stage.replica(number).await });
        Self {
            replica: Arc::new(starting.await.unwrap()),
            runtime,
        }
    }

    /// Does something for as long as the process lives.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// Nothing of it goes on: no await returns, nothing is given back or closed.
    pub(crate) fn kill(self) {
        self.runtime.shutdown_background();
    }
}

impl Replica {
    pub(crate) async fn call(&self, key: &str, body: Value) -> (StatusCode, Value) {
        self.call_text(key, body.to_string()).await
    }

    pub(crate) async fn call_text(&self, key: &str, body: String) -> (StatusCode, Value) {
        self.call_at("/api/v1/policies/enforce", key, body).await
    }

    pub(crate) async fn call_at(&self, path: &str, key: &str, body: String) -> (StatusCode, Value) {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .body(Body::from(body))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }
}

/// A request of the agent with this input.
pub(crate) fn ask(input: &str) -> Value {
    json!({"agentId": "bot", "environment": "production", "input": input})
}
