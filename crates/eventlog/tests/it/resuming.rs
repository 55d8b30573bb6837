//! Going on from a resume point, past messages nobody owns to.

use std::time::Duration;

use writ_contract::{Service, Stream, wire};
use writ_eventlog::{Content, EventLog, Position, Reader, Resumed};
use writ_testkit::eventually;

use crate::stage::{ORG, SOON, Stage, envelope};

async fn state_as(stage: &Stage, signer: Service, version: u64) {
    let agent = wire::Agent::default();
    let subject = stage.topology.fact::<wire::Agent>(ORG, "a");
    let (log, fact) = (stage.log(signer), envelope(version, &agent));
    log.publish_fact(&subject, &fact, None, SOON).await.unwrap();
}

async fn state(stage: &Stage, versions: std::ops::RangeInclusive<u64>) {
    for version in versions {
        state_as(stage, Service::Control, version).await;
    }
}

async fn resume(log: &EventLog, from: Option<Position>) -> Resumed {
    let filters = vec![log.topology().facts::<wire::Agent>()];
    log.resume(Stream::Control, filters, from).await.unwrap()
}

/// Reads what is there; the versions, and the resume point after them.
async fn read(reader: &mut Reader) -> (Vec<u64>, Option<Position>) {
    let (mut versions, mut position) = (Vec::new(), None);
    while reader.behind() > 0 {
        let batch = tokio::time::timeout(SOON, reader.batch(2)).await.unwrap();
        for delivered in batch.unwrap() {
            position = Some(reader.position(&delivered));
            if let Content::Fact(fact) = delivered.content {
                versions.push(fact.version);
            }
        }
    }
    (versions, position)
}

async fn applied(stage: &Stage) -> Position {
    let mut reader = resume(&stage.log(Service::Enforcement), None)
        .await
        .into_reader();
    read(&mut reader).await.1.unwrap()
}

#[tokio::test]
async fn reading_goes_on_behind_the_last_message_applied() {
    let stage = Stage::new().await;
    let log = stage.log(Service::Enforcement);
    state(&stage, 1..=3).await;
    let Resumed::Anew(mut first) = resume(&log, None).await else {
        panic!("there was no resume point")
    };
    let (versions, position) = read(&mut first).await;
    assert_eq!(versions, [1, 2, 3]);

    let Resumed::After(mut second) = resume(&log, position.clone()).await else {
        panic!("the resume point fits")
    };
    assert_eq!(second.behind(), 0, "nothing is new, and it knows at once");
    state(&stage, 4..=4).await;
    let next = second.advance().await.unwrap().unwrap();
    assert!(matches!(next.content, Content::Fact(fact) if fact.version == 4));

    let mut third = resume(&log, position).await.into_reader();
    assert_eq!(read(&mut third).await.0, [4]);
}

#[tokio::test]
async fn a_resume_point_of_another_message_or_stream_reads_anew() {
    let stage = Stage::new().await;
    state(&stage, 1..=2).await;
    let position = applied(&stage).await;
    let mut others = vec![position.clone(); 4];
    others[0].event_id = "another".into();
    others[1].seq = 1_000;
    others[2].created -= chrono::TimeDelta::microseconds(1);
    others[3].stream = "ANOTHER".into();
    for other in others {
        let resumed = resume(&stage.log(Service::Enforcement), Some(other.clone())).await;
        let Resumed::Anew(mut reader) = resumed else {
            panic!("{other:?} fits")
        };
        assert_eq!(read(&mut reader).await.0, [1, 2], "{other:?}");
    }
}

#[tokio::test]
async fn a_stream_that_was_replaced_is_read_anew() {
    let stage = Stage::new().await;
    state(&stage, 1..=2).await;
    let position = applied(&stage).await;
    stage.replace(Stream::Control).await;
    state(&stage, 7..=9).await;
    let resumed = resume(&stage.log(Service::Enforcement), Some(position)).await;
    let Resumed::Anew(mut reader) = resumed else {
        panic!("the numbers are those of another stream")
    };
    assert_eq!(read(&mut reader).await.0, [7, 8, 9]);
}

#[tokio::test]
async fn a_resume_point_that_aged_out_still_fits() {
    let stage = Stage::new().await;
    state(&stage, 1..=2).await;
    let position = applied(&stage).await;
    stage.age(Stream::Control).await;
    let log = stage.log(Service::Enforcement);
    let Resumed::After(mut reader) = resume(&log, Some(position)).await else {
        panic!("its message has only aged out")
    };
    assert_eq!(reader.behind(), 0);
    state(&stage, 3..=3).await;
    let next = reader.advance().await.unwrap().unwrap();
    assert!(matches!(next.content, Content::Fact(fact) if fact.version == 3));
}

#[tokio::test]
async fn messages_passed_over_leave_nothing_behind() {
    let stage = Stage::new().await;
    let log = stage.log(Service::Enforcement);
    for version in 1..=3 {
        state_as(&stage, Service::Ingest, version).await;
    }
    let mut reader = resume(&log, None).await.into_reader();
    assert_eq!(reader.behind(), 3);
    assert!(read(&mut reader).await.0.is_empty(), "all of it is forged");

    state(&stage, 4..=4).await;
    state_as(&stage, Service::Ingest, 5).await;
    let mut reader = resume(&log, None).await.into_reader();
    let (versions, position) = read(&mut reader).await;
    assert_eq!(versions, [4]);

    let Resumed::After(mut reader) = resume(&log, position).await else {
        panic!("the resume point is of the message that was applied")
    };
    assert_eq!(reader.behind(), 1);
    assert_eq!(reader.advance().await.unwrap(), None);
    assert_eq!(reader.behind(), 0);
    let more = tokio::time::timeout(Duration::from_millis(100), reader.next()).await;
    assert!(more.is_err(), "nothing more came");
}

#[tokio::test]
async fn a_key_feed_is_ready_though_every_key_was_forged() {
    let stage = Stage::new().await;
    let subject = stage.topology.fact::<wire::ApiKey>(ORG, "aaaaaaaaaaaa");
    let forged = envelope(1, &wire::ApiKey::default());
    stage
        .log(Service::Ingest)
        .publish_fact(&subject, &forged, None, SOON)
        .await
        .unwrap();
    let feed = writ_eventlog::KeyFeed::new(stage.log(Service::Approval));
    tokio::spawn(feed.clone().run(tokio_util::sync::CancellationToken::new()));
    eventually(SOON, "ready", || async {
        let ready = tokio::time::timeout(Duration::from_millis(10), feed.ready()).await;
        ready.map_err(|_| "not yet")
    })
    .await;
}

#[tokio::test]
async fn a_stream_says_which_of_its_messages_it_lost() {
    let stage = Stage::new().await;
    let log = stage.log(Service::Enforcement);
    let handle = stage.deletable(Stream::Control).await;
    state(&stage, 1..=9).await;
    assert_eq!(log.state(Stream::Control).await.unwrap().holes, []);
    for lost in [1, 2, 5, 7, 8] {
        handle.delete_message(lost).await.unwrap();
    }
    let found = log.state(Stream::Control).await.unwrap();
    assert_eq!(
        (found.holes, found.last_sequence),
        (vec![1..=2, 5..=5, 7..=8], 9)
    );
}
