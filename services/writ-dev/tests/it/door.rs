//! The front door of `--processes`.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tower::ServiceExt;
use writ_contract::Service;
use writ_dev::door::{Door, Upstreams};
use writ_dev::endpoints;
use writ_dev::routes::misrouted;
use writ_service_kit::Tasks;
use writ_service_kit::serve::{App, Options, bind};
use writ_service_kit::telemetry::Metrics;

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn door(ports: &[u16], tasks: &Tasks) -> Router {
    let processes = ports.iter().map(|port| loopback(*port)).collect();
    Door::new(
        Upstreams::from([(Service::Enforcement, processes)]),
        tasks.clone(),
    )
    .router()
}

/// A process of the service: it says its port, and echoes.
async fn process(port: u16, tasks: &Tasks) {
    let router = Router::new()
        .route(
            "/api/v1/policies/enforce",
            get(move || async move { port.to_string() }),
        )
        .route(
            "/api/policies/enforce",
            post(|body: String| async move { body }),
        );
    let (bound, serving) = (bind(loopback(port)).await.unwrap(), tasks.clone());
    tasks.spawn(
        "process",
        async move { bound.serve(router, &serving).await },
    );
}

async fn ask(door: &Router, request: Request<Body>) -> (StatusCode, String) {
    let response = door.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

fn enforce() -> Request<Body> {
    Request::get("/api/v1/policies/enforce")
        .body(Body::empty())
        .unwrap()
}

#[tokio::test]
async fn requests_go_to_the_processes_of_a_service_in_turn() {
    let tasks = Tasks::new(Default::default());
    let ports = [
        writ_testkit::free_port().unwrap(),
        writ_testkit::free_port().unwrap(),
    ];
    for port in ports {
        process(port, &tasks).await;
    }
    let door = door(&ports, &tasks);
    let mut seen = [ask(&door, enforce()).await.1, ask(&door, enforce()).await.1];
    seen.sort();
    let mut expected = ports.map(|port| port.to_string());
    expected.sort();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn dead_process_is_passed_over_and_a_body_is_sent_once_to_the_living() {
    let tasks = Tasks::new(Default::default());
    let (dead, living) = (
        writ_testkit::free_port().unwrap(),
        writ_testkit::free_port().unwrap(),
    );
    process(living, &tasks).await;
    let door = door(&[dead, living], &tasks);
    for _ in 0..4 {
        let request = Request::post("/api/policies/enforce")
            .body(Body::from("hello"))
            .unwrap();
        assert_eq!(
            ask(&door, request).await,
            (StatusCode::OK, "hello".to_owned())
        );
    }
}

#[tokio::test]
async fn request_waits_for_a_process_that_is_being_started_again() {
    let tasks = Tasks::new(Default::default());
    let port = writ_testkit::free_port().unwrap();
    let starting = tasks.clone();
    tasks.spawn("late", async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        process(port, &starting).await;
    });
    let (status, _) = ask(&door(&[port], &tasks), enforce()).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn call_without_a_process_is_unavailable_in_the_words_of_its_protocol() {
    let tasks = Tasks::new(Default::default());
    let door = door(&[], &tasks);
    let started = Instant::now();
    let (status, body) = ask(&door, enforce()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("UNAVAILABLE"), "{body}");
    let request = Request::post("/writ.v1.EnforcementService/Enforce")
        .header("content-type", "application/grpc");
    let response = door
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.headers()["grpc-status"], "14");
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "nobody is waited for"
    );
}

#[tokio::test]
async fn grpc_call_and_its_trailers_pass_through() {
    let tasks = Tasks::new(Default::default());
    let process = writ_testkit::free_port().unwrap();
    let health = App::new(Metrics::detached(), Options::default()).finish(&tasks);
    let (bound, serving) = (bind(loopback(process)).await.unwrap(), tasks.clone());
    tasks.spawn(
        "process",
        async move { bound.serve(health, &serving).await },
    );
    let (bound, serving) = (bind(loopback(0)).await.unwrap(), tasks.clone());
    let (url, door) = (format!("http://{}", bound.addr), door(&[process], &tasks));
    tasks.spawn("door", async move { bound.serve(door, &serving).await });

    let channel = tonic::transport::Endpoint::from_shared(url)
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut client = HealthClient::new(channel);
    let ask = |service: &str| HealthCheckRequest {
        service: service.to_owned(),
    };
    let answer = client.check(ask("")).await.unwrap();
    assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
    let unknown = client.check(ask("nobody")).await.unwrap_err();
    assert_eq!(unknown.code(), tonic::Code::NotFound);
}

#[tokio::test]
async fn every_endpoint_is_routed_to_the_service_that_has_it() {
    drop(rustls::crypto::ring::default_provider().install_default());
    for built in Box::pin(endpoints::services()).await.unwrap() {
        assert_eq!(misrouted(&built), Vec::<String>::new(), "{}", built.name);
    }
}
