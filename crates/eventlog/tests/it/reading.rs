use async_nats::HeaderMap;
use bytes::Bytes;
use uuid::Uuid;
use writ_contract::digest::DigestKey;
use writ_contract::{BodyId, Service, Shard, Stream, wire};
use writ_eventlog::{BodyError, Content, Start, StoredBody};

use crate::stage::{ORG, SOON, Stage, envelope};

fn agent(name: &str) -> wire::Agent {
    wire::Agent {
        name: name.into(),
        ..wire::Agent::default()
    }
}

#[tokio::test]
async fn the_last_fact_of_each_subject_is_the_state() {
    let stage = Stage::new().await;
    let control = stage.log(Service::Control);
    for (key, version, name) in [("a", 1, "old"), ("a", 2, "new"), ("b", 1, "other")] {
        let subject = stage.topology.fact::<wire::Agent>(ORG, key);
        let fact = envelope(version, &agent(name));
        control
            .publish_fact(&subject, &fact, None, SOON)
            .await
            .unwrap();
    }
    let filter = vec![stage.topology.facts::<wire::Agent>()];
    let reading = stage.log(Service::Enforcement);
    let mut reader = reading
        .read(Stream::Control, filter, Start::LastPerSubject)
        .await
        .unwrap();
    assert_eq!(reader.behind(), 2);
    let mut names = Vec::new();
    for _ in 0..2 {
        let Content::Fact(fact) = reader.next().await.unwrap().content else {
            panic!("a fact")
        };
        names.push(fact.open::<wire::Agent>().unwrap().name);
    }
    assert_eq!(names, ["new", "other"]);
}

#[tokio::test]
async fn what_is_not_signed_by_its_owner_is_passed_over() {
    let stage = Stage::new().await;
    let subject = stage.topology.fact::<wire::Agent>(ORG, "a");
    let fact = envelope(1, &agent("forged"));
    // Somebody who can publish, but is not control; and somebody who signs nothing.
    stage
        .log(Service::Ingest)
        .publish_fact(&subject, &fact, None, SOON)
        .await
        .unwrap();
    let js = async_nats::jetstream::new(stage.nats.client.clone());
    let mut headers = HeaderMap::new();
    headers.insert("Writ-Type", "agent.stated.v1");
    let payload = Bytes::from(fact.encode());
    js.publish_with_headers(subject.clone(), headers, payload)
        .await
        .unwrap()
        .await
        .unwrap();
    let real = envelope(2, &agent("real"));
    stage
        .log(Service::Control)
        .publish_fact(&subject, &real, None, SOON)
        .await
        .unwrap();

    let log = stage.log(Service::Enforcement);
    let filter = vec![stage.topology.facts::<wire::Agent>()];
    let mut reader = log
        .read(Stream::Control, filter, Start::First)
        .await
        .unwrap();
    let Content::Fact(first) = reader.next().await.unwrap().content else {
        panic!("a fact")
    };
    assert_eq!(first.open::<wire::Agent>().unwrap().name, "real");
}

#[tokio::test]
async fn a_repeated_event_id_is_stored_once() {
    let stage = Stage::new().await;
    let control = stage.log(Service::Control);
    let subject = stage.topology.fact::<wire::Agent>(ORG, "a");
    let fact = envelope(1, &agent("once"));
    let first = control
        .publish_fact(&subject, &fact, None, SOON)
        .await
        .unwrap();
    let again = control
        .publish_fact(&subject, &fact, None, SOON)
        .await
        .unwrap();
    assert!(again.duplicate && again.sequence == first.sequence);
}

#[tokio::test]
async fn a_body_is_read_back_only_as_the_one_the_fact_speaks_of() {
    let stage = Stage::new().await;
    let key = DigestKey::new([1; 32]).for_org(ORG);
    let body = StoredBody {
        media_type: "text/plain".into(),
        content: b"held act".to_vec(),
    };
    let writing = stage.log(Service::Enforcement);
    let id = BodyId(Uuid::now_v7());
    let reference = writing
        .put_body(ORG, id, &key, body.clone(), SOON)
        .await
        .unwrap();
    assert_eq!(reference.shard, u32::from(Shard::of(ORG).number()));
    let reading = stage.log(Service::Approval);
    assert_eq!(reading.get_body(&reference, &key).await, Ok(body));
    let mut forged = reference.clone();
    forged.digest = vec![0; 32];
    assert_eq!(reading.get_body(&forged, &key).await, Err(BodyError::Gone));
    let mut missing = reference;
    missing.stream_seq += 1;
    assert_eq!(reading.get_body(&missing, &key).await, Err(BodyError::Gone));
}

#[tokio::test]
async fn a_counter_adds_up_over_callers_and_counts_a_repeated_id_once() {
    let stage = Stage::new().await;
    let log = stage.log(Service::Enforcement);
    let adds = (0..64).map(|n| {
        let log = log.clone();
        async move {
            log.count(ORG, "budget", 5, &format!("id{n}"))
                .await
                .unwrap()
        }
    });
    let mut totals = futures::future::join_all(adds).await;
    totals.sort_unstable();
    assert_eq!(totals, (1..=64).map(|n| n * 5).collect::<Vec<i64>>());
    log.count(ORG, "budget", 5, "id0").await.ok();
    assert_eq!(log.count(ORG, "budget", -5, "back").await.unwrap(), 315);
}

#[tokio::test]
async fn increments_read_back_with_what_they_were_made_for() {
    let stage = Stage::new().await;
    let log = stage.log(Service::Enforcement);
    let before = chrono::Utc::now().timestamp_micros() - 1_000_000;
    log.count(ORG, "budget", 5, "one").await.unwrap();
    let told = log.count_because(ORG, "budget", -2, "two", "trace 7").await;
    assert_eq!(told.unwrap(), 3);
    let mut reader = log.increments(Start::Since(before)).await.unwrap();
    assert_eq!(reader.behind(), 2);
    let one = reader.advance().await.unwrap().unwrap();
    assert_eq!(
        (one.delta, one.id.as_str(), one.cause.as_str()),
        (5, "one", "")
    );
    let two = reader.advance().await.unwrap().unwrap();
    assert_eq!((two.org, two.key.as_str(), two.delta), (ORG, "budget", -2));
    assert_eq!((two.id.as_str(), two.cause.as_str()), ("two", "trace 7"));
    assert!(two.stored_at_us >= before);
    assert_eq!(reader.behind(), 0);
    let hour = 3_600_000_000;
    let later = log.increments(Start::Since(before + hour)).await.unwrap();
    assert_eq!(later.behind(), 0);
}
