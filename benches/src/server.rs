//! The server process: a real nats-server, the enforcement service on it, and bare echoes of the
//! same messages for comparison. It prints its addresses as one JSON line and serves until killed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use writ_enforcement::api::grpc::v1::enforcement_service_server::{
    EnforcementService, EnforcementServiceServer,
};
use writ_enforcement::api::grpc::v1::{EnforceRequest, EnforceResponse, Outcome};
use writ_servers::{OnOrphaned, Tools};
use writ_service_kit::serve::{App, Options, bind};
use writ_service_kit::telemetry::Metrics;
use writ_service_kit::{Deps, SystemClock, Tasks};

use crate::stage;

/// `nats-server` as in production: an acknowledged message is on disk.
const NATS: &str = "max_payload: 8MB\njetstream { sync_interval: always }\n";

/// Serves until the process is killed.
pub(crate) async fn serve(policies: usize) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let config = dir.path().join("nats.conf");
    std::fs::write(&config, NATS)?;
    let (tools, port) = (Tools::find()?, writ_servers::free_port()?);
    let store = dir.path().join("store");
    let mut nats =
        writ_servers::nats::command(&tools, &config, &store, port, OnOrphaned::Kill).spawn()?;
    writ_servers::wait_for_port(port, Duration::from_secs(10), || {
        nats.try_wait().is_ok_and(|ended| ended.is_none())
    })?;
    let client = async_nats::connect(format!("nats://127.0.0.1:{port}")).await?;
    let key = stage::set(&client, policies).await?;

    let tasks = Tasks::new(CancellationToken::new());
    let metrics = Metrics::detached();
    let deps = Deps {
        nats: client,
        prefix: "writ".to_owned(),
        cancel: tasks.cancel().clone(),
        metrics: metrics.clone(),
        clock: Arc::new(SystemClock),
    };
    let built = writ_enforcement::build(stage::config(dir.path()), deps).await;
    let built = built.map_err(anyhow::Error::from_boxed)?;
    let router = App::new(metrics, Options::default())
        .with(&built)
        .finish(&tasks);
    let bound = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let writ = bound.addr;
    let ready = built.ready.clone();
    let running = built.run;
    tasks.spawn("enforcement", async move { drop(running.await) });
    ready.wait().await;
    let (grpc_echo, rest_echo) = (echo_grpc(&tasks).await?, echo_rest(&tasks).await?);
    println!(
        "{}",
        json!({"writ": writ, "grpcEcho": grpc_echo, "restEcho": rest_echo, "key": key,
               "nats": nats.id()})
    );
    bound.serve(router, &tasks).await;
    Ok(())
}

/// Answers without deciding.
struct Echo;

#[tonic::async_trait]
impl EnforcementService for Echo {
    async fn enforce(
        &self,
        request: Request<EnforceRequest>,
    ) -> Result<Response<EnforceResponse>, Status> {
        let asked = request.into_inner();
        Ok(Response::new(EnforceResponse {
            outcome: Outcome::Allowed.into(),
            decision_id: asked.agent_id,
            ..EnforceResponse::default()
        }))
    }
}

async fn echo_grpc(tasks: &Tasks) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let router =
        tonic::service::Routes::new(EnforcementServiceServer::new(Echo)).into_axum_router();
    tasks.spawn("grpc-echo", async move {
        drop(axum::serve(listener, router).await)
    });
    Ok(addr)
}

async fn echo_rest(tasks: &Tasks) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let echo = |Json(asked): Json<Value>| async move {
        Json(json!({"allowed": true, "decisionId": asked.get("agentId"), "warnings": []}))
    };
    let router = Router::new().route("/api/v1/policies/enforce", post(echo));
    tasks.spawn("rest-echo", async move {
        drop(axum::serve(listener, router).await)
    });
    Ok(addr)
}
