use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use writ_contract::wire;
use writ_testkit::{Nats, Signal, eventually};

use crate::stage::{Stage, ask};

#[tokio::test]
async fn with_the_log_away_allows_are_503_and_denials_403_and_recorded_later() {
    let stage = Stage::on(Nats::own().await).await;
    stage
        .policy(
            1,
            "tool_invocation",
            "block",
            json!({"denied_tools": ["shell"]}),
        )
        .await;
    let replica = stage.replica(0).await;
    stage.nats.signal(Signal::Kill);

    let (status, body) = replica.call(&stage.key, ask("hello")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    assert_eq!(body["error"]["ref"], "ENF0002");
    let mut denied = ask("x");
    denied["tools"] = json!(["shell"]);
    let (status, body) = replica.call(&stage.key, denied).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");

    stage.nats.restart();
    let recorded = eventually(
        Duration::from_secs(20),
        "the denial is on the log",
        || async {
            let mut decisions = stage.decisions().await;
            decisions.retain(|(_, d)| d.outcome() == wire::Outcome::Deny);
            if decisions.is_empty() {
                Err("nothing yet")
            } else {
                Ok(decisions)
            }
        },
    )
    .await;
    assert_eq!(recorded.len(), 1, "recorded once");

    eventually(Duration::from_secs(10), "decisions go on", || async {
        let (status, body) = replica.call(&stage.key, ask("hello again")).await;
        if status == StatusCode::OK {
            Ok(())
        } else {
            Err(body.to_string())
        }
    })
    .await;
}
