//! From metered facts to findings.

use writ_testkit::eventually;

use crate::stage::{SOON, Stage, org};

#[tokio::test]
async fn a_dear_minute_after_a_calm_hour_becomes_one_finding_and_one_fact() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org).await;
    stage.minutes(org, "support-bot", 0, 60).await;
    stage.minute(org, "support-bot", 60, 40_000).await;
    let listed = stage.anomalies(&key, 1).await;
    let finding = &listed[0];
    assert_eq!(finding["agentId"], "support-bot");
    assert_eq!(finding["environment"], "production");
    assert_eq!(finding["metric"], "cost");
    assert_eq!(finding["severity"], "critical");
    assert_eq!(finding["value"], 0.04, "US dollars");
    assert_eq!(finding["windowStart"], "2026-01-01T01:00:00Z");
    let facts = eventually(SOON, "the fact is published", || async {
        let facts = stage.finding_facts().await;
        if facts.is_empty() {
            Err("none")
        } else {
            Ok(facts)
        }
    })
    .await;
    assert_eq!(facts.len(), 1);
    let (envelope, fact) = &facts[0];
    assert_eq!(envelope.org, org);
    assert_eq!(envelope.kind.as_str(), "finding.found.v1");
    assert_eq!(envelope.aggregate_id, finding["id"].as_str().unwrap());
    assert_eq!(
        (fact.metric.as_str(), fact.external_agent_id.as_str()),
        ("cost", "support-bot")
    );
}

#[tokio::test]
async fn a_calm_agent_and_a_new_agent_are_not_found() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org).await;
    stage.minutes(org, "calm", 0, 60).await;
    stage.minutes(org, "new", 0, 5).await;
    stage.minute(org, "new", 5, 1_000_000).await;
    stage.caught_up().await;
    stage.anomalies(&key, 0).await;
    assert!(stage.finding_facts().await.is_empty());
}

#[tokio::test]
async fn a_restart_judges_no_window_twice() {
    let mut stage = Stage::running().await;
    let org = org();
    let key = stage.key(org).await;
    stage.minutes(org, "support-bot", 0, 40).await;
    stage.caught_up().await;
    stage.stop().await;
    stage.minute(org, "support-bot", 40, 40_000).await;
    stage.start().await;
    stage.anomalies(&key, 1).await;
    let mut sql = stage.sql().await;
    let seen: Vec<i64> = sqlx::query_scalar("select seen from anomaly.agent_baseline")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    // The last window is still open.
    assert_eq!(seen, [40; 4]);
}

#[tokio::test]
async fn a_restart_with_nothing_new_is_ready() {
    let mut stage = Stage::running().await;
    stage.minutes(org(), "support-bot", 0, 3).await;
    stage.caught_up().await;
    stage.stop().await;
    stage.start().await;
}
