//! A running service in a namespace of its own, with someone to play the other services.

mod facts;
mod found;
mod process;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream::Stream as Handle;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use writ_audit_ledger::Config;
use writ_audit_ledger::config::WitnessConfig;
use writ_chain::keys::{NamedSigner, NamedVerifier, Trusted};
use writ_contract::{Service, Stream, Topology};
use writ_eventlog::{EventLog, Owners, Signer, StreamSettings, assert_streams};
use writ_pg::StoreUrl;
use writ_service_kit::config::Secret;
use writ_service_kit::telemetry::Metrics;
use writ_service_kit::{Deps, SystemClock};
use writ_testkit::{Db, Nats, Postgres};

pub(crate) use facts::{envelope, org};
pub(crate) use process::Process;

const PEPPER: &str = "a pepper for tests, not secret";
pub(crate) const KEY_NAME: &str = "writ.test/ledger";
pub(crate) const EXPORT_NAME: &str = "writ.test/export";
pub(crate) const SOON: Duration = Duration::from_secs(60);

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
    nats_url: String,
    prefix: String,
    pub(crate) db: Db,
    /// Of the checkpoint key and the one before.
    pub(crate) seeds: (u8, Option<u8>),
    /// That are sent each new head.
    pub(crate) witnesses: Vec<WitnessConfig>,
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
        let mut stage = Self::set(nats, postgres).await;
        stage.start().await;
        stage
    }

    /// On these servers, with nothing running yet.
    pub(crate) async fn set(nats: &Nats, postgres: &Postgres) -> Self {
        let topology = Topology::new(&nats.prefix).unwrap();
        let settings = StreamSettings::default();
        assert_streams(&nats.client, &topology, settings)
            .await
            .unwrap();
        Self {
            client: nats.client.clone(),
            nats_url: nats.url.clone(),
            prefix: nats.prefix.clone(),
            db: postgres.fresh_database().await,
            seeds: (77, None),
            witnesses: Vec::new(),
            running: None,
        }
    }

    /// A second replica on the same servers.
    pub(crate) async fn beside(other: &Self) -> Self {
        let mut stage = Self {
            client: other.client.clone(),
            nats_url: other.nats_url.clone(),
            prefix: other.prefix.clone(),
            db: other.db.clone(),
            seeds: (77, None),
            witnesses: Vec::new(),
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
        config.ledger.signing_seed = Secret::new(hex::encode([self.seeds.0; 32]));
        let previous = self.seeds.1.map(|seed| hex::encode([seed; 32]));
        config.ledger.previous_seed = Secret::new(previous.unwrap_or_default());
        config.ledger.export_key_name = EXPORT_NAME.to_owned();
        config.ledger.export_seed = Secret::new(hex::encode([78; 32]));
        config.ledger.witnesses.clone_from(&self.witnesses);
        config
    }

    /// A stream comes up empty, as after its files were lost.
    pub(crate) async fn lose_stream(&self, stream: Stream) {
        let topology = Topology::new(&self.prefix).unwrap();
        let jetstream = async_nats::jetstream::new(self.client.clone());
        let name = topology.stream_name(stream);
        jetstream.delete_stream(name).await.unwrap();
        let settings = StreamSettings::default();
        assert_streams(&self.client, &topology, settings)
            .await
            .unwrap();
    }

    /// A stream is made again without the guard against deletion, so that it can lose something; it
    /// soon forgets which messages it has seen.
    pub(crate) async fn deletable(&self, stream: Stream) -> Handle {
        let name = Topology::new(&self.prefix).unwrap().stream_name(stream);
        let js = async_nats::jetstream::new(self.client.clone());
        let kept = js.get_stream(&name).await.unwrap();
        let mut config = kept.cached_info().config.clone();
        js.delete_stream(&name).await.unwrap();
        config.deny_delete = false;
        config.duplicate_window = Duration::from_millis(100);
        js.create_stream(config).await.unwrap();
        js.get_stream(&name).await.unwrap()
    }

    pub(crate) fn log(&self, service: Service) -> EventLog {
        let topology = Topology::new(&self.prefix).unwrap();
        EventLog::new(self.client.clone(), topology, signer(service), owners())
    }

    /// GET with a key: status, content type, body.
    pub(crate) async fn get(&self, path: &str, key: &str) -> (StatusCode, String) {
        self.get_as(path, key, "application/json").await
    }

    pub(crate) async fn get_as(&self, path: &str, key: &str, kind: &str) -> (StatusCode, String) {
        let request = Request::get(path)
            .header("authorization", format!("Bearer {key}"))
            .header("accept", kind);
        let (status, _, body) = self.ask(request).await;
        (status, String::from_utf8(body).unwrap())
    }

    /// GET as it comes, without a key when it is empty.
    pub(crate) async fn raw(&self, path: &str, key: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = Request::get(path);
        if !key.is_empty() {
            request = request.header("x-api-key", key);
        }
        self.ask(request).await
    }

    async fn ask(&self, request: http::request::Builder) -> (StatusCode, HeaderMap, Vec<u8>) {
        let request = request.body(Body::empty()).unwrap();
        let response = self.router().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status, parts.headers, body.to_vec())
    }

    /// What the service serves.
    pub(crate) fn router(&self) -> axum::Router {
        self.running.as_ref().unwrap().router.clone()
    }
}

/// What a reader of receipts trusts.
pub(crate) fn trusted() -> Trusted {
    let export = NamedSigner::from_seed(EXPORT_NAME, &[78; 32]).unwrap();
    Trusted {
        checkpoint: vec![checkpoint_key()],
        export: vec![export.verifier().clone()],
        ..Trusted::default()
    }
}

pub(crate) fn checkpoint_key() -> NamedVerifier {
    NamedSigner::from_seed(KEY_NAME, &[77; 32])
        .unwrap()
        .verifier()
        .clone()
}
