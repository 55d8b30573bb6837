//! One running service with its broker, its database and two organisations.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt as _;
use uuid::Uuid;
use writ_access::{ApiKey, Prefix};
use writ_contract::topology::DURABLES;
use writ_contract::{OrgId, Service, Stream, Topology};
use writ_eventlog::{EventLog, LogConfig, Signer, StreamSettings, assert_streams};
use writ_ingest::{Config, build};
use writ_service_kit::config::{HumanDuration, Secret};
use writ_service_kit::telemetry::Metrics;
use writ_service_kit::{Clock as _, Deps, SystemClock, Tasks};
use writ_testkit::{ClickHouse, ClickHouseDb, Nats, eventually};

mod state;

pub(crate) use state::{envelope, packed};

pub(crate) const WITHIN: Duration = Duration::from_secs(40);
const PEPPER: &str = "a pepper for tests";

/// An organisation with one key.
pub(crate) struct Org {
    pub(crate) id: OrgId,
    pub(crate) key: ApiKey,
}

pub(crate) struct Fixture {
    pub(crate) nats: Nats,
    pub(crate) clickhouse: ClickHouse,
    pub(crate) db: ClickHouseDb,
    pub(crate) topology: Topology,
    pub(crate) org: Org,
    pub(crate) other: Org,
    router: axum::Router,
    tasks: Tasks,
    config: Config,
}

pub(crate) async fn start() -> Fixture {
    start_on(Nats::shared().await, ClickHouse::shared().await, |_| {}).await
}

pub(crate) async fn start_on(
    nats: Nats,
    clickhouse: ClickHouse,
    adjust: impl FnOnce(&mut Config),
) -> Fixture {
    let topology = Topology::new(&nats.prefix).expect("a prefix");
    assert_streams(&nats.client, &topology, StreamSettings::default())
        .await
        .expect("streams");
    let db = clickhouse.fresh_database().await;
    let mut config = config(&db);
    adjust(&mut config);
    let (router, tasks) = run(&nats, &config).await;
    let mut fixture = Fixture {
        org: organisation(1),
        other: organisation(2),
        nats,
        clickhouse,
        db,
        topology,
        router,
        tasks,
        config,
    };
    for seed in [1, 2] {
        fixture.introduce(seed).await;
    }
    fixture.org = organisation(1);
    fixture
}

fn config(db: &ClickHouseDb) -> Config {
    let log = log_config(Service::Ingest);
    let mut config = Config {
        log,
        ..Config::default()
    };
    config.access.key_pepper = Secret::new(PEPPER);
    config.digest_key = Secret::new("07".repeat(32));
    config.clickhouse.url = db.url.clone();
    config.clickhouse.database = db.name.clone();
    config.clickhouse.user = db.user.clone();
    config.clickhouse.password = Secret::new(&db.password);
    config.clickhouse.owner_user = db.user.clone();
    config.clickhouse.owner_password = Secret::new(&db.password);
    config.clickhouse.timeout = HumanDuration::from_secs(5);
    config.batch.wait = HumanDuration::from_millis(200);
    config.intake.meter_window = HumanDuration::from_secs(1);
    config.intake.usage_refresh = HumanDuration::from_millis(200);
    config.intake.retention_check = HumanDuration::from_millis(200);
    config
}

async fn run(nats: &Nats, config: &Config) -> (axum::Router, Tasks) {
    let tasks = Tasks::new(tokio_util::sync::CancellationToken::new());
    let deps = Deps {
        nats: nats.client.clone(),
        prefix: nats.prefix.clone(),
        cancel: tasks.cancel().clone(),
        metrics: Metrics::detached(),
        clock: Arc::new(SystemClock),
    };
    let built = build(config.clone(), deps).await.expect("it is built");
    tasks.spawn("ingest", async move { built.run.await.expect("it runs") });
    tokio::time::timeout(WITHIN, built.ready.wait())
        .await
        .expect("it gets ready");
    (built.router, tasks)
}

fn seed(service: Service) -> [u8; 32] {
    [service as u8 + 1; 32]
}

fn log_config(service: Service) -> LogConfig {
    let hex = |bytes: [u8; 32]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let owner = |s: Service| {
        (
            s.name().to_owned(),
            hex(Signer::new(s, seed(s)).public_key()),
        )
    };
    LogConfig {
        signing_seed: hex(seed(service)),
        owner_keys: Service::ALL
            .into_iter()
            .map(owner)
            .collect::<BTreeMap<_, _>>(),
    }
}

/// An organisation and key made from a number.
pub(crate) fn organisation(n: u8) -> Org {
    Org {
        id: OrgId(Uuid::from_u128(n.into())),
        key: ApiKey::generate(Prefix::Live, [n; 32]),
    }
}

impl Fixture {
    /// The log as another service sees it.
    pub(crate) fn log(&self, service: Service) -> EventLog {
        let (signer, owners) = log_config(service).keys(service).expect("keys");
        EventLog::new(
            self.nats.client.clone(),
            self.topology.clone(),
            signer,
            owners,
        )
    }

    /// Stops the service and starts another on the same broker and database.
    pub(crate) async fn restart(&mut self) {
        self.tasks.drain(WITHIN).await;
        (self.router, self.tasks) = run(&self.nats, &self.config).await;
    }

    /// Stops the service.
    pub(crate) async fn stop(&self) {
        self.tasks.drain(WITHIN).await;
    }

    /// Stops the service and starts another that reads the whole log into an empty database.
    pub(crate) async fn rebuild(&mut self) {
        self.tasks.drain(WITHIN).await;
        let js = async_nats::jetstream::new(self.nats.client.clone());
        for durable in DURABLES {
            let stream = self.topology.stream_name(durable.stream);
            let stream = js.get_stream(stream).await.expect("a stream");
            stream
                .delete_consumer(durable.name)
                .await
                .expect("a durable");
        }
        assert_streams(&self.nats.client, &self.topology, StreamSettings::default())
            .await
            .expect("streams");
        self.db = self.clickhouse.fresh_database().await;
        self.config.clickhouse.database.clone_from(&self.db.name);
        (self.router, self.tasks) = run(&self.nats, &self.config).await;
    }

    pub(crate) fn router(&self) -> axum::Router {
        self.router.clone()
    }

    pub(crate) async fn call(
        &self,
        org: &Org,
        method: Method,
        path: &str,
        body: &str,
    ) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", org.key.expose()))
            .body(Body::from(body.to_owned()))
            .expect("a request");
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("infallible");
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 26)
            .await
            .expect("a body");
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    pub(crate) async fn send(&self, org: &Org, traces: &[Value]) -> (StatusCode, Value) {
        let body = serde_json::json!({ "traces": traces }).to_string();
        self.call(org, Method::POST, "/api/v1/traces/ingest", &body)
            .await
    }

    pub(crate) async fn get(&self, org: &Org, path: &str) -> (StatusCode, Value) {
        self.call(org, Method::GET, path, "").await
    }

    /// What the database says to a query that selects one number.
    pub(crate) async fn number(&self, sql: &str) -> Result<u64, String> {
        let asked = self.db.client().query(sql).fetch_one::<u64>().await;
        asked.map_err(|error| error.to_string())
    }

    /// Waits until the query selects `expected`.
    pub(crate) async fn counts(&self, sql: &str, expected: u64) {
        eventually(WITHIN, &format!("{sql} is {expected}"), || async {
            match self.number(sql).await {
                Ok(number) if number == expected => Ok(()),
                other => Err(other),
            }
        })
        .await;
    }
}

impl Fixture {
    /// Runs a statement as the owner.
    pub(crate) async fn statement(&self, sql: &str) {
        self.db
            .client()
            .query(sql)
            .execute()
            .await
            .expect("it is done");
    }

    /// Runs a statement over a table that is being made.
    pub(crate) async fn statement_once_there(&self, sql: &str) {
        eventually(WITHIN, sql, || self.db.client().query(sql).execute()).await;
    }

    /// Waits until a durable has nothing left to deliver or to acknowledge.
    pub(crate) async fn drained(&self, name: &str) {
        let durable = DURABLES.iter().find(|d| d.name == name).expect("a durable");
        let js = async_nats::jetstream::new(self.nats.client.clone());
        let stream = self.topology.stream_name(durable.stream);
        eventually(WITHIN, &format!("{name} is drained"), || async {
            let consumer: PullConsumer = js
                .get_consumer_from_stream(name, &stream)
                .await
                .map_err(|e| e.to_string())?;
            let info = consumer.cached_info();
            let left = info.num_pending + info.num_ack_pending as u64;
            if left == 0 {
                Ok(())
            } else {
                Err(format!("{left} left"))
            }
        })
        .await;
    }

    /// Why the one dead letter is one.
    pub(crate) async fn dead_letter(&self) -> String {
        let js = async_nats::jetstream::new(self.nats.client.clone());
        let name = self.topology.stream_name(Stream::Dlq);
        let letter = eventually(WITHIN, "a dead letter is stored", || async {
            let stream = js.get_stream(&name).await.map_err(|e| e.to_string())?;
            stream.get_raw_message(1).await.map_err(|e| e.to_string())
        })
        .await;
        let why = letter
            .headers
            .get("Writ-Dead-Letter-Reason")
            .expect("a reason");
        why.as_str().to_owned()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.tasks.cancel().cancel();
    }
}

/// A trace of `agent-1` that starts now.
pub(crate) fn trace(id: &str) -> Value {
    serde_json::json!({
        "traceId": id,
        "agentId": "agent-1",
        "environment": "production",
        "timestamp": SystemClock.now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "durationMs": 12,
        "status": "success",
        "costUsd": 0.0125,
        "totalTokens": 7,
        "input": { "q": "?" },
        "metadata": { "k": 1.50 },
    })
}
