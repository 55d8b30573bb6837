//! The Rust client, in an agent of its own.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use writ_client::{Act, Client, Decision, Held, OnFailure, Options, Trace};

use crate::stack::Stack;

const WITHIN: Duration = Duration::from_secs(20);

fn options(stack: &Stack) -> Options {
    let endpoint = format!("http://{}", stack.var("WRIT_GRPC"));
    Options::new(endpoint, stack.var("WRIT_API_KEY"))
}

fn client(stack: &Stack, on_failure: OnFailure) -> Client {
    let client = Client::new(options(stack).on_failure(on_failure));
    client.unwrap().watching_pauses("production")
}

fn act(agent: &str, tool: &str) -> Act {
    Act::new(agent, format!("tool:{tool}")).tool(tool)
}

async fn governed() -> Stack {
    let stack = Stack::start().await;
    stack.agent("rust-bot").await;
    stack.agent("other-bot").await;
    let shell = json!({"denied_tools": ["shell.*"]});
    stack.policy("tool_invocation", "block", shell).await;
    let pay = json!({"denied_tools": ["pay"]});
    let mode = "require_approval";
    stack.policy("tool_invocation", mode, pay).await;
    stack
}

async fn held(writ: &Client) -> Held {
    match writ.enforce(act("rust-bot", "pay")).await {
        Decision::Held(held) => held,
        other @ (Decision::Allowed(_) | Decision::Denied(_)) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_act_is_allowed_or_denied_or_waits_for_a_human_who_is_redeemed_once() {
    let stack = governed().await;
    let writ = client(&stack, OnFailure::Allow);
    let Decision::Allowed(allowed) = writ.enforce(act("rust-bot", "crm.read")).await else {
        panic!("not allowed");
    };
    assert!(allowed.decision_id.unwrap().starts_with("dec_") && !allowed.ungoverned);
    let Decision::Denied(denied) = writ.enforce(act("rust-bot", "shell.run")).await else {
        panic!("not denied");
    };
    assert_eq!(denied.violations[0].policy_type, "tool_invocation");

    let first = held(&writ).await;
    let waiting = writ.approved(&first, Duration::from_millis(300)).await;
    assert!(!waiting.unwrap(), "nobody has decided");
    let path = format!("/approvals/{}/approve", first.approval_id);
    stack.post(&path, json!({"reason": "fine"})).await;
    assert!(writ.approved(&first, WITHIN).await.unwrap());
    assert!(!writ.approved(&first, WITHIN).await.unwrap(), "only once");

    let trace = |agent: &str| Trace {
        trace_id: format!("t-{agent}"),
        agent_id: agent.to_owned(),
        environment: "production".to_owned(),
        status: "success".to_owned(),
        timestamp: Some(std::time::SystemTime::now().into()),
        ..Trace::default()
    };
    let refused = writ.send(vec![trace("rust-bot"), trace("nobody")]).await;
    let refused = refused.unwrap();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].trace_id, "t-nobody");
}

#[tokio::test]
async fn a_pause_that_was_heard_stays_when_writ_is_away_and_only_silence_is_ungoverned() {
    let stack = governed().await;
    let open = client(&stack, OnFailure::Allow);
    let closed = client(&stack, OnFailure::Deny);
    let pauses = open.pauses().unwrap().clone();
    pauses.known().await;
    assert_eq!(pauses.reason("rust-bot", "production"), None);
    let paused = pauses.paused("rust-bot", "production");
    let pause = stack.call(
        "WRIT_ADMIN_KEY",
        Method::PATCH,
        "/agents/rust-bot/pause",
        Some(json!({"reason": "odd"})),
    );
    let (told, (status, body)) = tokio::join!(tokio::time::timeout(WITHIN, paused), pause);
    assert!(status.is_success(), "{body}");
    assert!(told.unwrap().contains("odd"));
    let Decision::Denied(denied) = open.enforce(act("rust-bot", "crm.read")).await else {
        panic!("not denied");
    };
    assert_eq!(denied.violations[0].code, "AGENT_PAUSED");

    let wrong = format!("{}x", stack.var("WRIT_API_KEY"));
    let endpoint = format!("http://{}", stack.var("WRIT_GRPC"));
    let wrong = Options::new(endpoint, wrong).on_failure(OnFailure::Allow);
    let wrong = Client::new(wrong).unwrap();
    let refused = wrong.enforce(act("other-bot", "crm.read")).await;
    assert!(matches!(refused, Decision::Denied(_)), "{refused:?}");

    drop(stack);
    let ungoverned = open.enforce(act("other-bot", "crm.read")).await;
    assert!(matches!(ungoverned, Decision::Allowed(allowed) if allowed.ungoverned));
    let sticks = open.enforce(act("rust-bot", "crm.read")).await;
    assert!(matches!(sticks, Decision::Denied(denied) if denied.decision_id.is_none()));
    let denied = closed.enforce(act("other-bot", "crm.read")).await;
    assert!(matches!(denied, Decision::Denied(denied) if denied.undecided.is_some()));
}
