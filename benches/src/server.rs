//! The server process: a real nats-server, the enforcement service on it, and bare echoes of the
//! same messages for comparison. It prints its addresses as one JSON line and serves until killed.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::post;
use axum::{Json, Router};
use futures::stream::Empty;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};
use writ_enforcement::api::grpc::v1::enforcement_service_server::{
    EnforcementService, EnforcementServiceServer,
};
use writ_enforcement::api::grpc::v1::{
    AuthorizeRequest, AuthorizeResponse, CheckToolOutputRequest, CheckToolOutputResponse,
    EnforceRequest, EnforceResponse, EnforceStreamRequest, EnforceStreamResponse, Outcome,
};
use writ_servers::{OnOrphaned, Tools};
use writ_service_kit::serve::{App, Bound, Options, bind};
use writ_service_kit::telemetry::Metrics;
use writ_service_kit::{Built, Deps, SystemClock, Tasks};

use crate::kill::REPLICAS;
use crate::stage;

/// `nats-server` as in production: an acknowledged message is on disk.
const NATS: &str = "max_payload: 8MB\njetstream { sync_interval: always }\n";

/// Serves until the process is killed.
pub(crate) async fn serve(policies: usize) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (nats, client) = broker(dir.path()).await?;
    let key = stage::set(&client, policies).await?;
    let tasks = Tasks::new(CancellationToken::new());
    let deps = deps(&client, &tasks);
    let built = writ_enforcement::build(stage::config(dir.path()), deps).await;
    let built = built.map_err(anyhow::Error::from_boxed)?;
    let ready = built.ready.clone();
    let (bound, router) = open(built, &tasks).await?;
    ready.wait().await;
    let (grpc_echo, rest_echo) = (echo_grpc(&tasks).await?, echo_rest(&tasks).await?);
    println!(
        "{}",
        json!({"writ": bound.addr, "grpcEcho": grpc_echo, "restEcho": rest_echo, "key": key,
               "nats": nats.id()})
    );
    bound.serve(router, &tasks).await;
    Ok(())
}

/// Serves control and three replicas of enforcement until the process is killed.
pub(crate) async fn serve_kill(policies: usize) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (_nats, client) = broker(dir.path()).await?;
    let key = stage::set(&client, policies).await?;
    let tasks = Tasks::new(CancellationToken::new());
    let mut replicas = Vec::new();
    for number in 0..REPLICAS {
        let config = stage::config(&dir.path().join(number.to_string()));
        let built = writ_enforcement::build(config, deps(&client, &tasks)).await;
        let built = built.map_err(anyhow::Error::from_boxed)?;
        let ready = built.ready.clone();
        let (bound, router) = open(built, &tasks).await?;
        ready.wait().await;
        replicas.push(bound.addr);
        let serving = tasks.clone();
        tasks.spawn(
            "replica",
            async move { bound.serve(router, &serving).await },
        );
    }
    let built = writ_control::build(stage::control(), deps(&client, &tasks)).await;
    let built = built.map_err(anyhow::Error::from_boxed)?;
    let ready = built.ready.clone();
    let (bound, router) = open(built, &tasks).await?;
    // Everything but the store, which is not there.
    while ready.missing().iter().any(|(what, _)| *what != "store") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!(
        "{}",
        json!({"control": bound.addr, "replicas": replicas, "key": key})
    );
    bound.serve(router, &tasks).await;
    Ok(())
}

async fn broker(dir: &Path) -> anyhow::Result<(Child, async_nats::Client)> {
    let config = dir.join("nats.conf");
    std::fs::write(&config, NATS)?;
    let (tools, port) = (Tools::find()?, writ_servers::free_port()?);
    let store = dir.join("store");
    let mut nats =
        writ_servers::nats::command(&tools, &config, &store, port, OnOrphaned::Kill).spawn()?;
    writ_servers::wait_for_port(port, Duration::from_secs(10), || {
        nats.try_wait().is_ok_and(|ended| ended.is_none())
    })?;
    let client = async_nats::connect(format!("nats://127.0.0.1:{port}")).await?;
    Ok((nats, client))
}

fn deps(client: &async_nats::Client, tasks: &Tasks) -> Deps {
    Deps {
        nats: client.clone(),
        prefix: "writ".to_owned(),
        cancel: tasks.cancel().clone(),
        metrics: Metrics::detached(),
        clock: Arc::new(SystemClock),
    }
}

/// Starts what the service runs; it serves once its address has been told.
async fn open(built: Built, tasks: &Tasks) -> anyhow::Result<(Bound, Router)> {
    let router = App::new(Metrics::detached(), Options::default())
        .with(&built)
        .finish(tasks);
    let bound = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let (name, running) = (built.name, built.run);
    tasks.spawn(name, async move { drop(running.await) });
    Ok((bound, router))
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

    type EnforceStreamStream = Empty<Result<EnforceStreamResponse, Status>>;

    async fn enforce_stream(
        &self,
        _: Request<Streaming<EnforceStreamRequest>>,
    ) -> Result<Response<Self::EnforceStreamStream>, Status> {
        Err(Status::unimplemented("not compared"))
    }

    async fn check_tool_output(
        &self,
        _: Request<CheckToolOutputRequest>,
    ) -> Result<Response<CheckToolOutputResponse>, Status> {
        Err(Status::unimplemented("not compared"))
    }

    async fn authorize(
        &self,
        _: Request<AuthorizeRequest>,
    ) -> Result<Response<AuthorizeResponse>, Status> {
        Err(Status::unimplemented("not compared"))
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
