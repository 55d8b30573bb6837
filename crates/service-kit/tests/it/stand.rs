//! A small service on a real port, and a client.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use writ_access::key::mac;
use writ_access::{ApiKey, Checker, KeyLookup, KeyRecord, Pepper, Prefix, Role};
use writ_service_kit::clock::SystemClock;
use writ_service_kit::json::{Lenient, Strict};
use writ_service_kit::routes::{
    Access, Attempt, Authed, Class, Gate, Limits, LimitsConfig, Routes,
};
use writ_service_kit::serve::{App, Options, bind};
use writ_service_kit::telemetry::Metrics;
use writ_service_kit::{Built, ReadyLatch, Requirement, Tasks};

/// Keys as a feed would have them.
#[derive(Default)]
struct Keys(Mutex<HashMap<String, Arc<KeyRecord>>>);

#[async_trait::async_trait]
impl KeyLookup for Keys {
    fn get(&self, public_id: &str) -> Option<Arc<KeyRecord>> {
        self.0.lock().unwrap().get(public_id).cloned()
    }

    fn membership(&self, _: Uuid, _: &str) -> Option<writ_access::Membership> {
        None
    }

    async fn catch_up(&self) {}
}

/// A service on a port.
pub(crate) struct Stand {
    pub(crate) addr: SocketAddr,
    pub(crate) tasks: Tasks,
    pub(crate) ready: Requirement,
    pub(crate) serving: tokio::task::JoinHandle<()>,
    pub(crate) table: Vec<String>,
    keys: Arc<Keys>,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

impl Stand {
    pub(crate) async fn start() -> Self {
        Self::with_limits(LimitsConfig::default()).await
    }

    pub(crate) async fn with_limits(limits: LimitsConfig) -> Self {
        let keys = Arc::new(Keys::default());
        let checker = Checker::new(keys.clone(), pepper());
        let trusted = vec!["127.0.0.0/8".parse().unwrap()];
        let gate = Gate::new(
            checker,
            Arc::new(SystemClock),
            Limits::new(&limits),
            trusted,
        );
        let (router, endpoints) = routes(gate).build(());
        let table = endpoints.iter().map(ToString::to_string).collect();
        let latch = ReadyLatch::new("small");
        let ready = latch.require("store");
        let built = Built {
            name: "small",
            router,
            descriptors: vec![tonic_health::pb::FILE_DESCRIPTOR_SET],
            grpc_names: vec!["small.v1.Small"],
            endpoints,
            ready: latch,
            run: Box::pin(async { Ok(()) }),
        };
        let tasks = Tasks::new(CancellationToken::new());
        let router = App::new(Metrics::detached(), Options::default())
            .with(&built)
            .finish(&tasks);
        let bound = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let addr = bound.addr;
        let inner = tasks.clone();
        let serving = tokio::task::spawn(async move { bound.serve(router, &inner).await });
        Self {
            addr,
            tasks,
            ready,
            serving,
            table,
            keys,
        }
    }

    /// Makes a key of this role known.
    pub(crate) fn key(&self, role: Role, change: impl FnOnce(&mut KeyRecord)) -> ApiKey {
        let number = u8::try_from(self.keys.0.lock().unwrap().len()).unwrap();
        let key = ApiKey::generate(Prefix::Live, [number; 32]);
        let mut record = KeyRecord {
            key_id: Uuid::from_u128(u128::from(number)),
            org_id: Uuid::from_u128(7),
            person: None,
            public_id: key.public_id().to_owned(),
            mac: mac(&pepper(), key.expose()),
            role,
            test: false,
            expires_at_ms: None,
            revoked: false,
            cidrs: vec![],
            environments: vec![],
            signature_required: false,
        };
        change(&mut record);
        self.keys
            .0
            .lock()
            .unwrap()
            .insert(key.public_id().to_owned(), Arc::new(record));
        key
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        send(self.addr, request, false).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Full::default()).unwrap())
            .await
    }

    pub(crate) async fn as_key(&self, key: &ApiKey, path: &str) -> Answer {
        let request = Request::get(path).header("x-api-key", key.expose());
        self.send(request.body(Full::default()).unwrap()).await
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// One request on a connection of its own, over HTTP/1 or cleartext HTTP/2.
pub(crate) async fn send(addr: SocketAddr, request: Request<Full<Bytes>>, http2: bool) -> Answer {
    let stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    let (mut parts, body) = request.into_parts();
    let response = if http2 {
        let uri = format!("http://{addr}{}", parts.uri);
        parts.uri = uri.parse().unwrap();
        let io = TokioIo::new(stream);
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
                .await
                .unwrap();
        tokio::task::spawn(connection);
        sender
            .send_request(Request::from_parts(parts, body))
            .await
            .unwrap()
    } else {
        parts
            .headers
            .insert("host", addr.to_string().parse().unwrap());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::task::spawn(connection);
        sender
            .send_request(Request::from_parts(parts, body))
            .await
            .unwrap()
    };
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

fn pepper() -> Pepper {
    Pepper::new([9; 32]).unwrap()
}

fn routes(gate: Gate) -> Routes<()> {
    let generous = Access::Role(Role::Viewer).class(Class::Generous);
    Routes::new(gate)
        .get("/open", Access::Public, async || "open")
        .get("/read", Access::Role(Role::Viewer), whoami)
        .get("/poll", generous, whoami)
        .post("/admin", Access::Role(Role::Admin), whoami)
        .post(
            "/lenient",
            Access::Role(Role::Viewer),
            async |Lenient(body): Lenient<Value>| axum::Json(body),
        )
        .post("/strict", Access::Role(Role::Viewer).body_limit(64), strict)
        .post(
            "/deferred",
            Access::Deferred.class(Class::Enforce),
            deferred,
        )
        .get("/panics", Access::Public, panics)
        .get("/echo/{id}", Access::Public, echo)
        .get("/slow", Access::Public, async || {
            tokio::time::sleep(Duration::from_millis(500)).await;
            "slow"
        })
        .get_bare("/health", Access::Public, async || "ok")
}

async fn whoami(State(()): State<()>, Authed(caller): Authed) -> impl IntoResponse {
    axum::Json(json!({ "org": caller.org_id(), "role": caller.role() }))
}

async fn strict(Strict(body): Strict<Named>) -> String {
    body.name
}

async fn deferred(Attempt(attempt): Attempt) -> (StatusCode, axum::Json<Value>) {
    match attempt {
        Ok(_) => (StatusCode::OK, axum::Json(json!({ "allowed": true }))),
        Err(error) => (
            StatusCode::FORBIDDEN,
            axum::Json(json!({ "allowed": false, "why": error.code })),
        ),
    }
}

async fn echo(Path(id): Path<String>, RawQuery(query): RawQuery) -> impl IntoResponse {
    axum::Json(json!([id, query]))
}

async fn panics() -> &'static str {
    panic!("a handler's mistake")
}
