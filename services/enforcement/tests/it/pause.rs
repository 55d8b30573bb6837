use std::time::Duration;

use http::StatusCode;
use writ_contract::wire;

use crate::stage::{Stage, ask};

#[tokio::test]
async fn a_paused_agent_is_refused_with_the_operators_reason() {
    let stage = Stage::new().await;
    stage.pause(1, 0).await;
    let replica = stage.replica(0).await;
    let (status, body) = replica.call(&stage.key, ask("hello")).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(body["violations"][0]["policyType"], "kill_switch");
    assert!(
        body["violations"][0]["message"]
            .as_str()
            .unwrap()
            .contains("incident 12")
    );
}

#[tokio::test]
async fn a_forged_pause_keeps_no_replica_from_starting_and_lets_nothing_pass() {
    let stage = Stage::new().await;
    stage.forge_pause(1, 0).await;
    let replica = stage.replica(0).await;
    let (status, _) = replica.call(&stage.key, ask("hello")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(stage.decisions().await.is_empty());
}

#[tokio::test]
async fn no_allow_follows_a_pause_in_the_log_of_three_replicas_under_load() {
    let stage = Stage::new().await;
    let pausing = async { stage.pause(1, 0).await };
    no_allow_follows(&stage, pausing).await;
}

#[tokio::test]
async fn no_allow_follows_a_pause_of_the_organisation_in_the_log_of_three_replicas_under_load() {
    let stage = Stage::new().await;
    let pausing = async { stage.pause_wider("organization", "", 0).await };
    no_allow_follows(&stage, pausing).await;
}

#[tokio::test]
async fn a_paused_tool_is_refused_and_the_agent_goes_on_with_others() {
    let stage = Stage::new().await;
    stage.pause_wider("tool", "shell.run", 0).await;
    let replica = stage.replica(0).await;
    let act = |tool: &str| {
        let mut act = ask("hello");
        act["tools"] = serde_json::json!([tool]);
        act
    };
    let (status, body) = replica.call(&stage.key, act("shell.run")).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(body["violations"][0]["policyType"], "kill_switch");
    assert_eq!(body["violations"][0]["code"], "TOOL_PAUSED");
    let (status, body) = replica.call(&stage.key, act("crm.read")).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

/// Pauses while three replicas decide, then reads every decision of the log: each ALLOW stands
/// before the pause.
async fn no_allow_follows(stage: &Stage, pausing: impl Future<Output = u64>) {
    let replicas = [
        stage.replica(0).await,
        stage.replica(1).await,
        stage.replica(2).await,
    ];
    let load = replicas.iter().flat_map(|replica| {
        (0..8).map(move |_| async move {
            for _ in 0..60 {
                let (status, body) = replica.call(&stage.key, ask("work")).await;
                assert!(
                    [StatusCode::OK, StatusCode::FORBIDDEN].contains(&status),
                    "{body}"
                );
            }
        })
    });
    let pausing = async {
        tokio::time::sleep(Duration::from_millis(60)).await;
        pausing.await
    };
    let (kill_seq, _) = tokio::join!(pausing, futures::future::join_all(load));

    let decisions = stage.decisions().await;
    let allowed = |(_, d): &&(u64, wire::Decision)| d.outcome() == wire::Outcome::Allow;
    let (before, after): (Vec<_>, Vec<_>) = decisions
        .iter()
        .filter(allowed)
        .partition(|(seq, _)| *seq < kill_seq);
    assert!(after.is_empty(), "{} allows after the pause", after.len());
    assert!(!before.is_empty(), "the load had started");
    let denied = decisions.iter().any(|(seq, d)| {
        *seq > kill_seq && d.outcome() == wire::Outcome::Deny && d.kill_seq == kill_seq
    });
    assert!(denied, "decisions went on after the pause");
}
