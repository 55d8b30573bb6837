//! The store or the log is away.

use http::{Method, StatusCode};
use writ_contract::Service;
use writ_testkit::Signal;

use super::world::World;

const CONTEXT: &str = r#"{"input":"x"}"#;

#[tokio::test]
async fn while_the_store_is_away_everything_is_pending_and_nothing_is_granted() {
    let world = World::own_store().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let admin = world.key(world.org, "admin").await;
    let denied = world.request(&agent, r#"{"input":"denied"}"#).await;
    assert_eq!(
        replica.deny(denied.approval, &admin).await.0,
        StatusCode::OK
    );
    let held = replica.granted(&world, &agent, CONTEXT).await;

    super::store::flush(&world).await;
    world.postgres.signal(Signal::Kill);
    // Its children outlive a killed postmaster by a moment.
    for id in [denied.approval, held.approval] {
        replica.until(id, &agent, "pending").await;
    }
    let path = format!("/approvals/{}/verify", held.approval);
    let body = format!(r#"{{"actionContext":{CONTEXT}}}"#);
    let (status, _) = replica.call(Method::POST, &path, Some(&agent), body).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let (status, _) = replica.approve(denied.approval, &admin).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);

    let meanwhile = world.held(r#"{"input":"meanwhile"}"#).await;
    world.record(&agent, std::slice::from_ref(&meanwhile)).await;
    world.postgres.restart();
    world.fact_of(&meanwhile).await;
    replica.until(denied.approval, &agent, "denied").await;
    let answer = replica.verify(held.approval, &agent, CONTEXT).await;
    assert_eq!(answer["valid"], true, "{answer}");
    replica.stop().await;
}

#[tokio::test]
async fn a_use_whose_record_is_unknown_is_used_up() {
    let world = World::own_log().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let held = replica.granted(&world, &agent, CONTEXT).await;

    world.stop_log().await;
    let path = format!("/approvals/{}/verify", held.approval);
    let body = format!(r#"{{"actionContext":{CONTEXT}}}"#);
    let (status, _) = replica.call(Method::POST, &path, Some(&agent), body).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let shown = replica.show(held.approval, Some(&agent)).await;
    assert_eq!(
        shown["status"], "approved",
        "the store answers without the log"
    );
    world.nats.signal(Signal::Cont);

    let again = replica.reason(held.approval, &agent, CONTEXT).await;
    assert_eq!(again, "certificate_already_used");
    world.stated("consumed").await;
    assert_eq!(world.uses().await.len(), 1, "what was sent arrived once");
    replica.stop().await;
}

#[tokio::test]
async fn a_use_outlives_pauses_that_aged_out_of_the_gate() {
    let world = World::own_log().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let held = replica.granted(&world, &agent, CONTEXT).await;
    world.pause(1, true).await;
    let reason = replica.reason(held.approval, &agent, CONTEXT).await;
    assert_eq!(reason, "agent_paused");
    world.pause(2, false).await;
    world.forget_gate().await;
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
async fn a_lost_resume_point_makes_nothing_twice() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    replica.granted(&world, &agent, CONTEXT).await;
    replica.stop().await;
    let facts = world.facts().await;
    let mut connection = super::store::superuser(&world).await;
    sqlx::raw_sql("delete from approval.positions")
        .execute(&mut connection)
        .await
        .unwrap();
    let replica = world.replica().await;
    let later = world.request(&agent, r#"{"input":"later"}"#).await;
    let now = world.facts().await;
    assert_eq!(now.len(), facts.len() + 1);
    assert_eq!(now.last().unwrap().1.approval_id, later.approval.to_bytes());
    replica.stop().await;
}

#[tokio::test]
async fn a_store_that_hangs_reads_as_pending() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let held = world.request(&agent, CONTEXT).await;
    let mut other = super::store::superuser(&world).await;
    sqlx::raw_sql("begin; lock table approval.approvals in access exclusive mode")
        .execute(&mut other)
        .await
        .unwrap();
    assert_eq!(replica.status(held.approval, &agent).await, "pending");
    sqlx::raw_sql("rollback").execute(&mut other).await.unwrap();
    replica.stop().await;
}

#[tokio::test]
async fn a_replica_that_starts_with_nothing_new_on_the_gate_is_ready() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let held = world.request(&agent, CONTEXT).await;
    replica.until(held.approval, &agent, "pending").await;
    replica.stop().await;
    world.replica().await.stop().await;
    let forged = world.held(r#"{"input":"forged"}"#).await;
    let records = std::slice::from_ref(&forged);
    world.record_as(Service::Ingest, &agent, records).await;
    world.replica().await.stop().await;
}
