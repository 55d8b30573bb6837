//! What is answered to whom: ruling 4, the queue, and every route's access.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use writ_contract::{ApprovalId, OrgId};

use super::world::World;

const CONTEXT: &str = r#"{"input":"x"}"#;

#[tokio::test]
async fn polling_never_ungates() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let colleague = world.key(world.org, "developer").await;
    let stranger = world.key(OrgId(world.new_id()), "owner").await;
    let held = world.request(&agent, CONTEXT).await;
    let unknown = ApprovalId(world.new_id());
    assert_eq!(
        replica.status(unknown, &agent).await,
        "pending",
        "it may be on its way"
    );
    let other_key = replica.show(held.approval, Some(&colleague)).await;
    assert_eq!(other_key["status"], "pending", "what is so, and no more");
    assert!(other_key.get("actionContext").is_none(), "{other_key}");

    world.advance(61);
    for (id, key) in [(unknown, &agent), (held.approval, &stranger)] {
        let shown = replica.show(id, Some(key)).await;
        assert_eq!(shown["status"], "denied");
        assert_eq!(shown["decisionReason"], "no such approval request");
    }
    assert_eq!(replica.status(held.approval, &agent).await, "pending");

    let none = replica.show(held.approval, None).await;
    assert_eq!(none["status"], "denied");
    world.revoke(&agent).await;
    replica.until(held.approval, &agent, "denied").await;
    let revoked = replica.show(held.approval, Some(&agent)).await;
    assert_eq!(revoked["decisionReason"], "the API key was revoked");
    let (status, body) = replica
        .call(Method::GET, "/approvals/nonsense", Some(&colleague), "")
        .await;
    assert_eq!(
        (status, &body["data"]["status"]),
        (StatusCode::OK, &json!("denied"))
    );
    replica.stop().await;
}

#[tokio::test]
async fn the_queue_shows_an_admin_everything_and_a_developer_his_own() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agents = [
        world.key(world.org, "developer").await,
        world.key(world.org, "developer").await,
    ];
    let admin = world.key(world.org, "admin").await;
    let stranger = world.key(OrgId(world.new_id()), "owner").await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let context = format!(r#"{{"input":"{n}"}}"#);
        let held = world.request(&agents[n % 2], &context).await;
        ids.push(held.approval.to_string());
    }
    let list = async |key, query: &str| {
        let path = format!("/approvals{query}");
        let (status, body) = replica.call(Method::GET, &path, Some(key), "").await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let data = body["data"].as_array().unwrap();
        let ids: Vec<String> = data.iter().map(|one| text(&one["id"])).collect();
        (ids, body["nextCursor"].clone())
    };
    let newest_first: Vec<String> = ids.iter().rev().cloned().collect();
    assert_eq!(list(&admin, "?status=pending").await.0, newest_first);
    let own = [&ids[3], &ids[1]].map(Clone::clone);
    assert_eq!(list(&agents[1], "").await.0, own);
    assert!(list(&stranger, "").await.0.is_empty());
    let (first, cursor) = list(&admin, "?limit=3").await;
    let (rest, end) = list(&admin, &format!("?limit=3&cursor={}", text(&cursor))).await;
    assert_eq!([first, rest].concat(), newest_first);
    assert_eq!(end, Value::Null);
    for wrong in [
        "?status=rejected",
        "?limit=0",
        "?limit=201",
        "?cursor=x",
        "?page=1",
    ] {
        let path = format!("/approvals{wrong}");
        let (status, _) = replica.call(Method::GET, &path, Some(&admin), "").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    world.advance(25 * 60);
    assert!(list(&admin, "?status=pending").await.0.is_empty());
    assert_eq!(list(&admin, "?status=expired").await.0, newest_first);
    replica.stop().await;
}

#[tokio::test]
async fn a_stranger_changes_nothing() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let stranger = world.key(OrgId(world.new_id()), "owner").await;
    let held = world.request(&agent, CONTEXT).await;
    for verb in ["approve", "deny"] {
        let path = format!("/approvals/{}/{verb}", held.approval);
        let (status, _) = replica.call(Method::POST, &path, Some(&stranger), "").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        let (status, _) = replica.call(Method::POST, &path, None, "").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    let path = format!("/approvals/{}/verify", held.approval);
    let (status, _) = replica.call(Method::POST, &path, None, "{}").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(replica.status(held.approval, &agent).await, "pending");
    replica.stop().await;
}

#[tokio::test]
async fn a_verify_without_a_context_is_a_mismatch_and_not_an_error() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let held = replica.granted(&world, &agent, CONTEXT).await;
    let path = format!("/approvals/{}/verify", held.approval);
    for body in ["", "{}", "[]", "{", r#"{"actionContext":"#] {
        let (status, answer) = replica.call(Method::POST, &path, Some(&agent), body).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(
            answer["data"]["reason"], "action_context_mismatch",
            "{body}"
        );
    }
    replica.stop().await;
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
