//! An agent engineer's own client over gRPC.

use serde_json::json;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request};

use crate::stack::Stack;

#[allow(
    clippy::all,
    clippy::allow_attributes_without_reason,
    unreachable_pub,
    reason = "generated from proto/writ/v1"
)]
mod v1 {
    tonic::include_proto!("writ.v1");
}

use v1::enforcement_service_client::EnforcementServiceClient;
use v1::{EnforceRequest, Outcome};

fn request(key: &str, input: &str, tools: &[&str]) -> Request<EnforceRequest> {
    let mut request = Request::new(EnforceRequest {
        agent_id: "grpc-bot".into(),
        input: input.into(),
        environment: "production".into(),
        tools: tools.iter().map(|t| (*t).to_owned()).collect(),
        ..EnforceRequest::default()
    });
    let key: MetadataValue<_> = key.parse().unwrap();
    request.metadata_mut().insert("x-api-key", key);
    request
}

#[tokio::test]
async fn a_grpc_client_is_governed_like_a_rest_client() {
    let stack = Stack::start().await;
    stack.agent("grpc-bot").await;
    stack
        .policy(
            "tool_invocation",
            "block",
            json!({"denied_tools": ["shell.*"]}),
        )
        .await;
    stack
        .policy(
            "tool_invocation",
            "require_approval",
            json!({"denied_tools": ["pay"]}),
        )
        .await;
    let url = format!("http://{}", stack.var("WRIT_GRPC"));
    let mut client = EnforcementServiceClient::connect(url).await.unwrap();
    let key = stack.var("WRIT_API_KEY");

    let allowed = client
        .enforce(request(key, "hello", &[]))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(allowed.outcome(), Outcome::Allowed);
    assert!(allowed.decision_id.starts_with("dec_"));

    let denied = client
        .enforce(request(key, "x", &["shell.run"]))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(denied.outcome(), Outcome::Denied);
    assert_eq!(denied.violations[0].policy_type, "tool_invocation");

    let held = client
        .enforce(request(key, "x", &["pay"]))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(held.outcome(), Outcome::ApprovalRequired);
    let pending = stack
        .get(&format!("/approvals/{}", held.approval_request_id))
        .await;
    assert_eq!(pending["data"]["status"], "pending");

    let refused = client
        .enforce(request("exe_prod_wrong", "x", &[]))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);

    let spent = client
        .enforce(request(stack.var("WRIT_QUOTA_KEY"), "x", &[]))
        .await
        .unwrap_err();
    assert_eq!(spent.code(), Code::ResourceExhausted, "{spent}");
}
