//! Erasures: cards forget the person an act was for, and the request goes on.

use prost::Message as _;
use writ_contract::{PrivacyRequestId, Service, Stream, wire};
use writ_eventlog::{Content, Start};
use writ_testkit::eventually;

use super::world::{SOON, World};

const CONTEXT: &str = r#"{"input":"refund 40 to Ada","environment":"production","metadata":{}}"#;

/// What approval says when it holds nothing more.
async fn carried_out(world: &World, request: PrivacyRequestId) -> wire::CardErasure {
    let log = world.log(Service::Control);
    let filters = vec![world.topology.facts::<wire::CardErasure>()];
    eventually(SOON, "the erasure is carried out", || async {
        let mut reader = log
            .read(Stream::Approval, filters.clone(), Start::First)
            .await
            .map_err(|error| error.to_string())?;
        for _ in 0..reader.behind() {
            let delivered = reader.next().await.map_err(|error| error.to_string())?;
            if let Content::Fact(envelope) = delivered.content {
                let fact = wire::CardErasure::decode(envelope.fact.as_slice()).unwrap();
                if fact.request_id == request.to_bytes() {
                    return Ok(fact);
                }
            }
        }
        Err("nothing said".to_owned())
    })
    .await
}

#[tokio::test]
async fn a_card_forgets_the_subject_of_an_erasure_and_only_that_one() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let admin = world.key(world.org, "admin").await;
    let held = world.request(&agent, CONTEXT).await;
    assert_eq!(
        held_for(&world, &replica, &held, &admin).await,
        "refund 40 to Ada"
    );

    let other = PrivacyRequestId(world.new_id());
    world.erase(other, "u-2").await;
    assert_eq!(carried_out(&world, other).await.cards, 0);
    assert_eq!(
        held_for(&world, &replica, &held, &admin).await,
        "refund 40 to Ada"
    );

    let request = PrivacyRequestId(world.new_id());
    world.erase(request, "u-1").await;
    assert_eq!(carried_out(&world, request).await.cards, 1);
    let shown = replica.show(held.approval, Some(&admin)).await;
    assert!(shown["actionContext"].is_null(), "{shown}");
    assert!(!shown.to_string().contains("Ada"), "{shown}");
    assert_eq!(shown["status"], "pending");
    let (status, body) = replica.approve(held.approval, &admin).await;
    assert_eq!(status, http::StatusCode::OK, "{body}");
    replica.stop().await;
}

async fn held_for(
    world: &World,
    replica: &super::world::Replica,
    held: &super::world::Held,
    by: &super::world::Key,
) -> String {
    assert_eq!(by.org, world.org);
    let shown = replica.show(held.approval, Some(by)).await;
    shown["actionContext"]["input"].as_str().unwrap().to_owned()
}
