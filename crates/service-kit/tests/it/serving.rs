//! Probes, error bodies, slow clients, HTTP/2, draining.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::stand::{Stand, send};

fn empty(path: &str) -> Request<Full<Bytes>> {
    Request::get(path).body(Full::default()).unwrap()
}

#[tokio::test]
async fn probes_tell_alive_from_ready() {
    let stand = Stand::start().await;
    assert_eq!(stand.get("/livez").await.status, StatusCode::OK);
    let waiting = stand.get("/readyz").await;
    assert_eq!(waiting.status, StatusCode::SERVICE_UNAVAILABLE);
    let missing = &waiting.json()["missing"][0];
    assert_eq!(
        *missing,
        json!({"service": "small", "what": "store", "why": "starting"})
    );
    stand.ready.met();
    assert_eq!(stand.get("/readyz").await.status, StatusCode::OK);
    assert_eq!(stand.get("/metrics").await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_error_has_the_same_body_and_names_its_request() {
    let stand = Stand::start().await;
    let cases = [
        ("/nowhere", StatusCode::NOT_FOUND, "NOT_FOUND"),
        (
            "/api/v1/admin",
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
        ),
        ("/api/v1/read", StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
        (
            "/api/v1/panics",
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL",
        ),
    ];
    for (path, status, code) in cases {
        let mut request = empty(path);
        request
            .headers_mut()
            .insert("x-request-id", "my-id-1".parse().unwrap());
        let answer = stand.send(request).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{path}"
        );
        assert_eq!(
            answer.json()["error"]["requestId"],
            json!("my-id-1"),
            "{path}"
        );
        assert_eq!(answer.headers["x-request-id"], "my-id-1");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    }
    let text = String::from_utf8(stand.get("/api/v1/panics").await.body.to_vec()).unwrap();
    assert!(!text.contains("mistake"), "{text}");
}

#[tokio::test]
async fn a_request_id_that_could_forge_a_log_line_is_replaced() {
    let stand = Stand::start().await;
    let mut request = empty("/health");
    request
        .headers_mut()
        .insert("x-request-id", "a b {\"level\":1}".parse().unwrap());
    let answer = stand.send(request).await;
    assert_eq!(answer.headers["x-request-id"].len(), 36);
}

#[tokio::test]
async fn a_nul_in_path_or_query_reads_as_in_bodies() {
    let stand = Stand::start().await;
    let answer = stand.get("/api/v1/echo/a%00b?q=%00").await;
    assert_eq!(answer.json(), json!(["a\u{fffd}b", "q=%EF%BF%BD"]));
}

#[tokio::test]
async fn routes_are_mounted_under_both_prefixes() {
    let stand = Stand::start().await;
    for path in ["/api/v1/open", "/api/open", "/health"] {
        assert_eq!(stand.get(path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(
        stand.get("/api/v1/open/").await.status,
        StatusCode::NOT_FOUND,
        "no redirects"
    );
    assert!(
        stand.table.contains(&"POST /api/v1/admin admin".to_owned()),
        "{:?}",
        stand.table
    );
    assert!(
        stand.table.contains(&"GET /health public".to_owned()),
        "{:?}",
        stand.table
    );
}

#[tokio::test]
async fn rest_and_grpc_share_the_port() {
    let stand = Stand::start().await;
    stand.ready.met();
    let rest = send(stand.addr, empty("/health"), true).await;
    assert_eq!(rest.status, StatusCode::OK);
    // HealthCheckRequest { service: "small.v1.Small" }, framed as gRPC.
    let name = b"small.v1.Small";
    let mut message = vec![0x0a, u8::try_from(name.len()).unwrap()];
    message.extend_from_slice(name);
    let mut frame = vec![0, 0, 0, 0, u8::try_from(message.len()).unwrap()];
    frame.extend_from_slice(&message);
    let check = || {
        Request::post("/grpc.health.v1.Health/Check")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(Bytes::from(frame.clone())))
            .unwrap()
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    loop {
        let answer = send(stand.addr, check(), true).await;
        assert_eq!(answer.status, StatusCode::OK);
        // HealthCheckResponse { status: SERVING }
        if answer.body.as_ref() == [0, 0, 0, 0, 2, 8, 1] {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_is_hung_up_on() {
    let stand = Stand::start().await;
    for begun in ["", "GET /health HTTP/1.1\r\nhost: x\r\n"] {
        let mut stream = tokio::net::TcpStream::connect(stand.addr).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let ended = stream.read_to_end(&mut rest);
        tokio::time::timeout(Duration::from_secs(8), ended)
            .await
            .unwrap_or_else(|_| panic!("still open after {begun:?}"))
            .unwrap();
    }
}

#[tokio::test]
async fn an_open_request_is_finished_before_the_process_stops() {
    let stand = Stand::start().await;
    let addr = stand.addr;
    let slow = tokio::task::spawn(send(addr, empty("/api/v1/slow"), false));
    tokio::time::sleep(Duration::from_millis(150)).await;
    stand.tasks.cancel().cancel();
    assert_eq!(slow.await.unwrap().body, "slow");
    stand.serving.await.unwrap();
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn a_connection_may_rest_between_requests() {
    let stand = Stand::start().await;
    let mut stream = tokio::net::TcpStream::connect(stand.addr).await.unwrap();
    for rest in [Duration::from_millis(5_500), Duration::ZERO] {
        stream
            .write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut buffer = [0; 2_048];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200"), "{read} bytes");
        tokio::time::sleep(rest).await;
    }
}

#[tokio::test]
async fn reflection_answers_under_both_names() {
    let stand = Stand::start().await;
    for version in ["v1", "v1alpha"] {
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let request = Request::post(path)
            .header("content-type", "application/grpc")
            .body(Full::default())
            .unwrap();
        let answer = send(stand.addr, request, true).await;
        assert_eq!(answer.status, StatusCode::OK, "{version}");
        assert_eq!(answer.headers["content-type"], "application/grpc");
    }
}
