//! A running control service and a client for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;
use writ_access::Role;
use writ_contract::{Audit, Envelope, EventId, Fact, Kind, OrgId, Service, Topology, wire};
use writ_control::{Config, Seed, SeedOrganization};
use writ_eventlog::{EventLog, LogConfig, Owners, Signer, StreamSettings, assert_streams};
use writ_pg::{PgConfig, StoreUrl};
use writ_service_kit::Clock as _;
use writ_service_kit::clock::SystemClock;
use writ_service_kit::config::{HumanDuration, Secret};
use writ_service_kit::serve::{App, Options, bind};
use writ_service_kit::telemetry::Metrics;
use writ_service_kit::{Deps, Tasks};
use writ_testkit::{Db, Nats, Postgres};

const SEED: [u8; 32] = [5; 32];

/// A running service with two organisations.
pub(crate) struct Stand {
    pub(crate) nats: Nats,
    pub(crate) postgres: Postgres,
    pub(crate) db: Db,
    pub(crate) config: Config,
    pub(crate) orgs: Vec<SeedOrganization>,
    pub(crate) running: Running,
}

/// One life of the service.
pub(crate) struct Running {
    router: Router,
    tasks: Tasks,
    task: tokio::task::JoinHandle<()>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Stand {
    pub(crate) async fn start() -> Self {
        Self::on(Postgres::shared().await).await
    }

    /// With a Postgres of its own, to stop.
    pub(crate) async fn breakable() -> Self {
        Self::on(Postgres::own().await).await
    }

    async fn on(postgres: Postgres) -> Self {
        let nats = Nats::shared().await;
        let topology = Topology::new(&nats.prefix).unwrap();
        assert_streams(&nats.client, &topology, StreamSettings::default())
            .await
            .unwrap();
        let db = postgres.fresh_database().await;
        let config = config(&db, &nats.prefix);
        let orgs = vec![
            SeedOrganization::generate("Acme", &SystemClock).unwrap(),
            SeedOrganization::generate("Umbrella", &SystemClock).unwrap(),
        ];
        let seed = Seed {
            organizations: orgs.clone(),
        };
        writ_control::seed(&config, &seed).await.unwrap();
        writ_control::seed(&config, &seed)
            .await
            .expect("a seed can be applied again");
        let running = Running::start(&config, &nats).await;
        Self {
            nats,
            postgres,
            db,
            config,
            orgs,
            running,
        }
    }

    /// Starts the service again after it was stopped.
    pub(crate) async fn start_again(&mut self) {
        self.running = Running::start(&self.config, &self.nats).await;
    }

    /// Another replica over the same stores.
    pub(crate) async fn replica(&self) -> Running {
        Running::start(&self.config, &self.nats).await
    }

    pub(crate) fn key(&self, org: usize, role: Role) -> String {
        self.orgs[org].key(role).unwrap().to_owned()
    }

    pub(crate) async fn call(&self, key: &str, method: Method, path: &str, body: &str) -> Answer {
        self.running.call(key, method, path, body).await
    }

    /// As the first organisation's developer.
    pub(crate) async fn dev(&self, method: Method, path: &str, body: &str) -> Answer {
        self.call(&self.key(0, Role::Developer), method, path, body)
            .await
    }

    /// As the first organisation's owner.
    pub(crate) async fn owner(&self, method: Method, path: &str, body: &str) -> Answer {
        self.call(&self.key(0, Role::Owner), method, path, body)
            .await
    }

    /// Registers an agent and returns its id.
    pub(crate) async fn agent(&self, external_id: &str) -> String {
        let body = format!(r#"{{"agentId":"{external_id}","name":"{external_id}"}}"#);
        let answer = self.dev(Method::POST, "/api/v1/agents", &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.body["data"]["id"].as_str().unwrap().to_owned()
    }

    /// Ingest's statement that the first organisation sent so many traces this month.
    pub(crate) async fn counted(&self, traces: u64) {
        let now = SystemClock.now().timestamp_micros();
        let fact = wire::Quota {
            resource: "traces".to_owned(),
            month_start_us: now - 1_000_000_000,
            month_end_us: now + 1_000_000_000,
            used: traces,
        };
        self.state_as(Service::Ingest, "traces", "counted", &fact)
            .await;
    }

    /// Another service's fact about the first organisation.
    pub(crate) async fn state_as<F: Fact>(&self, owner: Service, key: &str, verb: &str, fact: &F) {
        let org = OrgId(self.orgs[0].id);
        let envelope = Envelope {
            event_id: EventId(Uuid::now_v7()),
            kind: Kind::of::<F>(verb),
            org,
            aggregate_id: key.to_owned(),
            version: 1,
            occurred_at_us: SystemClock.now().timestamp_micros(),
            audit: Audit::default(),
            fact: fact.encode_to_vec(),
            traceparent: String::new(),
        };
        let topology = Topology::new(&self.nats.prefix).unwrap();
        let subject = topology.fact::<F>(org, key);
        let log = EventLog::new(
            self.nats.client.clone(),
            topology,
            other(owner),
            Owners::default(),
        );
        let within = Duration::from_secs(5);
        log.publish_fact(&subject, &envelope, None, within)
            .await
            .unwrap();
    }

    /// The log as another service reads it.
    pub(crate) fn log(&self) -> EventLog {
        let control = Signer::new(Service::Control, SEED);
        let owners = Owners::new([(Service::Control, control.public_key())]);
        let topology = Topology::new(&self.nats.prefix).unwrap();
        EventLog::new(self.nats.client.clone(), topology, enforcement(), owners)
    }
}

impl Running {
    async fn start(config: &Config, nats: &Nats) -> Self {
        // Another test of this process may have done it.
        drop(rustls::crypto::ring::default_provider().install_default());
        let tasks = Tasks::new(CancellationToken::new());
        let deps = Deps {
            nats: nats.client.clone(),
            prefix: nats.prefix.clone(),
            cancel: tasks.cancel().child_token(),
            metrics: Metrics::detached(),
            clock: Arc::new(SystemClock),
        };
        let built = writ_control::build(config.clone(), deps).await.unwrap();
        let router = App::new(Metrics::detached(), Options::default())
            .with(&built)
            .finish(&tasks);
        let ready = built.ready.clone();
        let run = built.run;
        let task = tokio::task::spawn(async move { run.await.unwrap() });
        // Seeded keys come back through the log, so being ready includes them.
        tokio::time::timeout(Duration::from_secs(20), ready.wait())
            .await
            .unwrap_or_else(|_| panic!("not ready: {:?}", ready.missing()));
        Self {
            router,
            tasks,
            task,
        }
    }

    /// Serves it on a port of its own for as long as it runs.
    pub(crate) async fn serve(&self) -> SocketAddr {
        let bound = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let (addr, router, tasks) = (bound.addr, self.router.clone(), self.tasks.clone());
        tokio::spawn(async move { bound.serve(router, &tasks).await });
        addr
    }

    pub(crate) async fn stop(&mut self) {
        self.tasks.cancel().cancel();
        (&mut self.task).await.unwrap();
    }

    pub(crate) async fn call(&self, key: &str, method: Method, path: &str, body: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.send(request).await
    }

    /// A call that names an `Idempotency-Key` and, if not empty, the version it has seen.
    pub(crate) async fn once(
        &self,
        (key, once, if_match): (&str, &str, &str),
        method: Method,
        path: &str,
        body: &str,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("x-api-key", key)
            .header("idempotency-key", once);
        if !if_match.is_empty() {
            request = request.header("if-match", if_match);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap())
            .await
    }

    /// An answer whose body is still coming.
    pub(crate) async fn open(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer {
            status,
            headers,
            body,
        }
    }
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }
}

fn enforcement() -> Signer {
    other(Service::Enforcement)
}

/// What another service signs with.
fn other(service: Service) -> Signer {
    Signer::new(service, [6; 32])
}

fn config(db: &Db, prefix: &str) -> Config {
    let control = Signer::new(Service::Control, SEED);
    let mut config = Config {
        store: PgConfig {
            api_url: StoreUrl::new(db.url_for("control_api")),
            writer_url: StoreUrl::new(db.url_for("control_writer")),
            owner_url: StoreUrl::new(&db.owner_url),
            acquire_ms: 300,
            ..PgConfig::default()
        },
        log: LogConfig {
            signing_seed: hex(&SEED),
            owner_keys: [
                ("control".to_owned(), hex(&control.public_key())),
                ("enforcement".to_owned(), hex(&enforcement().public_key())),
                (
                    "ingest".to_owned(),
                    hex(&other(Service::Ingest).public_key()),
                ),
                (
                    "approval".to_owned(),
                    hex(&other(Service::Approval).public_key()),
                ),
            ]
            .into(),
        },
        heartbeat_every: HumanDuration::from_millis(100),
        ..Config::default()
    };
    config.host.nats.prefix = prefix.to_owned();
    config.access.key_pepper = Secret::new("pepper for tests, 32 bytes long!");
    config.access.limits.control_per_minute = 0;
    config.keys.bcrypt_cost = 4;
    config.digest_key = Secret::new("cd".repeat(32));
    config.oidc.internal_hosts = vec!["127.0.0.1".to_owned()];
    config.sealing.key = Secret::new("ab".repeat(32));
    config
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
