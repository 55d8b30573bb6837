//! Retries, giving up, disabling and fairness. The clock stands still until it is moved.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use writ_contract::wire::{Outcome, WebhookEndpoint};
use writ_contract::{Service, Stream};
use writ_eventlog::{Content, Start};
use writ_service_kit::Clock;
use writ_testkit::eventually;

use crate::receiver::{Receiver, SILENCE};
use crate::stage::{SOON, Stage, org, violation};

const HOUR: Duration = Duration::from_secs(3600);

/// Waits until the first delivery of a webhook is as described.
async fn delivery(stage: &Stage, key: &str, id: &str, expected: impl Fn(&Value) -> bool) -> Value {
    eventually(SOON, "the delivery is recorded", || async {
        let body = stage.get(&format!("/webhooks/{id}/deliveries"), key).await;
        let first = body["data"][0].clone();
        if expected(&first) {
            Ok(first)
        } else {
            Err(first)
        }
    })
    .await
}

#[tokio::test]
async fn a_failed_delivery_is_retried_under_the_same_id_and_not_before_its_time() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    let receiver = Receiver::start(500).await;
    let (id, _) = stage.webhook(&key, &receiver.url, &["agent.paused"]).await;
    stage.kill(org, "bot", true).await;
    let failed = delivery(&stage, &key, &id, |d| d["lastStatus"] == 500).await;
    assert_eq!(
        (&failed["status"], &failed["attempts"]),
        (&"pending".into(), &1.into())
    );
    assert!(failed["nextAttemptAt"].is_string());
    stage.clock.advance(Duration::from_secs(3));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(receiver.calls().len(), 1);
    receiver.answer(204);
    stage.clock.advance(Duration::from_secs(3));
    let calls = receiver.called(2).await;
    assert_eq!(calls[0].header("webhook-id"), calls[1].header("webhook-id"));
    assert_eq!(calls[0].raw, calls[1].raw);
    assert_ne!(
        calls[0].header("webhook-timestamp"),
        calls[1].header("webhook-timestamp")
    );
    let delivered = delivery(&stage, &key, &id, |d| d["status"] == "delivered").await;
    assert_eq!(delivered["attempts"], 2);
    assert_eq!(delivered["nextAttemptAt"], Value::Null);
}

/// An attempt was recorded and the next one lies ahead.
fn waits(stage: &Stage, delivery: &Value) -> bool {
    let next = delivery["nextAttemptAt"].as_str().unwrap_or_default();
    next.parse::<DateTime<Utc>>()
        .is_ok_and(|next| next > stage.clock.now())
}

#[tokio::test]
async fn after_ten_attempts_a_delivery_is_given_up_and_the_endpoint_kept() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    let receiver = Receiver::start(503).await;
    let (id, _) = stage.webhook(&key, &receiver.url, &["agent.paused"]).await;
    stage.kill(org, "bot", true).await;
    let rests = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
    for (attempt, rest) in (1..).zip(rests) {
        delivery(&stage, &key, &id, |d| {
            d["attempts"] == attempt && waits(&stage, d)
        })
        .await;
        stage.clock.advance(Duration::from_secs(rest + rest / 5));
    }
    let given_up = delivery(&stage, &key, &id, |d| d["status"] == "failed").await;
    assert_eq!(given_up["attempts"], 10);
    assert_eq!(receiver.calls().len(), 10);
    let hook = stage.get(&format!("/webhooks/{id}"), &key).await;
    assert_eq!(hook["data"]["isActive"], true);
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_disabled_and_the_log_says_so() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    let receiver = Receiver::start(410).await;
    let (id, _) = stage.webhook(&key, &receiver.url, &["agent.paused"]).await;
    stage.kill(org, "bot", true).await;
    delivery(&stage, &key, &id, |d| d["status"] == "failed").await;
    let hook = stage.get(&format!("/webhooks/{id}"), &key).await;
    assert_eq!(hook["data"]["isActive"], false);
    assert_eq!(hook["data"]["disabledReason"], "gone");
    stage.kill(org, "bot", true).await;
    let facts = facts(&stage, 2).await;
    assert_eq!(facts[0].0, "webhook.created.v1");
    assert_eq!(
        (facts[1].0.as_str(), facts[1].1.disabled_reason.as_str()),
        ("webhook.disabled.v1", "gone")
    );
    assert_eq!(receiver.calls().len(), 1);
}

#[tokio::test]
async fn an_endpoint_that_fails_for_five_days_is_disabled_and_what_waits_is_cancelled() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    let receiver = Receiver::start(500).await;
    let (id, _) = stage.webhook(&key, &receiver.url, &["agent.paused"]).await;
    stage.kill(org, "bot", true).await;
    delivery(&stage, &key, &id, |d| d["lastStatus"] == 500).await;
    stage.clock.advance(121 * HOUR);
    delivery(&stage, &key, &id, |d| d["status"] == "cancelled").await;
    let hook = stage.get(&format!("/webhooks/{id}"), &key).await;
    assert_eq!(hook["data"]["disabledReason"], "failing");
}

#[tokio::test]
async fn a_slow_endpoint_delays_no_other() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    let (slow, quick) = (Receiver::start(SILENCE).await, Receiver::start(200).await);
    stage.webhook(&key, &slow.url, &["policy.violated"]).await;
    stage.webhook(&key, &quick.url, &["policy.violated"]).await;
    let many: Vec<_> = (0..300)
        .map(|_| violation("monitor", Outcome::Allow))
        .collect();
    stage.decisions(org, &many).await;
    // A call may fail on a busy machine and then waits for its retry.
    quick.called(280).await;
    assert!(slow.calls().len() <= 4, "{}", slow.calls().len());
}

/// The notifier's facts, once there are this many.
async fn facts(stage: &Stage, count: u64) -> Vec<(String, WebhookEndpoint)> {
    let log = stage.log(Service::AuditLedger);
    let mut reader = eventually(SOON, "the facts are published", || async {
        let reader = log
            .read(Stream::Notifier, vec![], Start::First)
            .await
            .unwrap();
        if reader.behind() >= count {
            Ok(reader)
        } else {
            Err(reader.behind())
        }
    })
    .await;
    let mut facts = Vec::new();
    for _ in 0..count {
        if let Content::Fact(envelope) = reader.next().await.unwrap().content {
            facts.push((envelope.kind.to_string(), envelope.open().unwrap()));
        }
    }
    facts
}
