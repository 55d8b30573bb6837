//! Prompts: numbered, one deployed in an environment, and approved where that is asked for.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use writ_access::Role;
use writ_contract::{ApprovalId, Service, Stream, wire};
use writ_eventlog::{Content, Start};
use writ_testkit::eventually;

use crate::stand::Stand;

const PROMPTS: &str = "/api/v1/prompt-versions";

async fn create(stand: &Stand, agent: &str, template: &str) -> String {
    let body = json!({"agentId": agent, "promptTemplate": template, "otherParams": {"top_p": 0.5},
        "changeSummary": "minor", "temperature": 0.7});
    let made = stand.dev(Method::POST, PROMPTS, &body.to_string()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let data = &made.body["data"];
    assert_eq!(
        (&data["temperature"], &data["otherParams"]["top_p"]),
        (&json!(0.7), &json!(0.5))
    );
    data["id"].as_str().unwrap().to_owned()
}

async fn act(stand: &Stand, id: &str, what: &str, body: Value) -> Value {
    let path = format!("{PROMPTS}/{id}/{what}");
    let answer = stand.dev(Method::POST, &path, &body.to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.body["data"].clone()
}

async fn deployed(stand: &Stand, agent: &str) -> Vec<Value> {
    let path = format!("{PROMPTS}?agentId={agent}&deployed=true");
    let listed = stand.dev(Method::GET, &path, "").await.body["data"].clone();
    let listed = listed.as_array().unwrap().iter();
    listed.map(|it| it["versionNumber"].clone()).collect()
}

/// What the approval service states about a request for a prompt.
async fn decided(stand: &Stand, id: &Value, status: &str) {
    let id: ApprovalId = id.as_str().unwrap().parse().unwrap();
    let fact = wire::Approval {
        approval_id: id.to_bytes(),
        status: status.into(),
        ..Default::default()
    };
    stand
        .state_as(Service::Approval, &id.to_string(), "decided", &fact)
        .await;
}

#[tokio::test]
async fn one_version_is_deployed_in_an_environment_and_a_rollback_puts_the_old_one_back() {
    let stand = Stand::start().await;
    let agent = stand.agent("bot").await;
    let first = create(&stand, &agent, "one\ntwo").await;
    let second = create(&stand, "bot", "one\nthree").await;
    assert!(deployed(&stand, &agent).await.is_empty());
    let production = json!({"environment": "production", "requireApproval": false});
    let out = act(&stand, &first, "deploy", production.clone()).await;
    assert_eq!(
        (&out["isDeployed"], &out["isActive"]),
        (&json!(true), &json!(true))
    );
    act(&stand, &second, "deploy", production).await;
    act(&stand, &second, "deploy", json!({"environment": "staging"})).await;
    assert_eq!(deployed(&stand, &agent).await, [json!(2)]);

    let back = act(
        &stand,
        &first,
        "rollback",
        json!({"reason": "worse answers"}),
    )
    .await;
    assert_eq!(
        (&back["versionNumber"], &back["environments"]),
        (&json!(1), &json!(["production"]))
    );
    assert_eq!(
        deployed(&stand, &agent).await,
        [json!(1), json!(2)],
        "the agent's own first"
    );

    let path = format!("{PROMPTS}/{second}/diff?against=1");
    let diff = stand.dev(Method::GET, &path, "").await.body["data"].clone();
    let change = &diff["changes"][0];
    assert_eq!(
        (&change["field"], diff["changes"].as_array().unwrap().len()),
        (&json!("promptTemplate"), 1)
    );
    let unified = change["diff"].as_str().unwrap();
    assert!(
        unified.contains("-two") && unified.contains("+three"),
        "{unified}"
    );
}

#[tokio::test]
async fn what_needs_approval_is_deployed_by_the_grant_and_not_by_a_denial() {
    let stand = Stand::start().await;
    let agent = stand.agent("bot").await;
    let first = create(&stand, &agent, "one").await;
    let asked = json!({"environment": "production", "requireApproval": true});
    let waits = act(&stand, &first, "deploy", asked.clone()).await;
    assert_eq!(
        (&waits["approvalStatus"], &waits["isActive"]),
        (&json!("pending"), &json!(false))
    );
    let again = act(&stand, &first, "deploy", asked.clone()).await;
    assert_eq!(
        again["approvalRequestId"], waits["approvalRequestId"],
        "asked once"
    );

    let log = stand.log();
    let filters = vec![log.topology().facts::<wire::PromptVersion>()];
    let reading = log.read(Stream::Control, filters, Start::First);
    let mut reader = reading.await.unwrap();
    let pending = loop {
        let Content::Fact(envelope) = reader.next().await.unwrap().content else {
            panic!("a fact")
        };
        if let Some(pending) = envelope.open::<wire::PromptVersion>().unwrap().pending {
            break pending;
        }
    };
    assert_eq!(pending.environment, "production");

    decided(&stand, &waits["approvalRequestId"], "denied").await;
    status_is(&stand, &first, "denied").await;
    assert!(deployed(&stand, &agent).await.is_empty());
    let waits = act(&stand, &first, "deploy", asked).await;
    decided(&stand, &waits["approvalRequestId"], "approved").await;
    status_is(&stand, &first, "approved").await;
    assert_eq!(deployed(&stand, &agent).await, [json!(1)]);
}

#[tokio::test]
async fn a_grant_while_nobody_listened_is_carried_out_later() {
    let mut stand = Stand::start().await;
    let agent = stand.agent("bot").await;
    let settings = r#"{"promptApproval":true}"#;
    stand
        .owner(Method::PATCH, "/api/v1/organization/settings", settings)
        .await;
    let first = create(&stand, &agent, "one").await;
    let waits = act(&stand, &first, "deploy", json!({})).await;
    assert_eq!(
        waits["approvalStatus"], "pending",
        "the organisation asks for it"
    );
    let held = act(&stand, &first, "rollback", json!({"reason": "x"})).await;
    assert_eq!(
        held["isDeployed"], false,
        "one that was never deployed is not rolled back to"
    );
    stand.running.stop().await;
    decided(&stand, &waits["approvalRequestId"], "approved").await;
    stand.start_again().await;
    status_is(&stand, &first, "approved").await;
    assert_eq!(deployed(&stand, &agent).await, [json!(1)]);
}

async fn status_is(stand: &Stand, id: &str, status: &str) {
    let path = format!("{PROMPTS}/{id}");
    eventually(
        Duration::from_secs(10),
        "the decision is carried out",
        || async {
            let data = stand.dev(Method::GET, &path, "").await.body["data"].clone();
            if data["approvalStatus"] == status {
                Ok(())
            } else {
                Err(data)
            }
        },
    )
    .await;
}

#[tokio::test]
async fn another_organisation_sees_no_prompt() {
    let stand = Stand::start().await;
    let agent = stand.agent("bot").await;
    let id = create(&stand, &agent, "one").await;
    let foreign = stand.key(1, Role::Owner);
    for (method, path) in [
        (Method::GET, format!("{PROMPTS}/{id}")),
        (Method::GET, format!("{PROMPTS}?agentId={agent}")),
        (Method::GET, format!("{PROMPTS}/{id}/diff")),
        (Method::POST, format!("{PROMPTS}/{id}/deploy")),
        (Method::POST, format!("/api/v1/agents/{agent}/versions")),
    ] {
        let refused = stand.call(&foreign, method, &path, "{}").await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{path} {refused:?}");
    }
}

#[tokio::test]
async fn versions_of_an_agent_are_snapshots_of_which_one_is_active() {
    let stand = Stand::start().await;
    let agent = stand.agent("bot").await;
    let path = format!("/api/v1/agents/{agent}/versions");
    let report = r#"{"activate":true,"versionLabel":"v1","metadata":{"gitCommit":"abc"}}"#;
    let made = stand.dev(Method::POST, &path, report).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let data = &made.body["data"];
    assert_eq!(
        (&data["versionNumber"], &data["isActive"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(data["snapshot"]["agentId"], "bot");
    let second = stand
        .dev(Method::POST, &path, r#"{"activate":false}"#)
        .await;
    assert_eq!(second.body["data"]["isActive"], false);
    let active = |listed: &Value| {
        let all = listed["data"].as_array().unwrap().iter();
        all.map(|it| it["isActive"].as_bool().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        active(&stand.dev(Method::GET, &path, "").await.body),
        [false, true]
    );
    let activate = format!("{path}/2/activate");
    let done = stand.dev(Method::POST, &activate, "").await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
    let page = stand
        .dev(Method::GET, &format!("{path}?limit=1"), "")
        .await
        .body;
    assert_eq!(
        (active(&page), &page["nextCursor"]),
        (vec![true], &json!("2"))
    );
    let rest = stand
        .dev(Method::GET, &format!("{path}?cursor=2"), "")
        .await
        .body;
    assert_eq!(
        (active(&rest), &rest["nextCursor"]),
        (vec![false], &Value::Null)
    );

    let off = r#"{"versionRegistry":false}"#;
    stand
        .owner(Method::PATCH, "/api/v1/organization/settings", off)
        .await;
    let refused = stand
        .dev(Method::POST, &path, r#"{"activate":false}"#)
        .await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::CONFLICT, "NOT_ENABLED")
    );
    assert!(refused.message().contains("not enabled"), "{refused:?}");
}
