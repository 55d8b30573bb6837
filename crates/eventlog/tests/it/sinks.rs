use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use uuid::Uuid;
use writ_contract::topology::DURABLES;
use writ_contract::{IncarnationId, Packed, Service, Shard, Stream};

use crate::stage::{ORG, SOON, Stage};

fn traces() -> writ_contract::topology::Durable {
    *DURABLES
        .iter()
        .find(|d| d.stream == Stream::InTrace)
        .unwrap()
}

async fn put(stage: &Stage, id: &str) {
    let packed = Packed {
        incarnation: IncarnationId(Uuid::from_u128(1)),
        service: "ingest".into(),
        records: Vec::new(),
        closes: false,
    };
    let subject = stage.topology.trace(Shard::of(ORG));
    stage
        .log(Service::Ingest)
        .append_packed(&subject, id, &packed, SOON)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_not_done_comes_again_and_what_is_done_does_not() {
    let stage = Stage::new().await;
    put(&stage, "one").await;
    put(&stage, "two").await;
    let sink = stage.log(Service::Ingest).sink(traces()).await.unwrap();
    let batch = sink
        .next(10, Duration::from_millis(500))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(batch.work.len(), 2);
    batch.work[0].done().await;
    batch.work[1].again(Duration::from_millis(10)).await;
    let again = sink
        .next(10, Duration::from_secs(2))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(again.work.len(), 1);
    assert_eq!(
        again.work[0].delivered.sequence,
        batch.work[1].delivered.sequence
    );
    again.work[0].done().await;
    assert!(
        sink.next(10, Duration::from_millis(300))
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn what_nobody_signed_goes_to_the_dead_letters_and_the_rest_goes_on() {
    let stage = Stage::new().await;
    let subject = stage.topology.trace(Shard::of(ORG));
    let js = async_nats::jetstream::new(stage.nats.client.clone());
    let payload = Bytes::from_static(b"not a trace");
    js.publish_with_headers(subject, HeaderMap::new(), payload)
        .await
        .unwrap()
        .await
        .unwrap();
    put(&stage, "good").await;
    let sink = stage.log(Service::Ingest).sink(traces()).await.unwrap();
    let batch = sink
        .next(10, Duration::from_millis(500))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(batch.work.len(), 1);

    let stream = js
        .get_stream(stage.topology.stream_name(Stream::Dlq))
        .await
        .unwrap();
    let letter = stream.get_raw_message(1).await.unwrap();
    assert_eq!(letter.payload.as_ref(), b"not a trace");
    assert!(letter.headers.get("Writ-Dead-Letter-Reason").is_some());
}
