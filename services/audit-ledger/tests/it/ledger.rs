//! Facts become entries, once each, in a chain that verifies.

use std::collections::BTreeSet;
use std::time::Duration;

use uuid::Uuid;
use writ_chain::merkle::{Frontier, leaf_hash};
use writ_chain::verify::Class;
use writ_contract::{Envelope, OrgId, Service, wire};
use writ_testkit::eventually;

use crate::stage::{SOON, Stage, checkpoint_key, envelope, org};

#[tokio::test]
async fn every_fact_is_an_entry_under_a_checkpoint_and_the_sealed_fact_names_it() {
    let stage = Stage::running().await;
    let org = org();
    let ids = stage.policies(org, 1, 20).await;
    stage.decisions(org, 1, &[1, 2, 3]).await;
    stage.sealed(org, 23).await;
    let report = stage.verify(org).await;
    assert_eq!(report.findings, []);
    assert_eq!((report.class(), report.sealed), (Class::Clean, Some(23)));
    let seals = eventually(SOON, "the seals are on the log", || async {
        let seals = stage.seals(org).await;
        let end = seals.last().map(|(_, sealed)| sealed.size);
        if end == Some(23) { Ok(seals) } else { Err(end) }
    })
    .await;
    let mut named = Vec::new();
    let mut next = 0;
    for (version, (envelope, sealed)) in (1..).zip(&seals) {
        assert_eq!((envelope.version, sealed.first_seq), (version, next));
        next = sealed.size;
        named.extend(sealed.event_ids.iter().cloned());
        let note = writ_chain::checkpoint::open(&sealed.checkpoint, &[checkpoint_key()]).unwrap();
        assert_eq!(note.checkpoint().root.to_vec(), sealed.root);
    }
    let ids: Vec<Vec<u8>> = ids.into_iter().map(|id| id.to_bytes()).collect();
    assert_eq!(named, ids, "single facts by id, packed records not");
}

/// What no service states, and a caller found a way to have stated once.
fn beyond(org: OrgId, n: u64) -> Envelope {
    let window = wire::BypassWindow {
        first_at_us: i64::MIN,
        last_at_us: i64::MAX,
        count: u64::MAX,
        external_agent_id: "a\0b".into(),
        ..wire::BypassWindow::default()
    };
    let mut fact = envelope(org, "x", 0, &window);
    match n {
        0 => {}
        1 => fact.occurred_at_us = i64::MIN,
        2 => fact.occurred_at_us = i64::MAX,
        3 => fact.audit.target = "agent:a\0b".into(),
        4 => fact.audit.action = (0..1000).map(|_| Uuid::now_v7().to_string()).collect(),
        _ => fact = envelope(org, "pol_\0", n, &wire::Policy::default()),
    }
    fact
}

#[tokio::test]
async fn a_fact_that_the_store_cannot_hold_is_recorded_and_stops_nothing() {
    let stage = Stage::running().await;
    let (org, other) = (org(), org());
    let mut stated = Vec::new();
    for n in 0..6 {
        let fact = beyond(org, n);
        stated.push(fact.event_id.0);
        let log = stage.log(if n < 5 {
            Service::Ingest
        } else {
            Service::Control
        });
        let subject = if n < 5 {
            log.topology().fact::<wire::BypassWindow>(org, "x")
        } else {
            log.topology().fact::<wire::Policy>(org, "x")
        };
        log.publish_fact(&subject, &fact, None, SOON).await.unwrap();
        stated.extend(stage.policies(org, n + 1, 1).await.iter().map(|id| id.0));
        stage.policies(other, n + 1, 1).await;
    }
    stage.sealed(org, 12).await;
    stage.sealed(other, 6).await;
    assert_eq!(stage.verify(org).await.findings, []);
    let rows: Vec<(Uuid, String)> =
        sqlx::query_as("select event_id, type from ledger.entries where org_id = $1")
            .bind(org.0)
            .fetch_all(&mut stage.sql().await)
            .await
            .unwrap();
    let unreadable = rows
        .iter()
        .filter(|(_, kind)| kind.starts_with("ledger.unreadable"));
    let unreadable: BTreeSet<Uuid> = unreadable.map(|(id, _)| *id).collect();
    // A long word is too long for the index over it, and a version of `pol_\0` counts nowhere.
    assert_eq!(unreadable, BTreeSet::from([stated[8], stated[10]]));
    let recorded: BTreeSet<Uuid> = rows.into_iter().map(|(id, _)| id).collect();
    assert!(stated.iter().all(|id| recorded.contains(id)));
}

#[tokio::test]
async fn redelivered_facts_double_nothing() {
    let stage = Stage::running().await;
    let org = org();
    let fact = envelope(org, "pol_1", 1, &wire::Policy::default());
    stage.publish_again::<wire::Policy>("pol_1", &fact).await;
    let packed = stage.decisions(org, 1, &[1, 2]).await;
    for _ in 0..5 {
        stage.append(org, &packed).await;
    }
    stage.policies(org, 100, 1).await;
    stage.sealed(org, 4).await;
    assert_eq!(stage.verify(org).await.findings, []);
}

#[tokio::test]
async fn a_restarted_ledger_goes_on_where_it_stood() {
    let mut stage = Stage::running().await;
    let org = org();
    stage.policies(org, 1, 5).await;
    stage.sealed(org, 5).await;
    stage.stop().await;
    stage.policies(org, 6, 5).await;
    stage.decisions(org, 1, &[1]).await;
    stage.start().await;
    stage.sealed(org, 11).await;
    assert_eq!(stage.verify(org).await.findings, []);
}

#[tokio::test]
async fn a_lost_resume_point_means_reading_again_and_doubling_nothing() {
    let mut stage = Stage::running().await;
    let org = org();
    stage.policies(org, 1, 5).await;
    stage.sealed(org, 5).await;
    stage.stop().await;
    for damage in [
        "event_id = 'another'",
        "stream_created = now()",
        "seq = 999999",
        "seq = null",
    ] {
        let mut sql = stage.sql().await;
        let damage = format!("update ledger.positions set {damage} where partition < 1000");
        sqlx::query(sqlx::AssertSqlSafe(damage))
            .execute(&mut sql)
            .await
            .unwrap();
        stage.start().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        stage.stop().await;
    }
    stage.start().await;
    stage.policies(org, 6, 1).await;
    let mut sql = stage.sql().await;
    eventually(SOON, "the new fact is an entry", || async {
        // Each damage is an entry too.
        let facts = "select count(*) from ledger.entries where type not like 'ledger.%'";
        let mut sql = stage.sql().await;
        match sqlx::query_scalar::<_, i64>(facts)
            .fetch_one(&mut sql)
            .await
            .unwrap()
        {
            6 => Ok(()),
            other => Err(other),
        }
    })
    .await;
    let told: i64 = sqlx::query_scalar(
        "select count(*) from ledger.entries where type = 'ledger.stream_damaged.v1'",
    )
    .fetch_one(&mut sql)
    .await
    .unwrap();
    assert!(told > 0);
    assert_eq!(stage.verify(org).await.findings, []);
}

#[tokio::test]
async fn of_two_replicas_one_writes_and_the_other_takes_over() {
    let mut first = Stage::running().await;
    let second = Stage::beside(&first).await;
    let org = org();
    first.policies(org, 1, 10).await;
    first.sealed(org, 10).await;
    first.stop().await;
    second.policies(org, 11, 10).await;
    second.sealed(org, 20).await;
    assert_eq!(second.verify(org).await.findings, []);
}

#[tokio::test]
async fn a_hole_in_an_emitters_numbers_is_an_entry() {
    let stage = Stage::running().await;
    let org = org();
    stage.decisions(org, 1, &[1, 2, 5]).await;
    stage
        .publish(org, "pol_1", 3, &wire::Policy::default())
        .await;
    stage.sealed(org, 6).await;
    let mut sql = stage.sql().await;
    let targets: Vec<String> = sqlx::query_scalar(
        "select target from ledger.entries where action = 'ledger.gap.detected' order by target",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    assert_eq!(targets[0], "aggregate:policy/pol_1:1-2");
    assert!(
        targets[1].starts_with("incarnation:") && targets[1].ends_with(":3-4"),
        "{targets:?}"
    );
    assert_eq!(stage.verify(org).await.findings, []);
}

#[tokio::test]
async fn the_global_log_holds_every_interval() {
    let stage = Stage::running().await;
    let orgs = [org(), org(), org()];
    for (round, org) in (0..).zip([0, 1, 2, 0, 1].map(|n| orgs[n])) {
        stage.policies(org, round * 10, 3).await;
    }
    for (org, count) in orgs.into_iter().zip([6, 6, 3]) {
        stage.sealed(org, count).await;
    }
    let mut sql = stage.sql().await;
    let rows: Vec<(i64, Vec<u8>, String)> =
        sqlx::query_as("select index, interval_root, note from ledger.global_log order by index")
            .fetch_all(&mut sql)
            .await
            .unwrap();
    let mut tree = Frontier::default();
    for (index, interval, note) in &rows {
        tree.append(leaf_hash(interval));
        let note = writ_chain::checkpoint::open(note, &[checkpoint_key()]).unwrap();
        let head = note.checkpoint();
        assert_eq!(
            (head.size, head.root),
            (u64::try_from(index + 1).unwrap(), tree.root())
        );
        let heads: Vec<(uuid::Uuid, i64, Vec<u8>)> = sqlx::query_as(
            "select org_id, size, root from ledger.checkpoints where global_index = $1
             order by org_id",
        )
        .bind(index)
        .fetch_all(&mut sql)
        .await
        .unwrap();
        let heads: Vec<_> = heads
            .into_iter()
            .map(|(tenant, size, root)| writ_chain::global::TenantHead {
                tenant,
                size: u64::try_from(size).unwrap(),
                root: root.try_into().unwrap(),
            })
            .collect();
        let root = writ_chain::global::interval_root(&heads).unwrap();
        assert_eq!(root.to_vec(), *interval);
    }
}
