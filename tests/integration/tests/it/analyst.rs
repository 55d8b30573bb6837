//! An analyst who asks ClickHouse, and the same figures by REST.

use std::time::Duration;

use serde_json::json;
use writ_testkit::eventually;

use crate::stack::Stack;

#[tokio::test]
async fn every_decision_and_trace_is_one_row() {
    let stack = Stack::start().await;
    stack.agent("bot").await;
    for n in 0..20 {
        let (status, body) = stack.enforce("bot", &format!("question {n}")).await;
        assert!(status.is_success(), "{body}");
    }
    let traces: Vec<_> = (0..20)
        .map(|n| {
            json!({"traceId": format!("tr_{n}"), "agentId": "bot", "environment": "production",
                   "status": if n % 4 == 0 { "error" } else { "success" }, "errorMessage": "x",
                   "timestamp": "2026-11-20T10:00:00.000Z", "durationMs": n, "costUsd": 0.01})
        })
        .collect();
    for _ in 0..2 {
        // Sent twice, as the SDK does after a lost answer.
        let body = json!({"traces": traces});
        let answer = stack.post("/traces/ingest", body).await;
        assert!(
            answer["errors"].as_array().is_none_or(Vec::is_empty),
            "{answer}"
        );
    }
    eventually(
        Duration::from_secs(20),
        "20 decisions and 20 traces",
        || async {
            let sql = "SELECT (SELECT count() FROM decisions) AS d, count() AS t, \
                   countIf(status = 'error') AS e FROM traces";
            let rows = stack.rows(sql).await;
            let number = |name: &str| rows[0][name].to_string().replace('"', "");
            let all = [number("d"), number("t"), number("e")];
            if all == ["20", "20", "5"] {
                Ok(())
            } else {
                Err(all)
            }
        },
    )
    .await;
    let list = stack.get("/traces?status=error&limit=10").await;
    assert_eq!(list["data"].as_array().map(Vec::len), Some(5), "{list}");
}

#[tokio::test]
async fn an_organisation_sees_only_itself() {
    let stack = Stack::start().await;
    stack.agent("bot").await;
    let (_, decision) = stack.enforce("bot", "hello").await;
    let decision = decision["decisionId"].as_str().unwrap().to_owned();
    let body = json!({"traces": [{"traceId": "tr_1", "agentId": "bot", "status": "success",
                                  "environment": "production"}]});
    stack.post("/traces/ingest", body).await;
    eventually(Duration::from_secs(20), "the owner sees both", || async {
        let (list, log) = (
            stack.get("/traces").await,
            stack.get("/audit-logs?limit=200").await,
        );
        if list.to_string().contains("tr_1") && log.to_string().contains(&decision) {
            Ok(())
        } else {
            Err(list)
        }
    })
    .await;
    for path in [
        "/traces",
        "/audit-logs",
        "/agents",
        "/policies",
        "/approvals",
        "/webhooks",
    ] {
        let method = reqwest::Method::GET;
        let (status, body) = stack.call("WRIT_OTHER_ORG_KEY", method, path, None).await;
        assert!(status.is_success(), "{path}: {body}");
        let text = body.to_string();
        assert!(!text.contains("tr_1") && !text.contains("bot") && !text.contains(&decision));
    }
    let method = reqwest::Method::GET;
    let (status, _) = stack
        .call("WRIT_OTHER_ORG_KEY", method, "/traces/tr_1", None)
        .await;
    assert_eq!(status, reqwest::StatusCode::NOT_FOUND);
}
