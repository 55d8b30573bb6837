//! An orchestrator that acts for people through subagents: a chain of policies kept in files judges
//! the subagents, and row and ledger say for whom.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use writ_testkit::eventually;

use crate::stack::Stack;

fn document(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "writ.dev/v1", "kind": "Policy", "metadata": {"name": name}, "spec": spec,
    })
}

/// The second waits for the first, and stands before it in the file.
fn chain() -> String {
    let tools = |globs: Value| json!({"denied_tools": globs});
    let watched = json!({
        "policyType": "tool_invocation", "enforcementMode": "log_only",
        "ruleDefinition": tools(json!(["shell.*"])),
    });
    let refused = json!({
        "policyType": "tool_invocation", "enforcementMode": "hard_block",
        "ruleDefinition": tools(json!(["*"])),
        "prerequisites": ["Watched"], "chainTrigger": "any_violated",
        "selectors": {"tiers": ["subagent"], "environments": ["production"]},
    });
    json!([document("Refused", refused), document("Watched", watched)]).to_string()
}

async fn act(stack: &Stack, tool: &str, tier: &str) -> (StatusCode, Value) {
    let body = json!({
        "agentId": "worker", "environment": "production", "input": "x", "tools": [tool],
        "metadata": {
            "tier": tier, "onBehalfOf": {"userId": "anna", "email": "anna@example.com"},
            "delegation": {"chain": ["planner"]},
        },
    });
    let path = "/policies/enforce?explain=true";
    stack
        .call("WRIT_API_KEY", Method::POST, path, Some(body))
        .await
}

#[tokio::test]
async fn a_chain_in_files_judges_subagents_and_every_record_says_for_whom() {
    let stack = Stack::start().await;
    stack.agent("worker").await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("policies.json");
    std::fs::write(&file, chain()).unwrap();
    let apply = ["policy", "apply", file.to_str().unwrap(), "--yes"];
    stack.writ(&apply);
    let again = stack.writ(&[&apply[..], &["-o", "json"]].concat());
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again, json!({"changes": [], "unchanged": 2}));

    let (status, body) = act(&stack, "shell.run", "subagent").await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    assert_eq!(body["violations"][0]["policyName"], "Refused");
    let considered = body["explanation"]["considered"].as_array().unwrap();
    let applied = considered.iter().filter(|it| it["applied"] == true);
    assert_eq!(applied.count(), 2, "{body}");
    for (tool, tier) in [("shell.run", "interactive"), ("crm.read", "subagent")] {
        let (status, body) = act(&stack, tool, tier).await;
        assert_eq!(status, StatusCode::OK, "{tool} {tier}: {body}");
    }

    eventually(Duration::from_secs(20), "three rows of one person", || async {
        let sql = "SELECT toUInt32(count()) AS n, toUInt32(uniq(user_digest)) AS people FROM decisions \
                   WHERE delegation_chain = ['planner'] AND length(user_digest) = 64";
        let rows = stack.rows(sql).await;
        let expected = json!([{"n": 3, "people": 1}]);
        if json!(rows) == expected { Ok(()) } else { Err(rows) }
    })
    .await;
    let pool = sqlx::PgPool::connect(stack.var("DATABASE_URL"));
    let pool = pool.await.unwrap();
    let entries = async |word: &str| {
        let sql = "select count(*) from ledger.entries
                   where position(convert_to($1, 'UTF8') in leaf_bytes) > 0";
        let found = sqlx::query_scalar(sql).bind(word.to_owned());
        found.fetch_one(&pool).await.unwrap()
    };
    eventually(
        Duration::from_secs(20),
        "three entries of the ledger",
        || async {
            match entries("agent:planner").await {
                3_i64 => Ok(()),
                other => Err(other),
            }
        },
    )
    .await;
    assert_eq!(entries("anna").await, 0);
}
