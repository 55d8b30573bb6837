//! Prompts that wait for approval, and those that wait no more.

use http::StatusCode;
use serde_json::json;
use uuid::Uuid;
use writ_contract::{ApprovalId, PromptId, wire};
use writ_service_kit::Clock as _;
use writ_testkit::eventually;

use super::world::{Key, Replica, SOON, World};

fn version(world: &World) -> wire::PromptVersion {
    wire::PromptVersion {
        prompt_id: PromptId(Uuid::from_u128(0xc0)).to_bytes(),
        agent_id: world.agent.to_bytes(),
        external_agent_id: "support-bot".into(),
        number: 3,
        ..wire::PromptVersion::default()
    }
}

/// The version waits for a new request.
fn asking(world: &World, by: &Key, place: &str) -> (ApprovalId, wire::PromptVersion) {
    let id = ApprovalId(world.new_id());
    let pending = wire::PromptRequest {
        approval_id: id.to_bytes(),
        environment: place.into(),
        key_id: by.id.as_bytes().to_vec(),
        person: by.person.clone(),
        requested_at_us: world.clock.now().timestamp_micros(),
    };
    let fact = wire::PromptVersion {
        pending: Some(pending),
        ..version(world)
    };
    (id, fact)
}

async fn is_in_the_queue(replica: &Replica, admin: &Key, id: ApprovalId) {
    eventually(SOON, "the request is there", || async {
        let (_, body) = replica
            .call(
                http::Method::GET,
                "/approvals?status=pending",
                Some(admin),
                "",
            )
            .await;
        let listed = body["data"].as_array().cloned().unwrap_or_default();
        if listed.iter().any(|it| it["id"] == json!(id)) {
            Ok(())
        } else {
            Err(body)
        }
    })
    .await;
}

#[tokio::test]
async fn a_request_for_a_prompt_that_moved_on_leaves_the_queue() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let developer = world.key(world.org, "developer").await;
    let admin = world.key(world.org, "admin").await;
    let (first, fact) = asking(&world, &developer, "production");
    world.prompt("requested", 2, &fact).await;
    is_in_the_queue(&replica, &admin, first).await;

    let (second, mut fact) = asking(&world, &developer, "staging");
    fact.cancelled_approval_id = first.to_bytes();
    world.prompt("requested", 3, &fact).await;
    is_in_the_queue(&replica, &admin, second).await;
    let (status, body) = replica.approve(first, &admin).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::CONFLICT, &json!("ALREADY_DECIDED"))
    );
    let (envelope, stated) = world.stated("cancelled").await;
    assert_eq!(
        (stated.approval_id, stated.status.as_str()),
        (first.to_bytes(), "cancelled")
    );
    assert_eq!(envelope.audit.reason_code, "PROMPT_MOVED_ON");

    assert_eq!(replica.approve(second, &admin).await.0, StatusCode::OK);
    let late = wire::PromptVersion {
        cancelled_approval_id: second.to_bytes(),
        ..version(&world)
    };
    world.prompt("deployed", 4, &late).await;
    let (third, fact) = asking(&world, &developer, "production");
    world.prompt("requested", 5, &fact).await;
    is_in_the_queue(&replica, &admin, third).await;
    let shown = replica.call(
        http::Method::GET,
        "/approvals?status=approved",
        Some(&admin),
        "",
    );
    let (_, body) = shown.await;
    assert_eq!(
        body["data"][0]["id"],
        json!(second),
        "what was granted stays"
    );
    replica.stop().await;
}
