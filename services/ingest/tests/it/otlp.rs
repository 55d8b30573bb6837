//! OpenTelemetry's way in: the same limits, pauses and identities as every other.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use writ_testkit::eventually;

use crate::fixture::{Fixture, Org, WITHIN, start};

fn export(agents: &[&str]) -> Value {
    let span = |(agent, n): (&&str, usize)| {
        json!({
            "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": format!("{:016x}", n + 1),
            "name": "work", "kind": 1, "startTimeUnixNano": "1767225601500000000",
            "endTimeUnixNano": 1_767_225_601_512_000_000_u64,
            "attributes": [
                { "key": "Execlave.agent_id", "value": { "stringValue": agent } },
                { "key": "Execlave.trace_id", "value": { "stringValue": "run-1" } },
                { "key": "gen_ai.usage.input_tokens", "value": { "intValue": "3" } },
                { "key": "app.note", "value": { "stringValue": "kept" } },
            ],
        })
    };
    let spans: Value = agents.iter().zip(0..).map(span).collect();
    json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] })
}

async fn post(
    fixture: &Fixture,
    named: &str,
    encoding: Option<&str>,
    body: Vec<u8>,
) -> (StatusCode, Vec<u8>) {
    post_as(fixture, &fixture.org, named, encoding, body).await
}

async fn post_as(
    fixture: &Fixture,
    org: &Org,
    named: &str,
    encoding: Option<&str>,
    body: Vec<u8>,
) -> (StatusCode, Vec<u8>) {
    let mut request = Request::post("/v1/traces")
        .header("authorization", format!("Bearer {}", org.key.expose()))
        .header(header::CONTENT_TYPE, named);
    if let Some(encoding) = encoding {
        request = request.header(header::CONTENT_ENCODING, encoding);
    }
    let answer = fixture
        .router()
        .oneshot(request.body(Body::from(body)).unwrap())
        .await
        .unwrap();
    let status = answer.status();
    let body = axum::body::to_bytes(answer.into_body(), 1 << 24)
        .await
        .unwrap();
    (status, body.to_vec())
}

#[tokio::test]
async fn spans_are_taken_as_json_and_protobuf_and_each_once() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "bot").await;
    let json_body = export(&["bot", "bot"]);
    let request: ExportTraceServiceRequest = serde_json::from_value(json_body.clone()).unwrap();
    let (status, body) = post(
        &fixture,
        "application/json; charset=utf-8",
        None,
        json_body.to_string().into_bytes(),
    )
    .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        serde_json::from_slice::<Value>(&body).unwrap(),
        json!({ "partialSuccess": {} })
    );
    // The same spans again, as protobuf: the SDK's trace id and the span id are the identity.
    let (status, body) = post(
        &fixture,
        "application/x-protobuf",
        None,
        request.encode_to_vec(),
    )
    .await;
    assert_eq!(status, StatusCode::OK);
    let answer = ExportTraceServiceResponse::decode(body.as_slice()).unwrap();
    assert_eq!(answer.partial_success, None);
    fixture
        .counts("SELECT count() FROM traces WHERE origin = 'otlp'", 2)
        .await;
    let (_, body) = fixture.get(&fixture.org, "/api/v1/traces/run-1").await;
    let span = &body["data"]["spans"][0];
    assert_eq!(
        (&span["promptTokens"], &span["durationMs"]),
        (&json!(3), &json!(12))
    );
    assert_eq!(
        span["metadata"]["attributes"],
        json!({ "app.note": "kept" })
    );
}

#[tokio::test]
async fn grpc_takes_the_same_and_needs_a_key_too() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "bot").await;
    let export: ExportTraceServiceRequest =
        serde_json::from_value(export(&["bot", "nobody"])).unwrap();
    let mut client = TraceServiceClient::new(fixture.router());
    let refused = client.export(export.clone()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);
    let mut request = tonic::Request::new(export);
    let key = format!("Bearer {}", fixture.org.key.expose());
    request
        .metadata_mut()
        .insert("authorization", key.parse().unwrap());
    let answer = client.export(request).await.unwrap().into_inner();
    assert_eq!(answer.partial_success.unwrap().rejected_spans, 1);
    fixture
        .counts("SELECT count() FROM traces WHERE origin = 'otlp'", 1)
        .await;
}

#[tokio::test]
async fn refused_spans_are_a_partial_success_that_says_why() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "bot").await;
    let body = export(&["bot", "nobody"]).to_string().into_bytes();
    let (status, body) = post(&fixture, "application/json", None, body).await;
    let told: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_eq!(told["partialSuccess"]["rejectedSpans"], "1");
    let message = told["partialSuccess"]["errorMessage"].as_str().unwrap();
    assert!(
        message.contains("AGENT_NOT_FOUND") && message.contains("nobody"),
        "{message}"
    );
}

#[tokio::test]
async fn what_is_no_export_or_too_large_is_refused() {
    let fixture = start().await;
    for (named, body, expected) in [
        (
            "text/plain",
            b"{}".to_vec(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        ("application/json", b"[".to_vec(), StatusCode::BAD_REQUEST),
        (
            "application/x-protobuf",
            b"{}".to_vec(),
            StatusCode::BAD_REQUEST,
        ),
        (
            "application/json",
            vec![b' '; 11 << 20],
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ] {
        let (status, body) = post(&fixture, named, None, body).await;
        assert_eq!(status, expected, "{}", String::from_utf8_lossy(&body));
    }
    // 12 MB of blanks in a few kilobytes.
    let packed = gzip(&vec![b' '; 12 << 20]);
    assert!(packed.len() < 64 << 10);
    let (status, _) = post(&fixture, "application/json", Some("gzip"), packed).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_packed_export_is_unpacked() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "bot").await;
    let body = gzip(export(&["bot"]).to_string().as_bytes());
    let (status, _) = post(&fixture, "application/json", Some("gzip"), body).await;
    assert_eq!(status, StatusCode::OK);
    eventually(WITHIN, "it is stored", || {
        fixture.number("SELECT count() FROM traces")
    })
    .await;
}

#[tokio::test]
async fn an_exporter_cannot_sign_so_its_key_does_not_ask_for_it_here() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "bot").await;
    let signing = fixture.key_that_signs(9).await;
    let body = export(&["bot"]).to_string().into_bytes();
    let (status, _) = post_as(&fixture, &signing, "application/json", None, body).await;
    assert_eq!(status, StatusCode::OK);
    let traces = r#"{"traces":[]}"#;
    let path = "/api/v1/traces/ingest";
    let (status, refused) = fixture.call(&signing, Method::POST, path, traces).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{refused}");
}

#[tokio::test]
async fn an_export_packed_with_deflate_is_unpacked() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "bot").await;
    let body = zlib(export(&["bot"]).to_string().as_bytes());
    let (status, _) = post(&fixture, "application/json", Some("deflate"), body).await;
    assert_eq!(status, StatusCode::OK);
}

/// RFC 1950, with one stored block: what exporters call deflate.
fn zlib(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in bytes {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    let mut packed = vec![0x78, 0x01, 0x01];
    packed.extend(length.to_le_bytes());
    packed.extend((!length).to_le_bytes());
    packed.extend(bytes);
    packed.extend(((high << 16) | low).to_be_bytes());
    packed
}

/// Stored blocks compress nothing; `gzip` is the machine's.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut child = std::process::Command::new("gzip")
        .arg("-c")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output.stdout
}
