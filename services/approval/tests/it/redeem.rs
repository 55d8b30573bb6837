//! One act, one use.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use super::world::World;

const CONTEXT: &str = r#"{"input":"refund 40","environment":"production","tools":["a","b"]}"#;

#[tokio::test]
async fn of_64_parallel_uses_on_two_replicas_exactly_one_succeeds() {
    let world = World::shared().await;
    let replicas = [world.replica().await, world.replica().await];
    let agent = world.key(world.org, "developer").await;
    let held = replicas[0].granted(&world, &agent, CONTEXT).await;
    let uses = (0..64).map(|n| replicas[n % 2].verify(held.approval, &agent, CONTEXT));
    let answers = join_all(uses).await;
    let valid = answers
        .iter()
        .filter(|answer| answer["valid"] == true)
        .count();
    assert_eq!(valid, 1);
    let refused = json!({"valid": false, "reason": "certificate_already_used"});
    assert_eq!(
        answers.iter().filter(|answer| **answer == refused).count(),
        63
    );
    assert_eq!(world.uses().await.len(), 1);
    for replica in replicas {
        replica.stop().await;
    }
}

/// A request that is dropped is a process that dies, as far as claim and record are concerned.
#[tokio::test]
async fn a_use_cut_off_at_any_moment_is_one_use_at_most() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let mut good = 0;
    for round in 0..24 {
        let context = format!(r#"{{"input":"{round}"}}"#);
        let held = replica.granted(&world, &agent, &context).await;
        let cut = Duration::from_micros(400 * round);
        let first = replica.verify(held.approval, &agent, &context);
        let first = tokio::time::timeout(cut, first).await;
        let answered = first.is_ok_and(|answer| answer["valid"] == true);
        let second = replica.verify(held.approval, &agent, &context).await;
        let again = second["valid"] == true;
        assert!(!(answered && again), "used twice");
        good += u32::from(answered || again);
        let id = held.approval.to_bytes();
        let uses = world.uses().await;
        let recorded = uses
            .iter()
            .filter(|(_, used)| used.approval_id == id)
            .count();
        assert!(recorded <= 1 && (recorded == 1 || !(answered || again)));
    }
    assert!(good > 0, "nothing was ever used");
    replica.stop().await;
}

#[tokio::test]
async fn another_act_is_refused_recorded_and_burns_nothing() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let held = replica.granted(&world, &agent, CONTEXT).await;
    for other in [
        r#"{"input":"refund 41","environment":"production","tools":["a","b"]}"#,
        r#"{"input":"refund 40","environment":"production","tools":["b","a"]}"#,
        r#"{"input":"refund 40","environment":"production","tools":["a","b"],"metadata":null}"#,
        r#"{"input":"refund 40","environment":"production","tools":["a","b"],"agentId":"x"}"#,
        r#"{"input":"x","input":"refund 40","environment":"production","tools":["a","b"]}"#,
        "[]",
        "null",
    ] {
        let reason = replica.reason(held.approval, &agent, other).await;
        assert_eq!(reason, "action_context_mismatch", "{other}");
    }
    let (envelope, _) = world.stated("mismatched").await;
    assert_eq!(envelope.audit.outcome, "failed");
    let answer = replica.verify(held.approval, &agent, CONTEXT).await;
    assert_eq!(answer["valid"], true, "{answer}");
    replica.stop().await;
}

#[tokio::test]
async fn only_who_asked_may_use_it() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let other = world.key(world.org, "owner").await;
    let stranger = world
        .key(writ_contract::OrgId(world.new_id()), "owner")
        .await;
    let held = replica.granted(&world, &agent, CONTEXT).await;
    let by_other = replica.reason(held.approval, &other, CONTEXT).await;
    assert_eq!(by_other, "requester_mismatch");
    let by_stranger = replica.reason(held.approval, &stranger, CONTEXT).await;
    assert_eq!(by_stranger, "certificate_unanchored");
    let answer = replica.verify(held.approval, &agent, CONTEXT).await;
    assert_eq!(answer["valid"], true, "{answer}");
    replica.stop().await;
}

#[tokio::test]
async fn a_certificate_is_over_five_minutes_after_its_seal() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let held = replica.granted(&world, &agent, CONTEXT).await;
    world.advance(5 * 60);
    let reason = replica.reason(held.approval, &agent, CONTEXT).await;
    assert_eq!(reason, "certificate_expired");
    assert!(world.uses().await.is_empty());
    replica.stop().await;
}

#[tokio::test]
async fn a_paused_agent_cannot_use_it_and_a_resumed_one_can() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let held = replica.granted(&world, &agent, CONTEXT).await;
    // No wait for the replica to hear of it: the fence refuses what is decided too early.
    world.pause(1, true).await;
    let reason = replica.reason(held.approval, &agent, CONTEXT).await;
    assert_eq!(reason, "agent_paused");
    assert!(world.uses().await.is_empty());
    world.pause(2, false).await;
    let answer = loop {
        let answer = replica.verify(held.approval, &agent, CONTEXT).await;
        if answer["reason"] != "agent_paused" {
            break answer;
        }
    };
    assert_eq!(answer["valid"], true, "{answer}");
    replica.stop().await;
}

#[tokio::test]
async fn a_pause_of_its_environment_or_of_a_tool_it_names_stops_it_until_it_ends() {
    const NAMED: &str =
        r#"{"input":"refund 40","environment":"production","tools":["pay.refund"]}"#;
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    for (n, scope, value) in [(1, "environment", "production"), (2, "tool", "refund")] {
        let held = replica.granted(&world, &agent, NAMED).await;
        world.pause_wider(n, scope, value, false).await;
        let reason = replica.reason(held.approval, &agent, NAMED).await;
        assert_eq!(reason, "agent_paused", "{scope}");
        world.pause_wider(n, scope, value, true).await;
        let answer = loop {
            let answer = replica.verify(held.approval, &agent, NAMED).await;
            if answer["reason"] != "agent_paused" {
                break answer;
            }
        };
        assert_eq!(answer["valid"], true, "{answer}");
    }
    replica.stop().await;
}

#[tokio::test]
async fn a_certificate_changed_in_the_store_is_not_good() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let held = replica.granted(&world, &agent, CONTEXT).await;
    let mut connection = super::store::superuser(&world).await;
    sqlx::query(
        "update approval.approvals set certificate = replace(certificate, 'support-bot', 'other')",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    let reason = replica.reason(held.approval, &agent, CONTEXT).await;
    assert_eq!(reason, "certificate_tampered");
    replica.stop().await;
}
