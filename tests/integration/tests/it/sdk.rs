//! The quickstart of the SDK's README, with the unmodified SDK from PyPI.

use std::time::Duration;

use serde_json::Value;
use writ_testkit::eventually;

use crate::stack::Stack;

#[tokio::test]
async fn the_sdk_governs_a_real_agent_loop() {
    let stack = Stack::start().await;
    let seen = stack.python("quickstart.py");

    let trace = seen["traces"][0].as_str().unwrap();
    let read = eventually(
        Duration::from_secs(20),
        "the trace can be read back",
        || async {
            let (status, body) = stack
                .call(
                    "WRIT_ADMIN_KEY",
                    reqwest::Method::GET,
                    &format!("/traces/{trace}"),
                    None,
                )
                .await;
            if status.is_success() {
                Ok(body)
            } else {
                Err(body.to_string())
            }
        },
    )
    .await;
    assert!(read.to_string().contains("gpt-4o"), "{read}");

    let entries = eventually(
        Duration::from_secs(20),
        "every step is a ledger entry",
        || async {
            let log = stack.get("/audit-logs?limit=200").await;
            let text = log["data"].to_string();
            let missing = ["agent.pause", "approval", "decision.make", "policy"]
                .into_iter()
                .find(|word| !text.contains(word));
            missing.map_or(Ok(log["data"].clone()), |word| Err(format!("no {word}")))
        },
    )
    .await;
    assert!(
        entries.as_array().is_some_and(|all| all.len() >= 10),
        "{entries}"
    );
    the_chain_verifies(&stack);

    let outcomes = eventually(Duration::from_secs(20), "decisions are rows", || async {
        let sql = "SELECT outcome, count() AS n FROM decisions GROUP BY outcome ORDER BY outcome";
        let rows = stack.rows(sql).await;
        if rows.len() >= 3 { Ok(rows) } else { Err(rows) }
    })
    .await;
    let words: Vec<&Value> = outcomes.iter().map(|row| &row["outcome"]).collect();
    assert_eq!(words.len(), 3, "allowed, held and denied: {outcomes:?}");
}

#[tokio::test]
async fn the_sdk_reads_a_spent_plan_and_does_as_it_is_set_to() {
    let stack = Stack::start().await;
    let seen = stack.python("plan.py");
    assert_eq!(seen["source"], "fail_open_plan_limit", "{seen}");
    assert_eq!(seen["limit"]["resource"], "maxTracesPerMonth", "{seen}");
    assert_eq!(seen["limit"]["max"], 0, "{seen}");
}

#[tokio::test]
async fn the_sdk_hears_of_a_pause_on_its_socket_in_one_process_and_through_the_front_door() {
    for args in [&["--empty"][..], &["--empty", "--processes"]] {
        let stack = Stack::with(args).await;
        let seen = stack.python("push.py");
        assert!(seen["wrong"][0]["message"].is_string(), "{seen}");
        assert!(seen["paused"].as_f64().is_some_and(|s| s < 5.0), "{seen}");
    }
}

fn the_chain_verifies(stack: &Stack) {
    let said = stack.writ(&["audit", "verify"]);
    assert!(said.contains("verified"), "{said}");
    let file = stack.data().join("export.jsonl");
    let file = file.to_str().unwrap();
    stack.writ(&["audit", "export", "--out", file]);
    let keys = stack.var("WRIT_LEDGER_KEYS");
    let said = stack.writ(&["audit", "verify", "--file", file, "--keys", keys]);
    assert!(said.contains("verified"), "{said}");
}

#[tokio::test]
async fn the_sdk_pins_an_agents_tools_and_raises_what_is_not_as_it_was_pinned() {
    let stack = Stack::start().await;
    let seen = stack.python("tools.py");
    for (what, words) in [
        ("drifted", "is not as it was pinned"),
        ("unlisted", "is not in the pinned baseline"),
        ("poisoned", "gives orders"),
    ] {
        let said = seen[what].as_str().unwrap();
        assert!(said.contains(words), "{what}: {said}");
    }
}

#[tokio::test]
async fn the_sdk_deploys_promotes_and_rolls_back_prompts_and_reports_versions() {
    let stack = Stack::start().await;
    let seen = stack.python("versions.py");
    let refused = seen["refused"].as_str().unwrap();
    assert!(refused.contains("not enabled"), "{refused}");
    let usage = seen["usage"].as_str().unwrap();
    assert!(usage.contains("agents"), "{usage}");
}

#[tokio::test]
async fn the_sdk_proves_which_agent_it_is_and_asks_whether_one_may_call_another() {
    let stack = Stack::start().await;
    let seen = stack.python("identity.py");
    let identity = ["stamped", "plain", "anothers", "made_up"].map(|what| seen[what].clone());
    let expected = [
        "verified".into(),
        Value::Null,
        "forged".into(),
        "forged".into(),
    ];
    assert_eq!(identity, expected, "{seen}");
    assert_eq!(seen["incident"], "billing-bot");
    for what in ["refused", "another_action"] {
        assert_eq!(seen[what], 403, "{what}: {seen}");
    }
}
