//! What the service states.

use writ_contract::Service;
use writ_contract::{Fact, Stream, wire};
use writ_eventlog::{Content, Start};
use writ_service_kit::{Clock as _, SystemClock};

use crate::fixture::{Fixture, WITHIN, start, trace};

/// The next fact of a kind, read as another service reads it.
async fn next<F: Fact>(fixture: &Fixture, reader: Service) -> F {
    first(fixture, reader, fixture.topology.facts::<F>()).await
}

/// The first fact of a subject.
async fn first<F: Fact>(fixture: &Fixture, reader: Service, subject: String) -> F {
    let log = fixture.log(reader);
    let filters = vec![subject];
    let mut reader = log
        .read(Stream::Ingest, filters, Start::First)
        .await
        .unwrap();
    let read = tokio::time::timeout(WITHIN, reader.next())
        .await
        .expect("in time")
        .unwrap();
    let Content::Fact(envelope) = read.content else {
        panic!("{read:?}");
    };
    assert_eq!(envelope.org, fixture.org.id);
    envelope.open().unwrap()
}

#[tokio::test]
async fn what_an_agent_did_is_summed_and_counted_once() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    let mut failed = trace("t2");
    failed["status"] = "error".into();
    let chunk = [trace("t1"), failed];
    for _ in 0..2 {
        fixture.send(&fixture.org, &chunk).await;
    }
    let sum: wire::Metered = next(&fixture, Service::Anomaly).await;
    assert_eq!(
        (sum.external_agent_id.as_str(), sum.environment.as_str()),
        ("agent-1", "production")
    );
    assert_eq!((sum.traces, sum.errors), (2, 1));
    assert_eq!((sum.cost_micros, sum.total_tokens), (25_000, 14));
    assert_eq!((sum.duration_ms_sum, sum.duration_ms_max), (24, 12));
    assert_eq!(sum.window_end_us - sum.window_start_us, 1_000_000);
}

#[tokio::test]
async fn a_written_batch_is_stated_with_a_root_over_its_rows() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    fixture
        .send(&fixture.org, &[trace("t1"), trace("t2")])
        .await;
    let batch: wire::BatchWritten = next(&fixture, Service::AuditLedger).await;
    assert_eq!((batch.rows, batch.root.len()), (2, 32));
    assert_eq!(batch.shard, 1);
    assert!(batch.token.starts_with("trace_rows-"), "{}", batch.token);
}

#[tokio::test]
async fn a_spent_plan_is_stated_and_stated_again_by_a_later_life() {
    let mut fixture = start().await;
    fixture.agent(&fixture.org, 1, "agent-1").await;
    fixture.organization(&fixture.org, 2, Some(2)).await;
    fixture
        .send(&fixture.org, &[trace("t1"), trace("t2"), trace("t3")])
        .await;
    let subject = |key| fixture.topology.fact::<wire::Quota>(fixture.org.id, key);
    let spent = subject("maxTracesPerMonth");
    let quota: wire::Quota = first(&fixture, Service::Enforcement, spent.clone()).await;
    assert_eq!(
        (quota.resource.as_str(), quota.used),
        ("maxTracesPerMonth", 3)
    );
    let now = SystemClock.now().timestamp_micros();
    assert!((quota.month_start_us..quota.month_end_us).contains(&now));

    let counted: wire::Quota = first(&fixture, Service::Control, subject("traces")).await;
    assert_eq!((counted.resource.as_str(), counted.used), ("traces", 3));

    fixture.counts("SELECT count() FROM traces", 3).await;
    fixture.restart().await;
    let log = fixture.log(Service::Enforcement);
    let filters = vec![spent];
    let mut reader = log
        .read(Stream::Ingest, filters, Start::First)
        .await
        .unwrap();
    for life in ["first", "second"] {
        let stated = tokio::time::timeout(WITHIN, reader.next()).await;
        assert!(matches!(stated, Ok(Ok(_))), "{life}: {stated:?}");
    }
}
