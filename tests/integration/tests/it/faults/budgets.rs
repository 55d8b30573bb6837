//! A budget while the replicas that reserve from it are killed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use writ_contract::{Envelope, Packed, wire};
use writ_testkit::eventually;

use super::processes::{named, signal};
use super::services::{THREE, gate};
use crate::stack::Stack;

const CALLERS: usize = 64;
const CALLS: usize = 8;
/// A dollar in acts of a cent.
const CAP: usize = 100;

async fn ask(stack: &Stack, cost: f64) -> Result<(StatusCode, Value), reqwest::Error> {
    let url = format!("{}/api/v1/policies/enforce", stack.var("WRIT_URL"));
    let body =
        json!({"agentId": "bot", "environment": "production", "input": "x", "estimatedCost": cost});
    let request = stack.http.request(Method::POST, url).json(&body);
    let request = request.header("x-api-key", stack.var("WRIT_API_KEY"));
    let answer = request.send().await?;
    Ok((answer.status(), answer.json().await?))
}

/// Dead replicas' reservations come back after this, not after the usual minute and a half.
const UNCLAIMED: (&str, &str) = ("WRIT_ENFORCEMENT__UNCLAIMED_AFTER", "6s");

#[tokio::test]
async fn a_budget_is_used_up_and_never_exceeded_by_64_callers_while_each_replica_is_killed() {
    let rule = json!({"scope": "org", "period": "1mo", "cap_usd": 1.0});
    never_exceeded("budget_cap", rule).await;
}

#[tokio::test]
async fn a_rate_is_used_up_and_never_exceeded_by_64_callers_while_each_replica_is_killed() {
    let rule = json!({"scope": "org", "window": "1d", "max_requests": CAP});
    never_exceeded("rate_limit", rule).await;
}

/// A policy that allows [`CAP`] acts of a cent allows exactly so many, whoever dies.
async fn never_exceeded(kind: &str, rule: Value) {
    let stack = Stack::with_env(&THREE, &[UNCLAIMED]).await;
    stack.agent("bot").await;
    stack.policy(kind, "block", rule).await;
    // Later, so that the other is in force wherever this one is; what it refuses is not counted.
    let dear = json!({"max_cost_per_execution": 1.0});
    stack.policy("cost_limit", "block", dear).await;
    in_force(&stack).await;
    let allowed = AtomicUsize::new(0);
    let callers = (0..CALLERS).map(|_| async {
        for _ in 0..CALLS {
            match ask(&stack, 0.01).await {
                Ok((StatusCode::OK, _)) => allowed.fetch_add(1, Ordering::SeqCst),
                // Refused, or nobody answered: the act did not take place.
                Ok(_) | Err(_) => 0,
            };
        }
    });
    let killer = async {
        let first = named(&stack, "writ-enforcement");
        assert_eq!(first.len(), 3);
        for replica in first.chunks(1) {
            tokio::time::sleep(Duration::from_millis(40)).await;
            signal(replica, "KILL");
        }
    };
    futures::future::join(futures::future::join_all(callers), killer).await;
    in_force(&stack).await;
    // What the dead had reserved comes back, and all of the budget can be used.
    eventually(Duration::from_secs(90), "the budget is used up", || async {
        while let Ok((StatusCode::OK, _)) = ask(&stack, 0.01).await {
            allowed.fetch_add(1, Ordering::SeqCst);
        }
        let recorded = allows(&stack).await;
        assert!(recorded <= CAP, "{recorded} acts of a cent were allowed");
        (recorded == CAP).then_some(()).ok_or(recorded)
    })
    .await;
    let (status, _) = ask(&stack, 0.01).await.unwrap();
    assert_eq!(status, StatusCode::FORBIDDEN);
    let answered = allowed.load(Ordering::SeqCst);
    assert!(answered <= CAP, "{answered} answered");
}

/// Every replica judges by the policies: what is too dear is refused, many times over.
async fn in_force(stack: &Stack) {
    eventually(
        Duration::from_secs(60),
        "the budget is in force",
        || async {
            for _ in 0..12 {
                match ask(stack, 2.0).await {
                    Ok((StatusCode::FORBIDDEN, _)) => {}
                    other => return Err(format!("{other:?}")),
                }
            }
            Ok(())
        },
    )
    .await;
}

/// Acts of a cent that the log says were allowed.
async fn allows(stack: &Stack) -> usize {
    let mut count = 0;
    for (_, subject, payload) in gate(stack).await {
        if !subject.ends_with(".decision") {
            continue;
        }
        for record in Packed::decode(&payload).unwrap().records {
            let envelope = Envelope::decode(&record.envelope).unwrap();
            let decision = envelope.open::<wire::Decision>().unwrap();
            let allowed = decision.outcome() == wire::Outcome::Allow;
            count += usize::from(allowed && decision.estimated_cost_micros == Some(10_000));
        }
    }
    count
}
