//! Outside publishers, and Protobuf.

use async_nats::HeaderMap;
use axum::body::Body;
use bytes::Bytes;
use http::Request;
use prost::Message as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use writ_testkit::eventually;

use crate::fixture::{Fixture, WITHIN, start, trace};

/// The part of `writ.v1.IngestTracesRequest` that these tests need.
#[derive(Clone, PartialEq, prost::Message)]
struct IngestTracesRequest {
    #[prost(message, repeated, tag = "1")]
    traces: Vec<Trace>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Trace {
    #[prost(string, tag = "1")]
    trace_id: String,
    #[prost(string, tag = "2")]
    agent_id: String,
    #[prost(double, optional, tag = "14")]
    cost_usd: Option<f64>,
}

fn protobuf(id: &str, agent: &str) -> Vec<u8> {
    let trace = Trace {
        trace_id: id.into(),
        agent_id: agent.into(),
        cost_usd: Some(0.5),
    };
    IngestTracesRequest {
        traces: vec![trace],
    }
    .encode_to_vec()
}

async fn request(fixture: &Fixture, payload: impl Into<Bytes>) -> Value {
    let payload = payload.into();
    let subject = fixture.topology.trace_request(fixture.org.id);
    let answer = eventually(WITHIN, "publishers are served", || {
        fixture
            .nats
            .client
            .request(subject.clone(), payload.clone())
    })
    .await;
    serde_json::from_slice(&answer.payload).unwrap()
}

#[tokio::test]
async fn one_trace_a_list_and_protobuf_are_acknowledged_once_stored() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    let stream = fixture.topology.stream_name(writ_contract::Stream::InTrace);
    for payload in [
        trace("one").to_string().into_bytes(),
        json!([trace("l1"), trace("l2")]).to_string().into_bytes(),
        json!({ "traces": [trace("o1")] }).to_string().into_bytes(),
        protobuf("p1", "agent-1"),
    ] {
        let answer = request(&fixture, payload).await;
        assert_eq!(answer["stream"], json!(stream), "{answer}");
        assert!(answer["seq"].as_u64().unwrap() > 0, "{answer}");
        assert_eq!(
            (&answer["duplicate"], &answer["errors"]),
            (&json!(false), &json!([]))
        );
    }
    let again = request(&fixture, trace("one").to_string()).await;
    assert_eq!(again["duplicate"], json!(true));
    fixture
        .counts("SELECT count() FROM traces WHERE origin = 'nats'", 5)
        .await;
    fixture
        .counts("SELECT count() FROM traces WHERE cost_usd = 0.5", 1)
        .await;
}

#[tokio::test]
async fn a_plain_jetstream_publish_works_and_fails_when_nothing_is_taken() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    let js = async_nats::jetstream::new(fixture.nats.client.clone());
    let subject = fixture.topology.trace_request(fixture.org.id);
    request(&fixture, trace("first").to_string()).await;
    let publish = async |trace: Value| {
        let sent = js.publish(subject.clone(), trace.to_string().into()).await;
        sent.expect("sent").await
    };
    assert!(publish(trace("t1")).await.is_ok());
    let mut unknown = trace("t2");
    unknown["agentId"] = json!("nobody");
    let refused = publish(unknown.clone()).await.expect_err("refused");
    let told = format!("{refused:?}");
    assert!(
        told.contains("AGENT_NOT_FOUND") && told.contains("60001"),
        "{told}"
    );
    let partly = request(&fixture, json!([trace("t3"), unknown]).to_string()).await;
    assert_eq!(
        (&partly["accepted"], &partly["errors"][0]["traceId"]),
        (&json!(1), &json!("t2"))
    );
    let large = request(&fixture, "x".repeat(1_048_577)).await;
    assert_eq!(large["error"]["code"], json!(413));
    assert_eq!(large["error"]["ref"], json!("ING0103"));
    let nonsense = request(&fixture, "nonsense").await;
    assert_eq!(nonsense["error"]["code"], json!(400));
}

#[tokio::test]
async fn what_nobody_waits_for_is_taken_and_counted() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    request(&fixture, trace("first").to_string()).await;
    let subject = fixture.topology.trace_request(fixture.org.id);
    let mut headers = HeaderMap::new();
    headers.insert("Content-Type", "application/json");
    let payload = Bytes::from(trace("second").to_string());
    fixture
        .nats
        .client
        .publish_with_headers(subject, headers, payload)
        .await
        .unwrap();
    fixture.counts("SELECT count() FROM traces", 2).await;
    let (_, counted) = fixture.get(&fixture.org, "/api/v1/traces/publishers").await;
    let expected =
        json!({ "messages": 2, "withoutReply": 1, "accepted": 2, "refused": 0, "failed": 0 });
    assert_eq!(counted["data"], expected);
    let (_, others) = fixture
        .get(&fixture.other, "/api/v1/traces/publishers")
        .await;
    assert_eq!(others["data"]["messages"], json!(0));
}

#[tokio::test]
async fn grpc_takes_the_same_request() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    let message = protobuf("g1", "agent-1");
    let mut framed = vec![0];
    framed.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    framed.extend(message);
    let call = Request::post("/writ.v1.TraceService/IngestTraces")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("x-api-key", fixture.org.key.expose())
        .body(Body::from(framed))
        .unwrap();
    let response = fixture.router().oneshot(call).await.unwrap();
    assert_eq!(response.headers().get("grpc-status"), None);
    let body = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    // A frame with one field: accepted = 1.
    assert_eq!(body.as_ref(), [0, 0, 0, 0, 2, 8, 1]);
    fixture
        .counts("SELECT count() FROM traces WHERE origin = 'grpc'", 1)
        .await;
}
