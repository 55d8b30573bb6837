//! The same over gRPC.

use std::time::Duration;

use axum::body::Body;
use http::Request as HttpRequest;
use tonic::{Code, Request};
use tower::ServiceExt as _;
use writ_contract::OrgId;

use super::world::{Key, Replica, World};

#[allow(
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    unreachable_pub,
    reason = "generated from proto/writ/v1"
)]
mod v1 {
    tonic::include_proto!("writ.v1");
}

use v1::approval_service_client::ApprovalServiceClient;
use v1::{ApprovalStatus, ApprovalVerdict};

const CONTEXT: &str = r#"{"input":"x"}"#;
const SOON: Duration = Duration::from_secs(15);

macro_rules! client {
    ($replica:expr) => {
        ApprovalServiceClient::new(
            $replica
                .router
                .clone()
                .map_request(|request: HttpRequest<tonic::body::Body>| request.map(Body::new)),
        )
    };
}

fn ask<T>(key: &Key, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let key = key.text.parse().unwrap();
    request.metadata_mut().insert("x-api-key", key);
    request
}

fn decide(id: &str, verdict: ApprovalVerdict) -> v1::DecideApprovalRequest {
    v1::DecideApprovalRequest {
        id: id.to_owned(),
        verdict: verdict.into(),
        reason: "fine by me".to_owned(),
        version: None,
    }
}

#[tokio::test]
async fn a_request_is_watched_decided_and_redeemed_over_grpc() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let admin = world.key(world.org, "admin").await;
    let held = world.request(&agent, CONTEXT).await;
    replica.until(held.approval, &agent, "pending").await;
    let id = held.approval.to_string();
    let mut client = client!(replica);

    let watch = ask(&agent, v1::WatchApprovalRequest { id: id.clone() });
    let mut changes = client.watch_approval(watch).await.unwrap().into_inner();
    let first = changes.message().await.unwrap().unwrap().approval.unwrap();
    assert_eq!(first.status(), ApprovalStatus::Pending);
    assert_eq!(first.action_context_json, CONTEXT);

    let asked = ask(&agent, decide(&id, ApprovalVerdict::Approve));
    let refused = client.decide_approval(asked).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let asked = ask(&admin, decide(&id, ApprovalVerdict::Unspecified));
    let refused = client.decide_approval(asked).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let approver = world.key(world.org, "viewer").await;
    world.member(&approver, 1, "viewer", true).await;
    writ_testkit::eventually(SOON, "the right is known", || async {
        let asked = ask(&approver, v1::GetApprovalRequest { id: id.clone() });
        client!(replica).get_approval(asked).await.map(drop)
    })
    .await;
    let asked = ask(&approver, decide(&id, ApprovalVerdict::Approve));
    let granted = client.decide_approval(asked).await.unwrap().into_inner();
    let granted = granted.approval.unwrap();
    assert_eq!(granted.status(), ApprovalStatus::Pending, "not sealed yet");
    let asked = ask(&admin, decide(&id, ApprovalVerdict::Deny));
    let refused = client.decide_approval(asked).await.unwrap_err();
    assert_eq!(refused.code(), Code::Aborted);

    let stated = world.stated_of("granted", held.approval).await;
    world.seal(&[stated.event_id]).await;
    let last = tokio::time::timeout(SOON, async {
        let mut last = first;
        while let Some(change) = changes.message().await.unwrap() {
            last = change.approval.unwrap();
        }
        last
    });
    let last = last.await.expect("the stream ends with the decision");
    assert_eq!(last.status(), ApprovalStatus::Approved);
    assert_eq!(last.decision_reason, "fine by me");

    let verify = |context: &str| v1::VerifyApprovalRequest {
        id: id.clone(),
        action_context_json: context.to_owned(),
    };
    for (context, valid, reason) in [
        (r#"{"input":"y"}"#, false, "action_context_mismatch"),
        (CONTEXT, true, ""),
        (CONTEXT, false, "certificate_already_used"),
    ] {
        let answer = client.verify_approval(ask(&agent, verify(context))).await;
        let answer = answer.unwrap().into_inner();
        assert_eq!((answer.valid, answer.reason.as_str()), (valid, reason));
        assert_eq!(answer.certificate_json.contains("signature"), valid);
    }
    replica.stop().await;
}

#[tokio::test]
async fn others_find_nothing_over_grpc() {
    let world = World::shared().await;
    let replica: Replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let stranger = world.key(OrgId(world.new_id()), "owner").await;
    let held = world.request(&agent, CONTEXT).await;
    replica.until(held.approval, &agent, "pending").await;
    let id = held.approval.to_string();
    let mut client = client!(replica);
    let get = |id: &str| v1::GetApprovalRequest { id: id.to_owned() };
    for (key, id) in [(&stranger, id.as_str()), (&agent, "nonsense")] {
        let missing = client.get_approval(ask(key, get(id))).await.unwrap_err();
        assert_eq!(missing.code(), Code::NotFound);
    }
    let missing = client
        .get_approval(Request::new(get(&id)))
        .await
        .unwrap_err();
    assert_eq!(missing.code(), Code::Unauthenticated);
    for (key, count) in [(&stranger, 0), (&agent, 1)] {
        let list = v1::ListApprovalsRequest::default();
        let page = client.list_approvals(ask(key, list)).await.unwrap();
        assert_eq!(page.into_inner().approvals.len(), count);
    }
    replica.stop().await;
}

#[tokio::test]
async fn a_watch_does_not_outlive_its_key() {
    let world = World::shared().await;
    let replica = world.replica().await;
    let agent = world.key(world.org, "developer").await;
    let held = world.request(&agent, CONTEXT).await;
    replica.until(held.approval, &agent, "pending").await;
    let mut client = client!(replica);
    let id = held.approval.to_string();
    let watch = ask(&agent, v1::WatchApprovalRequest { id });
    let mut changes = client.watch_approval(watch).await.unwrap().into_inner();
    assert!(changes.message().await.unwrap().is_some());
    world.revoke(&agent).await;
    let ended = tokio::time::timeout(SOON, changes.message()).await;
    let refused = ended.expect("the stream ends").unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    replica.stop().await;
}
