//! What the SDK let pass while the server was away is in the audit log once it is back.

use std::time::Duration;

use serde_json::Value;
use writ_testkit::eventually;

use crate::stack::Stack;

#[tokio::test]
async fn acts_without_a_decision_are_audited_one_entry_a_window() {
    let stack = Stack::start().await;
    let seen = stack.python("bypass.py");
    let entries = eventually(Duration::from_secs(20), "windows are audited", || async {
        let log = stack.get("/audit-logs?action=enforcement.bypassed").await;
        let entries = log["data"].as_array().unwrap().clone();
        if entries.len() >= 2 {
            Ok(entries)
        } else {
            Err(entries)
        }
    })
    .await;
    assert_eq!(
        entries.len(),
        2,
        "one for each agent and reason: {entries:?}"
    );
    let of = |name: &str| {
        entries
            .iter()
            .find(|e| e["agentExternalId"] == name)
            .unwrap()
    };
    let known = of("bypassing");
    assert_eq!(
        (&known["agentId"], &known["outcome"]),
        (&seen["agent"], &"allowed".into())
    );
    assert_eq!(known["reasonCode"], "NETWORK_ERROR");
    let incidents = eventually(Duration::from_secs(20), "they are incidents", || async {
        let listed = stack.get("/incidents?kind=bypass&state=open").await;
        let found = listed["data"].as_array().unwrap().clone();
        if found.len() == 2 {
            Ok(found)
        } else {
            Err(found)
        }
    })
    .await;
    let passed = |name: &str| incidents.iter().find(|it| it["agentId"] == name).unwrap();
    assert_eq!(passed("bypassing")["occurrences"], 2);
    assert_eq!(passed("bypassing")["agentUuid"], seen["agent"]);
    let unknown = of("a bot 🤖 nobody registered");
    assert_eq!(unknown["agentId"], Value::Null);
}
