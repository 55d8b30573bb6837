//! What a crash, a replay and a spoiled row do.

use std::time::Duration;

use crate::receiver::{Receiver, SILENCE};
use crate::stage::{Stage, org};

#[tokio::test]
async fn a_delivery_cut_off_in_flight_is_made_again_under_the_same_id() {
    let mut stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    let receiver = Receiver::start(SILENCE).await;
    stage.webhook(&key, &receiver.url, &["agent.paused"]).await;
    stage.kill(org, "bot", true).await;
    receiver.called(1).await;
    stage.stop().await;
    receiver.answer(200);
    stage.start().await;
    stage.clock.advance(Duration::from_secs(31));
    let calls = receiver.called(2).await;
    assert_eq!(calls[0].header("webhook-id"), calls[1].header("webhook-id"));
}

#[tokio::test]
async fn a_log_that_is_read_again_tells_nothing_twice() {
    let mut stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    let receiver = Receiver::start(200).await;
    stage.webhook(&key, &receiver.url, &["agent.paused"]).await;
    stage.kill(org, "first", true).await;
    receiver.called(1).await;
    stage.stop().await;
    let mut sql = stage.sql().await;
    sqlx::query("delete from notifier.positions")
        .execute(&mut sql)
        .await
        .unwrap();
    stage.start().await;
    stage.kill(org, "second", true).await;
    let calls = receiver.called(2).await;
    assert_eq!(calls[1].body()["data"]["agentId"], "second");
    assert_eq!(receiver.calls().len(), 2);
}

#[tokio::test]
async fn events_during_a_standstill_are_told_afterwards() {
    let mut stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    let receiver = Receiver::start(200).await;
    stage.webhook(&key, &receiver.url, &["agent.paused"]).await;
    stage.stop().await;
    for agent in ["a", "b", "c"] {
        stage.kill(org, agent, true).await;
    }
    stage.start().await;
    receiver.called(3).await;
}

#[tokio::test]
async fn a_secret_that_does_not_open_stops_only_its_own_endpoint() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    let (spoiled, sound) = (Receiver::start(200).await, Receiver::start(200).await);
    let (id, _) = stage.webhook(&key, &spoiled.url, &["agent.paused"]).await;
    let mut sql = stage.sql().await;
    sqlx::query("update notifier.secrets set sealed = 'x'")
        .execute(&mut sql)
        .await
        .unwrap();
    stage.webhook(&key, &sound.url, &["agent.paused"]).await;
    stage.kill(org, "bot", true).await;
    sound.called(1).await;
    let body = stage.get(&format!("/webhooks/{id}/deliveries"), &key).await;
    assert_ne!(body["data"][0]["status"], "delivered");
    assert_eq!(spoiled.calls().len(), 0);
}
