//! Rebuild == live.

use crate::stage::{Stage, org};

type Row = (String, Vec<f64>, Vec<f64>, Vec<i64>, Vec<bool>, Vec<i64>);

async fn baselines(stage: &Stage) -> Vec<Row> {
    let mut sql = stage.sql().await;
    sqlx::query_as(
        "select agent, mean, variance, seen, alerting, open_window from anomaly.agent_baseline
         order by agent",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap()
}

async fn execute(stage: &Stage, sql: &'static str) {
    let mut connection = stage.sql().await;
    sqlx::query(sql).execute(&mut connection).await.unwrap();
}

/// A live service with history, stopped.
async fn lived() -> (Stage, String) {
    let mut stage = Stage::running().await;
    let org = org();
    let key = stage.key(org).await;
    for agent in ["a", "b"] {
        stage.minutes(org, agent, 0, 30).await;
        stage.minute(org, agent, 30, 40_000).await;
    }
    stage.anomalies(&key, 2).await;
    stage.caught_up().await;
    stage.stop().await;
    (stage, key)
}

#[tokio::test]
async fn a_rebuilt_projection_equals_the_live_one_and_finds_nothing_new() {
    let (mut stage, key) = lived().await;
    let live = baselines(&stage).await;
    execute(&stage, "delete from anomaly.agent_baseline").await;
    execute(&stage, "delete from anomaly.positions").await;
    stage.start().await;
    stage.caught_up().await;
    assert_eq!(baselines(&stage).await, live);
    stage.anomalies(&key, 2).await;
    assert_eq!(stage.finding_facts().await.len(), 2);
}

#[tokio::test]
async fn a_resume_point_of_another_event_rebuilds() {
    let (mut stage, _) = lived().await;
    let live = baselines(&stage).await;
    execute(&stage, "update anomaly.positions set event_id = 'another'").await;
    execute(
        &stage,
        "update anomaly.agent_baseline set mean = array[1, 1, 1, 1]",
    )
    .await;
    stage.start().await;
    stage.caught_up().await;
    assert_eq!(baselines(&stage).await, live);
}

#[tokio::test]
async fn a_resume_point_beyond_the_stream_or_of_another_stream_rebuilds() {
    let (mut stage, _) = lived().await;
    let live = baselines(&stage).await;
    for spoiled in [
        "update anomaly.positions set seq = 1000000",
        "update anomaly.positions set stream_created = '2001-01-01'",
    ] {
        execute(&stage, spoiled).await;
        execute(
            &stage,
            "update anomaly.agent_baseline set mean = array[1, 1, 1, 1]",
        )
        .await;
        stage.start().await;
        stage.caught_up().await;
        assert_eq!(baselines(&stage).await, live, "{spoiled}");
        stage.stop().await;
    }
}

#[tokio::test]
async fn of_two_replicas_one_applies_and_the_other_takes_over() {
    let mut first = Stage::running().await;
    let org = org();
    let key = first.key(org).await;
    first.minutes(org, "a", 0, 30).await;
    first.caught_up().await;
    let mut second = Stage::beside(&first).await;
    first.stop().await;
    second.minute(org, "a", 30, 40_000).await;
    second.anomalies(&key, 1).await;
    second.caught_up().await;
    let mut sql = second.sql().await;
    let seen: Vec<i64> = sqlx::query_scalar("select seen from anomaly.agent_baseline")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    // The last window is still open.
    assert_eq!(seen, [30; 4]);
    second.stop().await;
}
