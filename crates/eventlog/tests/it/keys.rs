use std::time::Duration;

use tokio_util::sync::CancellationToken;
use writ_access::KeyLookup as _;
use writ_contract::{Service, wire};
use writ_eventlog::{Announcements, Announcer, KeyFeed};
use writ_testkit::eventually;

use crate::stage::{ORG, SOON, Stage, envelope};

async fn issue(stage: &Stage, public_id: &str, version: u64, revoked: bool) {
    let key = wire::ApiKey {
        key_id: vec![1; 16],
        public_id: public_id.into(),
        mac: vec![2; 32],
        role: "viewer".into(),
        revoked,
        ..wire::ApiKey::default()
    };
    let subject = stage.topology.fact::<wire::ApiKey>(ORG, public_id);
    let log = stage.log(Service::Control);
    log.publish_fact(&subject, &envelope(version, &key), None, SOON)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_feed_is_ready_once_it_has_read_the_keys_that_were_there() {
    let stage = Stage::new().await;
    issue(&stage, "aaaaaaaaaaaa", 1, false).await;
    let feed = KeyFeed::new(stage.log(Service::Approval));
    let cancel = CancellationToken::new();
    tokio::spawn(feed.clone().run(cancel.clone()));
    tokio::time::timeout(SOON, feed.ready()).await.unwrap();
    assert!(feed.get("aaaaaaaaaaaa").is_some_and(|key| !key.revoked));

    issue(&stage, "bbbbbbbbbbbb", 1, false).await;
    feed.catch_up().await;
    assert!(
        feed.get("bbbbbbbbbbbb").is_some(),
        "a key just issued is known after catching up"
    );
    issue(&stage, "aaaaaaaaaaaa", 2, true).await;
    feed.catch_up().await;
    assert!(feed.get("aaaaaaaaaaaa").is_some_and(|key| key.revoked));
}

#[tokio::test]
async fn a_feed_without_any_key_is_ready_too() {
    let stage = Stage::new().await;
    let feed = KeyFeed::new(stage.log(Service::Approval));
    tokio::spawn(feed.clone().run(CancellationToken::new()));
    tokio::time::timeout(SOON, feed.ready()).await.unwrap();
}

#[tokio::test]
async fn a_writer_hears_when_every_replica_has_applied_its_change() {
    let stage = Stage::new().await;
    let cancel = CancellationToken::new();
    let heard = Announcements::new();
    let listening = heard.clone().run(
        stage.log(Service::Control),
        Service::Enforcement,
        cancel.clone(),
    );
    tokio::spawn(listening);
    let replicas = [1_u128, 2]
        .map(|n| Announcer::new(stage.log(Service::Enforcement), uuid::Uuid::from_u128(n)));
    for replica in &replicas {
        tokio::spawn(replica.clone().run(cancel.clone()));
    }
    assert!(
        heard.all_applied(1, Duration::from_millis(1)).await,
        "nobody was heard of yet"
    );
    eventually(SOON, "both are heard of", || async {
        if heard.all_applied(1, Duration::from_millis(1)).await {
            Err("not yet")
        } else {
            Ok(())
        }
    })
    .await;
    replicas[0].applied(7);
    assert!(
        !heard.all_applied(7, Duration::from_millis(100)).await,
        "one lags"
    );
    replicas[1].applied(7);
    assert!(heard.all_applied(7, SOON).await);
}

#[tokio::test]
async fn an_unreadable_key_fact_holds_its_organisation() {
    let stage = Stage::new().await;
    issue(&stage, "aaaaaaaaaaaa", 1, false).await;
    let unreadable = wire::ApiKey {
        public_id: "bbbbbbbbbbbb".into(),
        role: "a role of a later release".into(),
        ..wire::ApiKey::default()
    };
    let subject = stage.topology.fact::<wire::ApiKey>(ORG, "bbbbbbbbbbbb");
    let log = stage.log(Service::Control);
    let fact = envelope(1, &unreadable);
    log.publish_fact(&subject, &fact, None, SOON).await.unwrap();
    let feed = KeyFeed::new(stage.log(Service::Approval));
    tokio::spawn(feed.clone().run(CancellationToken::new()));
    tokio::time::timeout(SOON, feed.ready()).await.unwrap();
    assert!(
        feed.get("aaaaaaaaaaaa").is_none(),
        "its revocation may be what cannot be read"
    );
}
