//! What the framework adapters of the unmodified SDK do with our answers. They stop a tool only for
//! some of the SDK's exceptions and run it after all others, so an answer that is right for every
//! other client can be wrong for them. Clients are set to fail closed; prints a table.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use writ_testkit::eventually;

use crate::faults::processes::{Process, descendants, named, signal};
use crate::stack::Stack;

const AGENT: &str = "matrix-bot";
const SOON: Duration = Duration::from_secs(60);
/// The SDK asks every 5 s whether a held action was decided.
const TWO_POLLS: Duration = Duration::from_secs(12);
const REPLICATED: [&str; 6] = [
    "--empty",
    "--processes",
    "--replicas",
    "enforcement=2",
    "--replicas",
    "approval=2",
];

/// What became of the act, by adapter.
type Seen = BTreeMap<String, String>;

fn attempt(stack: &Stack, scenario: &str, key: Option<&str>) -> Seen {
    let seen = stack.last_line(command(stack, scenario, key).output());
    print_row(scenario, seen)
}

fn command(stack: &Stack, scenario: &str, key: Option<&str>) -> std::process::Command {
    let mut command = stack.python_command("matrix.py");
    command.arg(scenario);
    if let Some(key) = key {
        command.env("MATRIX_KEY", key);
    }
    command
}

#[allow(clippy::print_stdout, reason = "the table is what one reads")]
fn print_row(scenario: &str, seen: Value) -> Seen {
    let seen: Seen = serde_json::from_value(seen).unwrap();
    let cells: Vec<String> = seen
        .iter()
        .map(|(a, what)| format!("{a}: {what}"))
        .collect();
    println!("| {scenario:16} | {} |", cells.join(" | "));
    assert_eq!(seen.len(), 5, "every adapter was tried");
    seen
}

fn assert_all(seen: &Seen, scenario: &str, expected: &str) {
    for (adapter, what) in seen {
        assert_eq!(what, expected, "{scenario}, {adapter}");
    }
}

/// Eleven megabytes can take a busy machine longer than the SDK waits, which stops the act too; that it
/// is refused is seen when it is not busy.
fn oversize(stack: &Stack) {
    for _ in 0..3 {
        let seen = attempt(stack, "oversize", None);
        let mut stopped = seen.values();
        assert!(stopped.all(|what| what != "ran"), "{seen:?}");
        if seen.values().all(|what| what == "PolicyBlockedError") {
            return;
        }
    }
    panic!("oversize acts were never answered in time");
}

/// Denies the act to every adapter: by its tool, or by what it says.
async fn deny(stack: &Stack) -> Vec<String> {
    let tool = json!({"denied_tools": ["transfer_money"]});
    let words = json!({"restricted_words": ["transfer_money"]});
    let mut ids = Vec::new();
    for (kind, rule) in [("tool_invocation", tool), ("data_restriction", words)] {
        let policy = stack.policy(kind, "block", rule).await;
        ids.push(policy["data"]["id"].as_str().unwrap().to_owned());
    }
    ids
}

async fn call(stack: &Stack, method: Method, path: &str, body: Option<Value>) -> Value {
    let (status, body) = stack.call("WRIT_ADMIN_KEY", method, path, body).await;
    assert!(status.is_success(), "{path}: {status} {body}");
    body
}

#[tokio::test]
async fn no_answer_lets_an_adapter_run_a_tool_that_should_not_run() {
    let stack = Stack::with(&REPLICATED).await;
    let agent = stack.agent(AGENT).await;
    assert_all(&attempt(&stack, "allowed", None), "allowed", "ran");

    let denied = deny(&stack).await;
    eventually(SOON, "the denial is in force", || async {
        let (status, body) = stack.enforce(AGENT, "transfer_money").await;
        (status == StatusCode::FORBIDDEN).then_some(()).ok_or(body)
    })
    .await;
    for scenario in ["denied", "nul", "lone_surrogate", "unknown_field"] {
        let seen = attempt(&stack, scenario, None);
        assert_all(&seen, scenario, "PolicyBlockedError");
    }
    oversize(&stack);
    plan(&stack, json!(0), "refuse").await;
    let seen = attempt(&stack, "plan_spent_denied", None);
    assert_all(&seen, "plan spent, a denial", "PolicyBlockedError");
    plan(&stack, json!(null), "govern").await;
    away(&stack, "nats-server", || {
        let seen = attempt(&stack, "nats_away_denied", None);
        assert_all(&seen, "NATS away, a denial", "PolicyBlockedError");
    });
    for id in denied {
        call(&stack, Method::DELETE, &format!("/policies/{id}"), None).await;
    }
    in_force_no_more(&stack).await;
    away(&stack, "nats-server", || {
        let seen = attempt(&stack, "nats_away", None);
        assert_all(&seen, "NATS away", "EnforcementUnavailableError");
    });
    in_force_no_more(&stack).await;
    let ledger = named(&stack, "writ-audit-ledger");
    assert!(!ledger.is_empty());
    signal(&ledger, "STOP");
    assert_all(&attempt(&stack, "ledger_away", None), "ledger away", "ran");
    signal(&ledger, "CONT");

    by_key_and_signature(&stack).await;
    let reason = json!({"reason": "matrix"});
    call(
        &stack,
        Method::PATCH,
        &format!("/agents/{agent}/pause"),
        Some(reason),
    )
    .await;
    let seen = attempt(&stack, "paused", None);
    assert_all(&seen, "paused", "PolicyBlockedError");
}

/// The plan's traces a month, and what becomes of acts when they are used up.
async fn plan(stack: &Stack, most: Value, on_plan_limit: &str) {
    let settings = json!({"maxTracesPerMonth": most, "onPlanLimit": on_plan_limit});
    let path = "/organization/settings";
    call(stack, Method::PATCH, path, Some(settings)).await;
}

async fn by_key_and_signature(stack: &Stack) {
    for scenario in ["bad_signature", "stale_signature", "half_signature"] {
        let seen = attempt(stack, scenario, None);
        assert_all(&seen, scenario, "PolicyBlockedError");
    }
    let unknown = stack
        .var("WRIT_API_KEY")
        .replace(|c: char| c.is_ascii_digit(), "Z");
    let seen = attempt(stack, "bad_key", Some(&unknown));
    assert_all(&seen, "bad key", "PolicyBlockedError");
    let key = stack
        .post("/keys", json!({"name": "short-lived", "role": "developer"}))
        .await;
    let (text, id) = (&key["data"]["key"], key["data"]["id"].as_str().unwrap());
    let text = text.as_str().unwrap();
    assert_all(&attempt(stack, "fresh_key", Some(text)), "fresh key", "ran");
    call(stack, Method::DELETE, &format!("/keys/{id}"), None).await;
    let seen = attempt(stack, "revoked_key", Some(text));
    assert_all(&seen, "revoked key", "PolicyBlockedError");
}

/// Runs something while a store does not answer.
fn away(stack: &Stack, store: &str, during: impl FnOnce()) {
    let is = |p: &Process| p.command.contains(store);
    let store: Vec<Process> = descendants(stack).into_iter().filter(is).collect();
    assert!(!store.is_empty());
    signal(&store, "STOP");
    during();
    signal(&store, "CONT");
}

async fn in_force_no_more(stack: &Stack) {
    eventually(SOON, "acts are allowed", || async {
        for _ in 0..4 {
            let (status, body) = stack.enforce(AGENT, "transfer_money").await;
            if status != StatusCode::OK {
                return Err(body);
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn over_the_limit_an_adapter_stops() {
    let limit = ("WRIT_ENFORCEMENT__ACCESS__LIMITS__ENFORCE_PER_MINUTE", "6");
    let stack = Stack::with_env(&["--empty", "--processes"], &[limit]).await;
    stack.agent(AGENT).await;
    eventually(SOON, "the limit is spent", || async {
        let (status, body) = stack.enforce(AGENT, "x").await;
        (status == StatusCode::FORBIDDEN).then_some(()).ok_or(body)
    })
    .await;
    // A call may be allowed again every ten seconds; two of five adapters are stopped at least.
    let seen = attempt(&stack, "over_limit", None);
    let stopped = seen.values().filter(|what| *what == "PolicyBlockedError");
    assert!(stopped.count() >= 2, "{seen:?}");
}

#[tokio::test]
async fn a_held_act_does_not_run_whatever_is_away_or_dies_while_it_waits() {
    let stack = Stack::with(&REPLICATED).await;
    stack.agent(AGENT).await;
    let rule = json!({"expression": "true"});
    stack.policy("expression", "require_approval", rule).await;
    eventually(SOON, "the policy is in force", || async {
        let (status, body) = stack.enforce(AGENT, "probe").await;
        (status == StatusCode::ACCEPTED).then_some(()).ok_or(body)
    })
    .await;
    decide(&stack, "deny").await;

    let mut waiting = Waiting::start(&stack, "approval_restart").await;
    for _ in 0..3 {
        for replica in named(&stack, "writ-approval").chunks(1) {
            signal(replica, "KILL");
            tokio::time::sleep(TWO_POLLS / 6).await;
        }
    }
    waiting.still(TWO_POLLS).await;
    let postgres: Vec<Process> = descendants(&stack)
        .into_iter()
        .filter(|p| p.command.contains("postgres"))
        .collect();
    signal(&postgres, "STOP");
    waiting.still(TWO_POLLS).await;
    signal(&postgres, "CONT");
    let ledger = named(&stack, "writ-audit-ledger");
    signal(&ledger, "STOP");
    decide(&stack, "approve").await;
    // Granted, but the ledger has not sealed the grant.
    waiting.still(TWO_POLLS).await;
    signal(&ledger, "CONT");
    assert_all(&waiting.end(), "approved in the end", "ran");

    let waiting = Waiting::start(&stack, "approval_denied").await;
    decide(&stack, "deny").await;
    assert_all(&waiting.end(), "denied", "PolicyDeniedError");
}

/// Decides everything that waits for a human.
async fn decide(stack: &Stack, verb: &str) {
    let pending = call(stack, Method::GET, "/approvals?status=pending", None).await;
    for request in pending["data"].as_array().unwrap() {
        let path = format!("/approvals/{}/{verb}", request["id"].as_str().unwrap());
        call(
            stack,
            Method::POST,
            &path,
            Some(json!({"reason": "matrix"})),
        )
        .await;
    }
}

/// Adapters that wait for a human.
struct Waiting<'s> {
    stack: &'s Stack,
    scenario: &'static str,
    child: Child,
}

impl<'s> Waiting<'s> {
    async fn start(stack: &'s Stack, scenario: &'static str) -> Self {
        let mut command = command(stack, scenario, None);
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        eventually(SOON, "every adapter waits", || async {
            let pending = call(stack, Method::GET, "/approvals?status=pending", None).await;
            let count = pending["data"].as_array().unwrap().len();
            (count == 5).then_some(()).ok_or(count)
        })
        .await;
        Self {
            stack,
            scenario,
            child,
        }
    }

    /// None of them goes on for a while.
    async fn still(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
        if self.child.try_wait().unwrap().is_some() {
            panic!("{}: went on", self.scenario);
        }
    }

    fn end(self) -> Seen {
        let seen = self.stack.last_line(self.child.wait_with_output());
        print_row(self.scenario, seen)
    }
}
