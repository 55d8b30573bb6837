//! From the held decision to the used certificate.

use http::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;
use writ_chain::certificate::SignedCertificate;
use writ_chain::keys::NamedSigner;
use writ_contract::AgentId;
use writ_testkit::eventually;

use super::world::{PARENT, SOON, World};

const CONTEXT: &str = r#"{"input":"refund 40","environment":"production","metadata":{"n":1.0}}"#;

#[tokio::test]
async fn a_held_act_is_requested_granted_sealed_and_done_once() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let admin = world.key(world.org, "admin").await;

    let held = world.request(&agent, CONTEXT).await;
    let fact = world.fact_of(&held).await;
    assert_eq!(
        (fact.status.as_str(), fact.approval_id),
        ("pending", held.approval.to_bytes())
    );
    let shown = replica.show(held.approval, Some(&agent)).await;
    assert_eq!(shown["status"], "pending");
    let context: serde_json::Value = serde_json::from_str(CONTEXT).unwrap();
    assert_eq!(shown["actionContext"], context);
    assert_eq!(shown["violations"][0]["policyType"], "tool_invocation");

    let (status, body) = replica.approve(held.approval, &admin).await;
    assert_eq!(
        (status, &body["data"]["status"]),
        (StatusCode::OK, &json!("approved"))
    );
    assert_eq!(body["data"]["sealed"], false);
    assert_eq!(
        replica.status(held.approval, &agent).await,
        "pending",
        "not sealed yet"
    );
    let early = replica.reason(held.approval, &agent, CONTEXT).await;
    assert_eq!(early, "certificate_unanchored");

    let (grant, fact) = world.stated("granted").await;
    assert_eq!(
        (fact.status.as_str(), fact.approvers.len(), grant.version),
        ("approved", 1, 2)
    );
    world.seal(&[grant.event_id]).await;
    replica.until(held.approval, &agent, "approved").await;
    let shown = replica.show(held.approval, Some(&agent)).await;
    assert_eq!(shown["decisionReason"], "fine by me");

    let same = r#"{"metadata":{"n":1.0},"environment":"production","input":"refund 40"}"#;
    let answer = replica.verify(held.approval, &agent, same).await;
    assert_eq!(answer["valid"], true, "{answer}");
    let signed: SignedCertificate = serde_json::from_value(answer["certificate"].clone()).unwrap();
    let trusted = NamedSigner::from_seed("writ/approvals", &[7; 32]).unwrap();
    let stated = signed.verify(&[trusted.verifier().clone()]).unwrap();
    assert_eq!(stated.id, held.approval.to_string());
    assert_eq!(stated.expires_at - stated.not_before, 300_000_000);

    let again = replica.reason(held.approval, &agent, CONTEXT).await;
    assert_eq!(again, "certificate_already_used");
    assert_eq!(world.uses().await.len(), 1);
    let (_, used) = world.stated("consumed").await;
    assert_eq!(used.status, "consumed");
    let (facts, uses) = (world.facts().await, world.uses().await);
    let all = facts
        .iter()
        .map(|it| &it.0)
        .chain(uses.iter().map(|it| &it.0));
    for fact in all {
        assert_eq!(fact.traceparent, PARENT, "{}", fact.kind);
    }
    assert_eq!(replica.status(held.approval, &agent).await, "approved");
    replica.stop().await;
}

#[tokio::test]
async fn an_equal_act_joins_the_open_request_and_never_a_decided_one() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let admin = world.key(world.org, "admin").await;

    let first = world.request(&agent, CONTEXT).await;
    let second = world.request(&agent, CONTEXT).await;
    let fact = world.fact_of(&second).await;
    assert_eq!(fact.approval_id, first.approval.to_bytes());
    let both = [&first, &second].map(|held| held.decision.to_bytes());
    assert_eq!(fact.decision_ids, both);

    let elsewhere = super::world::Held {
        environment: "staging".to_owned(),
        ..world.held(CONTEXT).await
    };
    world.record(&agent, std::slice::from_ref(&elsewhere)).await;
    let fact = world.fact_of(&elsewhere).await;
    assert_eq!(fact.approval_id, elsewhere.approval.to_bytes());

    assert_eq!(replica.deny(first.approval, &admin).await.0, StatusCode::OK);
    let third = world.request(&agent, CONTEXT).await;
    let fact = world.fact_of(&third).await;
    assert_eq!(fact.approval_id, third.approval.to_bytes());
    replica.stop().await;
}

#[tokio::test]
async fn a_request_whose_body_is_gone_still_waits_for_somebody() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let mut held = world.held(CONTEXT).await;
    if let Some(body) = held.body.as_mut() {
        body.stream_seq += 1_000;
    }
    world.record(&agent, std::slice::from_ref(&held)).await;
    world.fact_of(&held).await;
    let shown = replica.show(held.approval, Some(&agent)).await;
    assert_eq!(
        (&shown["status"], &shown["contextMissing"]),
        (&json!("pending"), &json!(true))
    );
    replica.stop().await;
}

#[tokio::test]
async fn nobody_decides_twice_or_too_late_or_for_himself() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let asking = world.key(world.org, "admin").await;
    let other_key = world.key_of(world.org, "owner", &asking.person).await;
    let admin = world.key(world.org, "admin").await;
    let developer = world.key(world.org, "developer").await;

    let held = world.request(&asking, CONTEXT).await;
    for own in [&asking, &other_key] {
        let (status, body) = replica.approve(held.approval, own).await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (StatusCode::FORBIDDEN, &json!("OWN_REQUEST"))
        );
    }
    assert_eq!(
        replica.approve(held.approval, &developer).await.0,
        StatusCode::FORBIDDEN
    );
    assert_eq!(replica.deny(held.approval, &admin).await.0, StatusCode::OK);
    let (status, body) = replica.approve(held.approval, &admin).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::CONFLICT, &json!("ALREADY_DECIDED"))
    );
    let shown = replica.show(held.approval, Some(&asking)).await;
    assert_eq!(
        (&shown["status"], &shown["decisionReason"]),
        (&json!("denied"), &json!("too dear"))
    );

    let late = world.request(&asking, r#"{"input":"later"}"#).await;
    world.advance(25 * 60);
    let (status, body) = replica.approve(late.approval, &admin).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::CONFLICT, &json!("APPROVAL_EXPIRED"))
    );
    assert_eq!(replica.status(late.approval, &asking).await, "expired");
    let (_, fact) = world.stated("expired").await;
    assert_eq!(fact.approval_id, late.approval.to_bytes());
    let anew = world.request(&asking, r#"{"input":"later"}"#).await;
    let fact = world.fact_of(&anew).await;
    assert_eq!(fact.approval_id, anew.approval.to_bytes());
    replica.stop().await;
}

#[tokio::test]
async fn requests_of_an_archived_agent_are_withdrawn() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let held = world.request(&agent, CONTEXT).await;
    world.archive_agent(7).await;
    let (_, fact) = world.stated("cancelled").await;
    assert_eq!(
        (fact.approval_id, fact.status.as_str()),
        (held.approval.to_bytes(), "cancelled")
    );
    replica.until(held.approval, &agent, "denied").await;
    replica.stop().await;
}

#[tokio::test]
async fn the_mirror_route_honours_if_match_and_idempotency_key() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let admin = world.key(world.org, "admin").await;
    let held = world.request(&agent, CONTEXT).await;
    let path = format!("/approvals/{}/decision", held.approval);
    let body = r#"{"decision":"approved","reason":"ok"}"#;
    let call = async |headers: &[(&str, &str)], body: &str| {
        let sent = replica.call_with(Method::PATCH, &path, Some(&admin), body, headers);
        sent.await
    };
    let stale = call(&[("if-match", "\"9\"")], body).await;
    assert_eq!(stale.0, StatusCode::PRECONDITION_FAILED);
    let unknown = call(&[], r#"{"decision":"approved","raeson":"ok"}"#).await;
    assert_eq!(unknown.0, StatusCode::BAD_REQUEST);
    let headers = [("if-match", "\"1\""), ("idempotency-key", "k1")];
    let done = call(&headers, body).await;
    assert_eq!(
        (done.0, &done.1["data"]["status"]),
        (StatusCode::OK, &json!("approved"))
    );
    assert_eq!(call(&headers, body).await, done, "the same call again");
    let reused = call(&[("idempotency-key", "k1")], r#"{"decision":"denied"}"#).await;
    assert_eq!(reused.0, StatusCode::UNPROCESSABLE_ENTITY, "{}", reused.1);
    let other = call(&[("idempotency-key", "k2")], body).await;
    assert_eq!(other.0, StatusCode::CONFLICT);
    replica.stop().await;
}

#[tokio::test]
async fn what_was_recorded_while_nobody_ran_is_read_afterwards_and_nothing_twice() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let first = world.request(&agent, r#"{"input":"1"}"#).await;
    replica.stop().await;

    let mut held = Vec::new();
    for n in 2..5 {
        held.push(world.held(&format!(r#"{{"input":"{n}"}}"#)).await);
    }
    world.record(&agent, &held).await;
    let replicas = [world.replica().await, world.replica().await];
    for one in &held {
        world.fact_of(one).await;
    }
    assert_eq!(world.facts().await.len(), 4);
    assert_eq!(replicas[1].status(first.approval, &agent).await, "pending");
    let [leader, standby] = replicas;
    leader.stop().await;
    let more = world.request(&agent, r#"{"input":"more"}"#).await;
    eventually(SOON, "the other replica takes over", || async {
        let found = standby.status(more.approval, &agent).await;
        if found == "pending" {
            Ok(())
        } else {
            Err(found)
        }
    })
    .await;
    standby.stop().await;
}

#[tokio::test]
async fn an_agent_that_nobody_registered_can_be_held_too() {
    let mut world = World::shared().await;
    world.agent = AgentId(Uuid::nil());
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let held = replica.granted(&world, &agent, CONTEXT).await;
    let answer = replica.verify(held.approval, &agent, CONTEXT).await;
    assert_eq!(answer["valid"], true, "{answer}");
    replica.stop().await;
}

#[tokio::test]
async fn a_member_with_the_right_to_approve_decides_what_somebody_else_asked_for() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let approver = world.key(world.org, "viewer").await;
    let held = world.request(&agent, CONTEXT).await;
    let own = world.request(&approver, r#"{"input":"my own"}"#).await;
    let (status, _) = replica.approve(held.approval, &approver).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    world.member(&approver, 1, "viewer", true).await;
    eventually(SOON, "the right is known", || async {
        let (status, body) = replica.approve(held.approval, &approver).await;
        if status == StatusCode::OK {
            Ok(())
        } else {
            Err(body)
        }
    })
    .await;
    let (status, body) = replica.approve(own.approval, &approver).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    assert_eq!(body["error"]["code"], "OWN_REQUEST", "{body}");
}

#[tokio::test]
async fn an_admin_who_was_demoted_decides_nothing_more() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let admin = world.key(world.org, "admin").await;
    world.member(&admin, 1, "developer", false).await;
    let held = world.request(&agent, CONTEXT).await;
    eventually(SOON, "the demotion is known", || async {
        let (status, body) = replica
            .call(Method::GET, "/approvals", Some(&admin), String::new())
            .await;
        let seen = body["data"].as_array().map_or(1, Vec::len);
        if status == StatusCode::OK && seen == 0 {
            Ok(())
        } else {
            Err(body)
        }
    })
    .await;
    let (status, _) = replica.approve(held.approval, &admin).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_person_who_signed_in_decides_without_a_key_and_only_what_others_asked_for() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let person = "per_01980c5e7d4b7c2e9f3a5b6c7d8e9f00";
    let ada = world.signed_in("u1", person).await;
    let agent = world.key(world.org, "developer").await;
    let hers = world.key_of(world.org, "developer", person).await;
    let held = world.request(&agent, CONTEXT).await;
    let own = world.request(&hers, r#"{"input":"my own"}"#).await;
    eventually(SOON, "the token is believed", || async {
        let (status, body) = replica.approve(held.approval, &ada).await;
        if status == StatusCode::OK {
            Ok(())
        } else {
            Err(body)
        }
    })
    .await;
    let (grant, fact) = world.stated("granted").await;
    assert_eq!(grant.audit.actor, format!("person:{person}"));
    let by = &fact.approvers[0];
    assert_eq!((by.person.as_str(), by.key_id.len()), (person, 0));
    let (status, body) = replica.approve(own.approval, &ada).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    let said = replica.reason(held.approval, &ada, CONTEXT).await;
    assert_eq!(said, "requester_mismatch", "who signed in redeems nothing");
}
