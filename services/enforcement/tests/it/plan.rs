//! A spent plan: governed on, or refused as the organisation asked.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use writ_contract::wire;
use writ_testkit::eventually;

use crate::stage::{Replica, Stage, ask};

const WITHIN: Duration = Duration::from_secs(5);

async fn organization(stage: &Stage, version: u64, on_plan_limit: &str, max: u64) {
    let org = wire::Organization {
        org_id: stage.org.to_bytes(),
        name: "Acme".into(),
        on_plan_limit: on_plan_limit.into(),
        registration_required: true,
        max_traces_per_month: Some(max),
        ..Default::default()
    };
    stage.state("org", version, "updated", &org).await;
}

async fn answers(stage: &Stage, replica: &Replica, expected: StatusCode) {
    eventually(WITHIN, "the answer follows the plan", || async {
        let (status, body) = replica.call(&stage.key, ask("hello")).await;
        if status == expected {
            Ok(())
        } else {
            Err((status, body))
        }
    })
    .await;
}

#[tokio::test]
async fn an_organisation_that_refuses_is_answered_402_from_the_limit_on_and_until_it_is_raised() {
    let stage = Stage::new().await;
    organization(&stage, 2, "refuse", 10).await;
    let replica = stage.replica(0).await;
    stage.used(9).await;
    answers(&stage, &replica, StatusCode::OK).await;
    stage.used(11).await;
    answers(&stage, &replica, StatusCode::PAYMENT_REQUIRED).await;

    let (_, body) = replica.call(&stage.key, ask("hello")).await;
    let error = &body["error"];
    assert_eq!(error["code"], "QUOTA_EXCEEDED", "{body}");
    assert_eq!(error["ref"], "ENF0101", "{body}");
    assert_eq!(error["resource"], "maxTracesPerMonth", "{body}");
    assert_eq!((&error["current"], &error["max"]), (&json!(11), &json!(10)));
    assert!(error["message"].as_str().is_some_and(|m| !m.is_empty()));
    let recorded = stage.decisions().await;
    let last = &recorded.last().unwrap().1;
    assert_eq!(last.outcome(), wire::Outcome::Deny);
    assert_eq!(last.reason_code, "QUOTA_EXCEEDED");

    organization(&stage, 3, "refuse", 12).await;
    answers(&stage, &replica, StatusCode::OK).await;
    organization(&stage, 4, "refuse", 11).await;
    answers(&stage, &replica, StatusCode::PAYMENT_REQUIRED).await;
    organization(&stage, 5, "govern", 11).await;
    answers(&stage, &replica, StatusCode::OK).await;
}

#[tokio::test]
async fn a_replica_that_starts_later_knows_a_spent_plan_before_its_first_answer() {
    let stage = Stage::new().await;
    organization(&stage, 2, "refuse", 10).await;
    stage.used(10).await;
    let replica = stage.replica(0).await;
    let (status, body) = replica.call(&stage.key, ask("hello")).await;
    assert_eq!(status, StatusCode::PAYMENT_REQUIRED, "{body}");
}

#[tokio::test]
async fn a_pause_stops_an_agent_also_when_the_plan_is_spent() {
    let stage = Stage::new().await;
    organization(&stage, 2, "refuse", 0).await;
    stage.pause(1, 0).await;
    let replica = stage.replica(0).await;
    let (status, body) = replica.call(&stage.key, ask("hello")).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    assert_eq!(body["violations"][0]["policyType"], "kill_switch", "{body}");
}
