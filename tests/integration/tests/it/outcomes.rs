//! What the SDK knows of its acts' effects, at once and later.

use std::time::Duration;

use serde_json::json;
use writ_testkit::eventually;

use crate::stack::Stack;

#[tokio::test]
async fn a_strict_agent_shows_evidence_and_what_is_learnt_later_lies_beside_the_trace() {
    let stack = Stack::start().await;
    let seen = stack.python("outcomes.py");
    let path = format!("/traces/{}", seen["unsure"].as_str().unwrap());
    let trace = eventually(
        Duration::from_secs(20),
        "both resolutions are read",
        || async {
            let trace = stack.get(&path).await["data"].clone();
            let found = trace["resolutions"].as_array().map_or(0, Vec::len);
            if found == 2 { Ok(trace) } else { Err(trace) }
        },
    )
    .await;
    assert_eq!(trace["spans"][0]["status"], "effect_unconfirmed");
    let statuses = [0, 1].map(|n| trace["resolutions"][n]["resolvedStatus"].clone());
    assert_eq!(statuses, [json!("success"), json!("error")]);
    let entries = eventually(
        Duration::from_secs(20),
        "resolutions are audited",
        || async {
            let log = stack.get("/audit-logs?action=trace.resolve").await;
            let entries = log["data"].as_array().unwrap().clone();
            if entries.len() == 2 {
                Ok(entries)
            } else {
                Err(entries)
            }
        },
    )
    .await;
    assert_eq!(entries[0]["agentExternalId"], "payer");
}
