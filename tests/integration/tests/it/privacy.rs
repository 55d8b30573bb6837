//! Somebody asks to be forgotten, and every proof stays.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use writ_testkit::eventually;

use crate::stack::Stack;

const SOON: Duration = Duration::from_secs(30);

/// What an act for Ada leaves behind: a held decision with its card, and a trace.
async fn acted_for(stack: &Stack, agent: &str) -> String {
    stack
        .policy(
            "pii_access",
            "require_approval",
            json!({"denied_pii_types": ["email"]}),
        )
        .await;
    let act = json!({"agentId": agent, "environment": "production",
        "input": "Write to ada@example.com", "onBehalfOf": {"userId": "u-ada"}});
    let held = stack.post("/policies/enforce", act).await;
    let approval = held["approvalRequestId"].as_str().unwrap().to_owned();
    let trace = json!({"traces": [{"traceId": "t-ada", "agentId": agent, "environment": "production",
        "timestamp": "2026-11-20T10:00:00Z", "status": "success", "userId": "u-ada",
        "input": "Write to ada@example.com"}]});
    stack.post("/traces/ingest", trace).await;
    approval
}

async fn something_is_sealed(stack: &Stack) {
    eventually(SOON, "something is sealed", || async {
        let found = stack.call("WRIT_ADMIN_KEY", Method::GET, "/audit/checkpoint", None);
        let (status, body) = found.await;
        status.is_success().then_some(()).ok_or(body)
    })
    .await;
}

fn export(stack: &Stack, name: &str) -> String {
    let file = stack.data().join(name).to_string_lossy().into_owned();
    stack.writ(&["audit", "export", "--out", &file]);
    file
}

/// The key that both bundles are checked with, in a file.
async fn checkpoint_key(stack: &Stack) -> String {
    let checkpoint = stack.get("/audit/checkpoint").await;
    let file = stack.data().join("keys.json");
    std::fs::write(&file, json!([checkpoint["data"]["publicKey"]]).to_string()).unwrap();
    file.to_string_lossy().into_owned()
}

/// Card, trace and rows are there, and say nothing of her.
async fn nothing_names_her(stack: &Stack, card: &str) {
    let card = stack.get(card).await;
    let trace = stack.get("/traces/t-ada").await;
    let rows = stack
        .rows("SELECT * FROM trace_rows WHERE position(toString(tuple(*)), 'ada@') > 0")
        .await;
    assert!(rows.is_empty(), "{rows:?}");
    for left in [&card, &trace] {
        assert!(!left.to_string().contains("ada@"), "{left}");
    }
    assert_eq!(trace["data"]["spans"].as_array().unwrap().len(), 1);
}

/// The report about GDPR cites the erasure.
fn shown_to_an_auditor(stack: &Stack) {
    let report = stack.writ(&["-o", "json", "compliance", "report", "--framework", "gdpr"]);
    let report: Value = serde_json::from_str(&report).unwrap();
    let controls = report["statement"]["controls"].as_array().unwrap();
    let erasure = controls.iter().find(|it| it["id"] == "Art. 17").unwrap();
    assert_eq!(erasure["assessment"], "operated", "{erasure:#}");
}

#[tokio::test]
async fn an_erasure_leaves_no_name_and_every_proof() {
    let stack = Stack::start().await;
    let agent = stack.agent("mailer").await;
    let approval = acted_for(&stack, &agent).await;
    let card = format!("/approvals/{approval}");
    eventually(SOON, "card and trace are there", || async {
        let card = stack.get(&card).await;
        let traces = stack.get("/traces?userId=u-ada").await;
        let decisions = stack.get("/decisions?userId=u-ada").await;
        let there = |list: &Value| list["data"].as_array().is_some_and(|it| it.len() == 1);
        let whole = card.to_string().contains("ada@") && there(&traces) && there(&decisions);
        if whole {
            Ok(())
        } else {
            Err((card, traces, decisions))
        }
    })
    .await;
    something_is_sealed(&stack).await;
    let before = export(&stack, "before.jsonl");

    let body = json!({"type": "erasure", "subject": "u-ada", "aliases": ["ada@example.com"]});
    let request = stack.post("/privacy/requests", body).await;
    let id = request["data"]["id"].as_str().unwrap().to_owned();
    let held = stack
        .data()
        .join("held.json")
        .to_string_lossy()
        .into_owned();
    stack.writ(&["privacy", "export", &id, "--out", &held]);
    let held: Value = serde_json::from_str(&std::fs::read_to_string(held).unwrap()).unwrap();
    for part in ["traces", "decisions", "approvals"] {
        assert_eq!(held[part].as_array().unwrap().len(), 1, "{part}: {held:#}");
    }

    stack.writ(&["privacy", "complete-request", &id]);
    eventually(SOON, "the erasure is complete", || async {
        let request = stack.get(&format!("/privacy/requests/{id}")).await;
        if request["data"]["status"] == "completed" {
            Ok(())
        } else {
            Err(request)
        }
    })
    .await;
    nothing_names_her(&stack, &card).await;

    let erased = eventually(SOON, "the erasure is in the ledger", || async {
        let log = stack.get("/audit-logs?action=erasure.carried_out").await;
        let entries = log["data"].as_array().unwrap().clone();
        let sealed = entries.first().is_some_and(|entry| entry["sealed"] == true);
        if sealed { Ok(entries) } else { Err(entries) }
    })
    .await;
    assert_eq!(erased.len(), 1);
    let after = export(&stack, "after.jsonl");
    let keys = checkpoint_key(&stack).await;
    for bundle in [&before, &after] {
        stack.writ(&["audit", "verify", "--file", bundle, "--keys", &keys]);
    }
    shown_to_an_auditor(&stack);
}
