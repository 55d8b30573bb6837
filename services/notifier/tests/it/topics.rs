//! Which facts are told, and how they are signed.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use standardwebhooks::Webhook;
use writ_contract::wire::{BudgetMark, Decision, Finding, Outcome};

use crate::receiver::{Call, Receiver};
use crate::stage::{Stage, org, violation};

/// The signature the library verifies is over the stage's time, so only the signature is compared.
fn assert_signed(call: &Call, secret: &str) {
    let (id, timestamp) = (call.header("webhook-id"), call.header("webhook-timestamp"));
    let expected = Webhook::new(secret)
        .unwrap()
        .sign(id, timestamp.parse().unwrap(), call.raw.as_bytes())
        .unwrap();
    assert_eq!(call.header("webhook-signature"), expected);
    assert_eq!(call.header("x-execlave-idempotency-key"), id);
    assert_eq!(call.header("x-execlave-timestamp"), timestamp);
    assert_eq!(call.header("content-type"), "application/json");
    assert_eq!(call.body()["id"], id);
}

#[tokio::test]
async fn a_violation_a_pause_a_resume_and_a_finding_are_told_and_signed() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    let receiver = Receiver::start(200).await;
    let events = [
        "policy.violated",
        "agent.paused",
        "agent.resumed",
        "trace.anomaly",
    ];
    let (_, secret) = stage.webhook(&key, &receiver.url, &events).await;
    stage
        .decisions(
            org,
            &[violation("block", Outcome::Deny), Decision::default()],
        )
        .await;
    stage.kill(org, "support-bot", true).await;
    stage.kill(org, "support-bot", false).await;
    let finding = Finding {
        metric: "cost".to_owned(),
        score: 9.5,
        ..Finding::default()
    };
    stage.finding(org, &finding).await;
    let calls = receiver.called(4).await;
    let mut told: Vec<String> = calls
        .iter()
        .map(|call| call.body()["type"].as_str().unwrap().to_owned())
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            "agent.paused",
            "agent.resumed",
            "policy.violated",
            "trace.anomaly"
        ]
    );
    for call in &calls {
        assert_signed(call, &secret);
        assert_eq!(call.body()["organizationId"], json!(org));
        assert_eq!(call.body()["createdAt"], "2026-01-01T00:00:00.000Z");
    }
}

#[tokio::test]
async fn a_callers_own_secret_signs_the_products_header() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "owner").await;
    let receiver = Receiver::start(200).await;
    let body =
        json!({"url": receiver.url, "events": ["agent.paused"], "secret": "whsec_your_secret"});
    let (_, created) = stage
        .call(http::Method::POST, "/webhooks", &key, Some(body))
        .await;
    assert_eq!(created["data"]["secret"], "whsec_your_secret");
    stage.kill(org, "bot", true).await;
    let call = &receiver.called(1).await[0];
    let mut mac = Hmac::<Sha256>::new_from_slice(b"whsec_your_secret").unwrap();
    mac.update(call.raw.as_bytes());
    let expected = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    assert_eq!(call.header("x-execlave-signature"), expected);
    assert_eq!(call.header("x-execlave-signature-version"), "v1");
}

#[tokio::test]
async fn while_a_secret_rotates_both_sign_and_afterwards_only_the_new_one() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    let receiver = Receiver::start(200).await;
    let (id, former) = stage.webhook(&key, &receiver.url, &["agent.paused"]).await;
    let path = format!("/webhooks/{id}/secret");
    let body = Some(json!({"overlapHours": 1}));
    let (status, answer) = stage.call(http::Method::POST, &path, &key, body).await;
    assert_eq!(status, http::StatusCode::OK, "{answer}");
    let new = answer["data"]["secret"].as_str().unwrap();
    assert_eq!(
        answer["data"]["formerSecretSignsUntil"],
        "2026-01-01T01:00:00Z"
    );
    stage.kill(org, "during", true).await;
    receiver.called(1).await;
    stage.clock.advance(std::time::Duration::from_secs(3_601));
    stage.kill(org, "after", true).await;
    let calls = receiver.called(2).await;
    let expected = |call: &Call, secret: &str| {
        let timestamp = call.header("webhook-timestamp").parse().unwrap();
        let hook = Webhook::new(secret).unwrap();
        hook.sign(call.header("webhook-id"), timestamp, call.raw.as_bytes())
            .unwrap()
    };
    let both = format!(
        "{} {}",
        expected(&calls[0], new),
        expected(&calls[0], &former)
    );
    assert_eq!(calls[0].header("webhook-signature"), both);
    assert_eq!(
        calls[1].header("webhook-signature"),
        expected(&calls[1], new)
    );
}

#[tokio::test]
async fn a_budget_is_told_once_a_level_however_many_decisions_mark_it() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    let receiver = Receiver::start(200).await;
    stage
        .webhook(&key, &receiver.url, &["cost.threshold", "agent.paused"])
        .await;
    let marked = |total: u64| Decision {
        budget_marks: vec![BudgetMark {
            policy_id: vec![9; 16],
            period: "2026-01".to_owned(),
            total,
            cap: 1_000_000,
            exceeded: total > 1_000_000,
            warned: total > 800_000,
            ..BudgetMark::default()
        }],
        ..Decision::default()
    };
    let spent = [500_000, 850_000, 900_000, 1_100_000, 1_200_000].map(marked);
    stage.decisions(org, &spent).await;
    stage.kill(org, "the-end", true).await;
    let calls = receiver.called(3).await;
    let mut levels: Vec<String> = calls
        .iter()
        .filter_map(|call| call.body()["data"]["level"].as_str().map(str::to_owned))
        .collect();
    levels.sort();
    assert_eq!(levels, ["exceeded", "warning"]);
}

#[tokio::test]
async fn an_organisation_is_told_of_its_own_events_and_only_those_it_asked_for() {
    let stage = Stage::running().await;
    let (one, two) = (org(), org());
    let (key_one, key_two) = (stage.key(one, "admin").await, stage.key(two, "admin").await);
    let (first, second) = (Receiver::start(200).await, Receiver::start(200).await);
    stage.webhook(&key_one, &first.url, &["agent.paused"]).await;
    stage
        .webhook(&key_two, &second.url, &["agent.resumed", "policy.violated"])
        .await;
    stage
        .decisions(one, &[violation("warn", Outcome::Allow)])
        .await;
    stage.kill(one, "mine", true).await;
    stage.kill(two, "yours", true).await;
    stage.kill(two, "yours", false).await;
    assert_eq!(first.called(1).await[0].body()["data"]["agentId"], "mine");
    assert_eq!(second.called(1).await[0].body()["type"], "agent.resumed");
    assert_eq!((first.calls().len(), second.calls().len()), (1, 1));
}
