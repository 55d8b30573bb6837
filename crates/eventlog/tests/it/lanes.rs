use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use writ_contract::{EventId, OrgId, Packed, Service, Shard, Stream, wire};
use writ_eventlog::{AppendError, Content, Draft, EventLog, Expect, Fences, Lanes, Start};
use writ_testkit::{Nats, Signal, eventually};

use crate::stage::{ORG, SOON, Stage, envelope};

struct Appender {
    lanes: Lanes,
    fences: Arc<Fences>,
    cancel: CancellationToken,
    worker: tokio::task::JoinHandle<()>,
}

fn appender(log: &EventLog) -> Appender {
    beating(log, Duration::from_secs(3600))
}

fn beating(log: &EventLog, every: Duration) -> Appender {
    let (fences, cancel) = (Arc::new(Fences::default()), CancellationToken::new());
    let (lanes, work) = Lanes::new(log, &fences, Uuid::now_v7, every, &cancel);
    Appender {
        lanes,
        fences,
        cancel,
        worker: tokio::spawn(work),
    }
}

fn draft(org: OrgId, kill_seq: u64) -> Draft {
    let event_id = EventId(Uuid::now_v7());
    Draft {
        org,
        event_id,
        envelope: event_id.to_bytes(),
        kill_seq,
    }
}

/// The packed messages of a shard so far.
async fn packed(stage: &Stage, shard: Shard) -> Vec<(u64, Packed)> {
    let filter = vec![stage.topology.decision(shard)];
    let log = stage.log(Service::AuditLedger);
    let mut reader = log.read(Stream::Gate, filter, Start::First).await.unwrap();
    let mut all = Vec::new();
    for _ in 0..reader.behind() {
        let delivered = reader.next().await.unwrap();
        let Content::Packed(packed) = delivered.content else {
            panic!("packed")
        };
        all.push((delivered.sequence, packed));
    }
    all
}

/// Numbers of each organisation, in the order of the log.
fn numbers(all: &[(u64, Packed)]) -> HashMap<OrgId, Vec<u64>> {
    let mut numbers: HashMap<OrgId, Vec<u64>> = HashMap::new();
    for record in all.iter().flat_map(|(_, packed)| &packed.records) {
        numbers
            .entry(record.org)
            .or_default()
            .push(record.emitter_seq);
    }
    numbers
}

async fn kill(log: &EventLog, expect: u64) -> u64 {
    let subject = log.topology().kill(Shard::of(ORG));
    let expect = Expect {
        subject: subject.clone(),
        sequence: expect,
    };
    let fact = envelope(1, &wire::Kill::default());
    log.publish_fact(&subject, &fact, Some(&expect), SOON)
        .await
        .unwrap()
        .sequence
}

#[tokio::test]
async fn many_records_share_messages_and_each_organisation_is_numbered_without_gaps() {
    let stage = Stage::new().await;
    let appender = appender(&stage.log(Service::Enforcement));
    // Four organisations of one shard.
    let orgs: Vec<_> = (0..4).map(|n| OrgId(Uuid::from_u128(5 + n * 16))).collect();
    let appends = (0..200).map(|n| appender.lanes.append(draft(orgs[n % 4], 0)));
    for stored in futures::future::join_all(appends).await {
        stored.unwrap();
    }
    appender.cancel.cancel();
    appender.worker.await.unwrap();

    let all = packed(&stage, Shard::of(ORG)).await;
    assert!(all.len() < 50, "{} messages for 200 records", all.len());
    for (org, numbers) in numbers(&all) {
        assert_eq!(numbers, (1..=50).collect::<Vec<u64>>(), "{org}");
    }
    assert!(
        all.last().is_some_and(|(_, packed)| packed.closes),
        "the incarnation is closed"
    );
}

#[tokio::test]
async fn an_append_evaluated_before_a_pause_is_refused_until_the_pause_is_applied() {
    let stage = Stage::new().await;
    let appender = appender(&stage.log(Service::Enforcement));
    appender.lanes.append(draft(ORG, 0)).await.unwrap();
    let sequence = kill(&stage.log(Service::Control), 0).await;

    assert_eq!(
        appender.lanes.append(draft(ORG, 0)).await,
        Err(AppendError::Fenced)
    );
    appender.fences.applied(Shard::of(ORG), sequence);
    assert_eq!(
        appender.lanes.append(draft(ORG, 0)).await,
        Err(AppendError::Fenced)
    );
    appender.lanes.append(draft(ORG, sequence)).await.unwrap();

    let all = packed(&stage, Shard::of(ORG)).await;
    assert_eq!(
        numbers(&all)[&ORG],
        [1, 2],
        "a refused record uses up no number"
    );
    assert!(all[0].0 < sequence && sequence < all[1].0);
}

#[tokio::test]
async fn a_pause_that_aged_out_of_the_gate_refuses_nothing_and_the_next_one_does() {
    let stage = Stage::new().await;
    let (control, shard) = (stage.log(Service::Control), Shard::of(ORG));
    let appender = appender(&stage.log(Service::Enforcement));
    let old = kill(&control, 0).await;
    appender.fences.applied(shard, old);
    appender.lanes.append(draft(ORG, old)).await.unwrap();

    stage.age(Stream::Gate).await;
    for _ in 0..2 {
        appender.lanes.append(draft(ORG, old)).await.unwrap();
    }
    assert_eq!(appender.fences.current(shard), old, "it stays applied");

    let new = kill(&control, 0).await;
    for _ in 0..2 {
        let refused = appender.lanes.append(draft(ORG, old)).await;
        assert_eq!(refused, Err(AppendError::Fenced), "not applied yet");
    }
    appender.fences.applied(shard, new);
    let refused = appender.lanes.append(draft(ORG, old)).await;
    assert_eq!(refused, Err(AppendError::Fenced), "evaluated before it");
    appender.lanes.append(draft(ORG, new)).await.unwrap();
}

#[tokio::test]
async fn a_lower_pause_than_the_one_applied_is_of_another_stream_and_refuses() {
    let stage = Stage::new().await;
    let shard = Shard::of(ORG);
    let appender = appender(&stage.log(Service::Enforcement));
    let unapplied = kill(&stage.log(Service::Control), 0).await;
    appender.fences.applied(shard, unapplied + 100);
    let refused = appender.lanes.append(draft(ORG, unapplied + 100)).await;
    assert_eq!(refused, Err(AppendError::Fenced));
}

#[tokio::test]
async fn the_pauses_of_a_replaced_stream_are_forgotten() {
    let stage = Stage::new().await;
    let (log, shard) = (stage.log(Service::Enforcement), Shard::of(ORG));
    let (fences, filter) = (Fences::default(), vec![stage.topology.kill(shard)]);
    let read = || log.read(Stream::Gate, filter.clone(), Start::First);
    fences.follow(&read().await.unwrap());
    fences.applied(shard, 7);
    fences.follow(&read().await.unwrap());
    assert_eq!(fences.current(shard), 7, "the same stream, opened again");
    stage.replace(Stream::Gate).await;
    fences.follow(&read().await.unwrap());
    assert_eq!(fences.current(shard), 0);
}

#[tokio::test]
async fn two_pauses_that_race_are_put_in_order_by_the_log() {
    let stage = Stage::new().await;
    let control = stage.log(Service::Control);
    let first = kill(&control, 0).await;
    let subject = control.topology().kill(Shard::of(ORG));
    let stale = Expect {
        subject: subject.clone(),
        sequence: 0,
    };
    let fact = envelope(2, &wire::Kill::default());
    let refused = control
        .publish_fact(&subject, &fact, Some(&stale), SOON)
        .await;
    assert_eq!(refused, Err(writ_eventlog::PublishError::Conflict));
    assert!(kill(&control, first).await > first);
}

#[tokio::test]
async fn a_server_that_hangs_leaves_each_acknowledged_record_stored_once() {
    let stage = Stage::on(Nats::own().await).await;
    let appender = appender(&stage.log(Service::Enforcement));
    appender.lanes.append(draft(ORG, 0)).await.unwrap();
    stage.nats.signal(Signal::Stop);
    let lanes = appender.lanes.clone();
    let waiting = tokio::spawn(async move { lanes.append(draft(ORG, 0)).await });
    tokio::time::sleep(Duration::from_secs(3)).await;
    stage.nats.signal(Signal::Cont);
    let stored = waiting.await.unwrap();
    assert!(stored.is_ok(), "{stored:?}");
    let all = packed(&stage, Shard::of(ORG)).await;
    assert_eq!(
        numbers(&all)[&ORG],
        [1, 2],
        "stored once, whatever was retried"
    );
}

#[tokio::test]
async fn a_lane_that_numbered_something_says_that_it_lives_and_one_that_did_not_is_silent() {
    let stage = Stage::new().await;
    let log = stage.log(Service::Enforcement);
    let appender = beating(&log, Duration::from_millis(50));
    appender.lanes.append(draft(ORG, 0)).await.unwrap();
    let lived = eventually(SOON, "two heartbeats", || async {
        let all = packed(&stage, Shard::of(ORG)).await;
        if all.len() < 3 {
            Err(all.len())
        } else {
            Ok(all)
        }
    });
    let lived = lived.await;
    let (first, beats) = lived.split_first().unwrap();
    assert_eq!(first.1.records.len(), 1);
    for (_, beat) in beats {
        assert_eq!(beat.incarnation, first.1.incarnation);
        assert!(beat.records.is_empty() && !beat.closes);
    }
    let silent = Shard::all().find(|shard| *shard != Shard::of(ORG)).unwrap();
    assert!(packed(&stage, silent).await.is_empty());
}
