//! Budgets and rates under load: no number of callers, replicas or deaths passes a cap, and what
//! stands counted in the end is what was allowed.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use uuid::Uuid;
use writ_contract::{PolicyId, wire};
use writ_testkit::eventually;

use crate::stage::{Process, Stage, ask};

const CALLERS: usize = 64;
/// Calls of each caller.
const CALLS: usize = 3;
const SOON: Duration = Duration::from_secs(40);

/// The statuses that 64 callers of three replicas saw, one of which is cut off at every await it
/// stands at once some calls were answered.
async fn storm(stage: &Arc<Stage>, request: &Value) -> Vec<StatusCode> {
    let mut replicas = Vec::new();
    for number in 0..3 {
        replicas.push(Process::start(stage, number).await);
    }
    let (tell, mut told) = mpsc::unbounded_channel();
    for caller in 0..CALLERS {
        let process = &replicas[caller % 3];
        let (replica, tell) = (process.replica.clone(), tell.clone());
        let (key, request) = (stage.key.clone(), request.clone());
        process.spawn(async move {
            for _ in 0..CALLS {
                let (status, _) = replica.call(&key, request.clone()).await;
                tell.send(status).ok();
            }
        });
    }
    drop(tell);
    let mut seen = Vec::new();
    while let Some(status) = told.recv().await {
        seen.push(status);
        if seen.len() == CALLERS / 4 {
            replicas.remove(1).kill();
        }
    }
    for replica in replicas {
        replica.kill();
    }
    seen
}

/// What stands counted, and the decisions that allow.
async fn books(stage: &Stage, policy: u128) -> (u64, u64, usize) {
    let decisions = stage.decisions().await;
    let marks = decisions.iter().flat_map(|(_, made)| &made.budget_marks);
    let id = PolicyId(Uuid::from_u128(policy));
    let mut mine = marks.filter(|mark| mark.policy_id == id.to_bytes());
    let counter = mine.next().map(|mark| mark.counter.clone()).unwrap();
    let allowed: Vec<_> = decisions
        .iter()
        .filter(|(_, made)| made.outcome() == wire::Outcome::Allow)
        .collect();
    let reserved = allowed
        .iter()
        .flat_map(|(_, made)| &made.budget_marks)
        .filter(|mark| mark.policy_id == id.to_bytes())
        .map(|mark| mark.reserved)
        .sum();
    let probe = Uuid::now_v7().to_string();
    let key = format!("budget_{id}_{counter}");
    let total = stage
        .approval
        .count(stage.org, &key, 0, &probe)
        .await
        .unwrap();
    (u64::try_from(total).unwrap(), reserved, allowed.len())
}

/// A policy that allows `acts` acts, under load.
async fn holds(kind: &str, rule: Value, each: u64, acts: usize) {
    let stage = Arc::new(Stage::new().await);
    stage.policy(1, kind, "block", rule).await;
    // Judged before it and charged by every call: what is denied by the first must not count here.
    let wide = json!({"max_requests": 100_000, "window": "1d", "scope": "org"});
    stage.policy(2, "rate_limit", "block", wide).await;
    let mut request = ask("x");
    request["estimatedCost"] = json!(0.1);
    let seen = storm(&stage, &request).await;
    let allowed = seen.iter().filter(|s| **s == StatusCode::OK).count();
    assert!((1..=acts).contains(&allowed), "{allowed} of at most {acts}");
    assert!(
        seen.iter()
            .all(|s| [StatusCode::OK, StatusCode::FORBIDDEN].contains(s))
    );

    // A replica that comes after the storm finds what the dead one left.
    let after = stage.replica(3).await;
    let made = eventually(SOON, "the counters agree with the decisions", || async {
        let (total, reserved, made) = books(&stage, 1).await;
        let (calls, _, _) = books(&stage, 2).await;
        let agrees = total == reserved && total == each * made as u64 && calls == made as u64;
        agrees.then_some(made).ok_or((total, reserved, calls, made))
    })
    .await;
    assert!((allowed..=acts).contains(&made), "{allowed} {made} {acts}");
    for n in made..=acts {
        let (status, body) = after.call(&stage.key, request.clone()).await;
        let expected = if n < acts {
            StatusCode::OK
        } else {
            StatusCode::FORBIDDEN
        };
        assert_eq!(status, expected, "act {n} of {acts}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_holds_against_64_callers_of_three_replicas_of_which_one_dies() {
    let rule = json!({"cap_usd": 3.0, "period": "1d"});
    holds("budget_cap", rule, 100_000, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_holds_against_64_callers_of_three_replicas_of_which_one_dies() {
    let rule = json!({"max_requests": 30, "window": "1d", "scope": "agent"});
    holds("rate_limit", rule, 1, 30).await;
}

async fn spend(stage: &Stage, usd: f64) -> (StatusCode, Value) {
    let replica = stage.replica(0).await;
    let mut request = ask("x");
    request["estimatedCost"] = json!(usd);
    replica.call(&stage.key, request).await
}

#[tokio::test]
async fn a_trace_settles_what_its_decision_reserved() {
    let stage = Stage::new().await;
    let rule = json!({"cap_usd": 1.0, "period": "1d"});
    stage.policy(1, "budget_cap", "block", rule).await;
    let (status, body) = spend(&stage, 0.9).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (status, _) = spend(&stage, 0.2).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let source = body["source"].as_str().unwrap();
    let trace = json!({
        "traceId": "t1", "agentId": "bot", "environment": "production", "costUsd": 0.25,
        "metadata": {"enforcement": {"source": source}},
    });
    stage.trace(&trace).await;
    let _after = stage.replica(3).await;
    eventually(SOON, "the true cost is counted", || async {
        let (total, _, _) = books(&stage, 1).await;
        (total == 250_000).then_some(()).ok_or(total)
    })
    .await;
    let (status, _) = spend(&stage, 0.75).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn marks_say_what_stays_counted_in_every_mode() {
    let stage = Stage::new().await;
    let rule = |action: &str| json!({"cap_usd": 1.0, "period": "1d", "warning_threshold": 0.5, "action": action});
    stage
        .policy(1, "budget_cap", "block", rule("pause_agent"))
        .await;
    stage
        .policy(2, "budget_cap", "warn", rule("pause_agent"))
        .await;
    for usd in [0.6, 0.6] {
        spend(&stage, usd).await;
    }
    let decisions = stage.decisions().await;
    let mark = |at: usize, policy: u128| {
        let marks = &decisions[at].1.budget_marks;
        let id = Uuid::from_u128(policy).as_bytes().to_vec();
        marks.iter().find(|m| m.policy_id == id).unwrap().clone()
    };
    let first = mark(0, 1);
    assert_eq!((first.reserved, first.total), (600_000, 600_000));
    assert!(first.warned && !first.exceeded && !first.pause_agent);
    assert_eq!(first.unit(), wire::BudgetUnit::MicroUsd);
    let refused = mark(1, 1);
    assert_eq!((refused.reserved, refused.total), (0, 600_000));
    assert!(refused.exceeded && refused.pause_agent);
    // The other policy only warns, but the act did not take place.
    let warned = mark(1, 2);
    assert_eq!((warned.reserved, warned.total), (0, 600_000));
    assert!(warned.exceeded && !warned.pause_agent);
}

#[tokio::test]
async fn an_act_that_only_a_warning_met_stays_counted() {
    let stage = Stage::new().await;
    let rule = json!({"cap_usd": 1.0, "period": "1d"});
    stage.policy(1, "budget_cap", "warn", rule).await;
    for _ in 0..2 {
        let (status, _) = spend(&stage, 0.6).await;
        assert_eq!(status, StatusCode::OK);
    }
    let (total, reserved, made) = books(&stage, 1).await;
    assert_eq!((total, reserved, made), (1_200_000, 1_200_000, 2));
}

#[tokio::test]
async fn an_act_without_an_estimate_is_reserved_at_what_its_agents_traces_cost_on_average() {
    let stage = Stage::new().await;
    let rule = json!({"cap_usd": 10.0, "period": "1d"});
    stage.policy(1, "budget_cap", "block", rule).await;
    let costs = [
        ("t1", "bot", 0.25),
        ("t2", "bot", 0.75),
        ("t3", "other", 9.0),
    ];
    for (id, agent, usd) in costs {
        let trace = json!({
            "traceId": id, "agentId": agent, "environment": "production", "costUsd": usd,
        });
        stage.trace(&trace).await;
    }
    let replica = stage.replica(0).await;
    eventually(SOON, "the mean is known", || async {
        let (status, body) = replica.call(&stage.key, ask("x")).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let decisions = stage.decisions().await;
        let reserved = decisions.last().unwrap().1.budget_marks[0].reserved;
        (reserved == 500_000).then_some(()).ok_or(reserved)
    })
    .await;
}
