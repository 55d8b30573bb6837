//! Traces over a gRPC stream, as a client writes them.

use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;

use crate::fixture::{Fixture, Org, start};

#[derive(Clone, PartialEq, prost::Message)]
struct Sent {
    #[prost(uint64, tag = "1")]
    number: u64,
    #[prost(message, repeated, tag = "2")]
    traces: Vec<Trace>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Trace {
    #[prost(string, tag = "1")]
    trace_id: String,
    #[prost(string, tag = "2")]
    agent_id: String,
    #[prost(string, tag = "17")]
    environment: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Ack {
    #[prost(uint64, tag = "1")]
    number: u64,
    #[prost(uint64, tag = "2")]
    accepted: u64,
    #[prost(message, repeated, tag = "3")]
    refused: Vec<Refused>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Refused {
    #[prost(string, tag = "3")]
    code: String,
}

/// A message with a trace of a known and one of an unknown agent.
fn message(number: u64) -> Sent {
    let trace = |trace_id: String, agent: &str| Trace {
        trace_id,
        agent_id: agent.to_owned(),
        environment: "production".to_owned(),
    };
    Sent {
        number,
        traces: vec![
            trace(format!("s-{number}"), "bot"),
            trace("x".into(), "nobody"),
        ],
    }
}

async fn send(
    fixture: &Fixture,
    org: &Org,
    within: Option<Duration>,
    messages: impl Stream<Item = Sent> + Send + 'static,
) -> Result<Streaming<Ack>, Status> {
    let mut client = Grpc::new(fixture.router());
    client.ready().await.expect("infallible");
    let mut request = Request::new(messages);
    let key = org.key.expose().parse().unwrap();
    request.metadata_mut().insert("x-api-key", key);
    within
        .into_iter()
        .for_each(|within| request.set_timeout(within));
    let path = PathAndQuery::from_static("/writ.v1.TraceService/StreamTraces");
    let codec: ProstCodec<Sent, Ack> = ProstCodec::default();
    client
        .streaming(request, path, codec)
        .await
        .map(tonic::Response::into_inner)
}

#[tokio::test]
async fn each_message_is_answered_in_order_once_it_is_stored() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "bot").await;
    let sent = stream::iter((1..=40).map(message));
    let mut acks = send(&fixture, &fixture.org, None, sent).await.unwrap();
    for number in 1..=40 {
        let ack = acks.message().await.unwrap().unwrap();
        assert_eq!((ack.number, ack.accepted), (number, 1));
        assert_eq!(ack.refused[0].code, "AGENT_NOT_FOUND");
    }
    assert_eq!(acks.message().await.unwrap(), None);
    fixture
        .counts("SELECT count() FROM traces WHERE origin = 'grpc'", 40)
        .await;
}

#[tokio::test]
async fn a_stream_ends_with_its_deadline_and_what_was_answered_is_stored() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "bot").await;
    let open = stream::iter([message(1)]).chain(stream::pending());
    let within = Some(Duration::from_secs(3));
    let mut acks = send(&fixture, &fixture.org, within, open).await.unwrap();
    assert_eq!(acks.message().await.unwrap().unwrap().number, 1);
    let late = acks.message().await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded, "{late}");
    fixture.counts("SELECT count() FROM traces", 1).await;
}

#[tokio::test]
async fn a_spent_plan_and_a_wrong_key_end_the_stream_with_a_status() {
    let fixture = start().await;
    fixture.organization(&fixture.org, 2, Some(0)).await;
    let stranger = crate::fixture::organisation(99);
    let refused = send(&fixture, &stranger, None, stream::iter([message(1)])).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated);
    writ_testkit::eventually(crate::fixture::WITHIN, "the limit is known", || async {
        let acks = send(&fixture, &fixture.org, None, stream::iter([message(1)])).await;
        match acks.unwrap().message().await {
            Err(spent) if spent.code() == Code::ResourceExhausted => Ok(()),
            other => Err(other),
        }
    })
    .await;
}
