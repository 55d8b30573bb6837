//! Accepted traces are numbered without gaps.

use std::collections::BTreeMap;

use writ_contract::{IncarnationId, OrgId, Service, Shard, Stream};
use writ_eventlog::{Content, Start};

use crate::fixture::{Fixture, WITHIN, start, trace};

/// The numbers of each incarnation and organisation in stream order, and whether each closed.
async fn numbers(
    fixture: &Fixture,
    messages: u64,
) -> BTreeMap<(IncarnationId, OrgId), (Vec<u64>, bool)> {
    let log = fixture.log(Service::Ingest);
    let filters = vec![fixture.topology.trace(Shard::of(fixture.org.id))];
    let mut reader = log
        .read(Stream::InTrace, filters, Start::First)
        .await
        .unwrap();
    assert!(reader.behind() >= messages, "{} messages", reader.behind());
    let mut found: BTreeMap<_, (Vec<u64>, bool)> = BTreeMap::new();
    for _ in 0..reader.behind() {
        let read = tokio::time::timeout(WITHIN, reader.next())
            .await
            .expect("in time")
            .unwrap();
        let Content::Packed(packed) = read.content else {
            panic!("{read:?}");
        };
        for record in packed.records {
            let place = (packed.incarnation, record.org);
            found.entry(place).or_default().0.push(record.emitter_seq);
        }
        for ((incarnation, _), (_, closed)) in &mut found {
            *closed |= packed.closes && *incarnation == packed.incarnation;
        }
    }
    found
}

#[tokio::test]
async fn numbers_are_dense_and_a_stop_closes_the_incarnation() {
    let mut fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    for life in 0..2 {
        let chunks = (0..20).map(|n| {
            let chunk: Vec<_> = (0..5).map(|k| trace(&format!("t{life}-{n}-{k}"))).collect();
            let fixture = &fixture;
            async move { fixture.send(&fixture.org, &chunk).await }
        });
        for (status, body) in futures::future::join_all(chunks).await {
            assert_eq!(status, http::StatusCode::ACCEPTED, "{body}");
        }
        fixture.restart().await;
    }
    let found = numbers(&fixture, 4).await;
    assert_eq!(found.len(), 2, "two lives: {found:?}");
    for (numbers, closed) in found.values() {
        assert_eq!(*numbers, (1..=100).collect::<Vec<u64>>());
        assert!(closed);
    }
}
