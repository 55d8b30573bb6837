//! An agent engineer's own client over gRPC.

use serde_json::json;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request};
use writ_client::proto as v1;

use crate::stack::Stack;

use v1::control_service_client::ControlServiceClient;
use v1::enforcement_service_client::EnforcementServiceClient;
use v1::watch_agents_response::Event;
use v1::{AgentStatus, EnforceRequest, Outcome, PauseScope};

pub(crate) fn with_key<T>(key: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let key: MetadataValue<_> = format!("Bearer {key}").parse().unwrap();
    request.metadata_mut().insert("authorization", key);
    request
}

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

pub(crate) type Control = ControlServiceClient<tonic::transport::Channel>;

pub(crate) async fn control(stack: &Stack) -> Control {
    let url = format!("http://{}", stack.var("WRIT_GRPC"));
    ControlServiceClient::connect(url).await.unwrap()
}

async fn register(client: &mut Control, key: &str) -> v1::Agent {
    let register = v1::RegisterAgentRequest {
        agent_id: "watched".into(),
        tags: vec!["eu".into()],
        ..Default::default()
    };
    let registered = client.register_agent(with_key(key, register)).await;
    registered.unwrap().into_inner().agent.unwrap()
}

async fn pause_tag(client: &mut Control, key: &str) -> v1::Pause {
    let pause = v1::CreatePauseRequest {
        scope: PauseScope::Tag.into(),
        value: "eu".into(),
        reason: "drill".into(),
        expires_at: None,
    };
    let once = || {
        let mut request = with_key(key, pause.clone());
        let again = "drill-1".parse().unwrap();
        request.metadata_mut().insert("idempotency-key", again);
        request
    };
    let made = client.create_pause(once()).await.unwrap().into_inner();
    assert!(made.receipt.unwrap().sequence > 0);
    let made = made.pause.unwrap();
    let again = client.create_pause(once()).await.unwrap().into_inner();
    assert_eq!(again.pause.unwrap().id, made.id, "sent again");
    made
}

#[tokio::test]
async fn a_watcher_sees_everything_first_and_then_each_pause_and_whom_it_covers() {
    let stack = Stack::start().await;
    let (mut client, key) = (control(&stack).await, stack.var("WRIT_ADMIN_KEY"));
    register(&mut client, key).await;
    let watch = with_key(key, v1::WatchAgentsRequest::default());
    let mut watched = client.watch_agents(watch).await.unwrap().into_inner();
    let Some(Event::Snapshot(all)) = watched.message().await.unwrap().unwrap().event else {
        panic!("the first answer is a snapshot")
    };
    assert_eq!(all.agents.len(), 1);
    assert_eq!(all.agents[0].status(), AgentStatus::Active);

    let made = pause_tag(&mut client, key).await;
    assert_eq!(made.agents, 1);
    let next = watched.message().await.unwrap().unwrap().event;
    assert!(matches!(next, Some(Event::PauseCreated(pause)) if pause.id == made.id));
    let Some(Event::Agent(agent)) = watched.message().await.unwrap().unwrap().event else {
        panic!("the agent it covers")
    };
    assert_eq!(agent.status(), AgentStatus::Paused);
    assert_eq!(agent.paused_by, [made.id]);
}

#[tokio::test]
async fn a_grpc_client_pauses_and_resumes_as_a_rest_client_does() {
    let stack = Stack::start().await;
    let (mut client, key) = (control(&stack).await, stack.var("WRIT_ADMIN_KEY"));
    let agent = register(&mut client, key).await;
    let made = pause_tag(&mut client, key).await;
    let resume = v1::ResumeAgentRequest {
        agent_id: "watched".into(),
        ..Default::default()
    };
    let resumed = client.resume_agent(with_key(key, resume)).await.unwrap();
    let resumed = resumed.into_inner().agent.unwrap();
    assert_eq!(
        resumed.status(),
        AgentStatus::Paused,
        "only its own switch is lifted"
    );
    let lift = v1::DeletePauseRequest { pause_id: made.id };
    let lifted = client.delete_pause(with_key(key, lift.clone())).await;
    lifted.unwrap();
    let list = with_key(key, v1::ListAgentsRequest::default());
    let listed = client.list_agents(list).await.unwrap().into_inner().agents;
    assert_eq!(listed[0].status(), AgentStatus::Active);

    let gone = client.delete_pause(with_key(key, lift)).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    let details = tonic_types::StatusExt::get_error_details(&gone);
    assert_eq!(details.error_info().unwrap().reason, "PAUSE_NOT_FOUND");
    let foreign = v1::GetAgentRequest {
        agent_id: agent.id,
        environment: String::new(),
    };
    let other = with_key(stack.var("WRIT_OTHER_ORG_KEY"), foreign);
    let refused = client.get_agent(other).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}
