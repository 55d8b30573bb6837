//! Prompts: numbered, one deployed in an environment, and approved where that is asked for.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::Connection as _;
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

/// Waits for the fact of this verb about a version.
async fn stated(stand: &Stand, verb: &str) -> wire::PromptVersion {
    let log = stand.log();
    let filters = vec![log.topology().facts::<wire::PromptVersion>()];
    let reading = log.read(Stream::Control, filters, Start::First);
    let mut reader = reading.await.unwrap();
    loop {
        let Content::Fact(envelope) = reader.next().await.unwrap().content else {
            panic!("a fact")
        };
        if envelope.kind.verb() == verb {
            assert_eq!(envelope.audit.action, format!("prompt.{verb}"));
            return envelope.open().unwrap();
        }
    }
}

async fn approval_is_asked_for(stand: &Stand, on: bool) {
    let settings = json!({"promptApproval": on}).to_string();
    let path = "/api/v1/organization/settings";
    let changed = stand.owner(Method::PATCH, path, &settings).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
}

#[tokio::test]
async fn a_rollback_needs_no_approval_only_where_the_version_was_deployed_before() {
    let stand = Stand::start().await;
    let agent = stand.agent("bot").await;
    let first = create(&stand, &agent, "one").await;
    act(&stand, &first, "deploy", json!({"environment": "dev"})).await;
    approval_is_asked_for(&stand, true).await;
    let waits = act(&stand, &first, "deploy", json!({})).await;
    assert_eq!(waits["approvalStatus"], "pending");
    let back = act(&stand, &first, "rollback", json!({"reason": "x"})).await;
    assert_eq!(
        (&back["approvalStatus"], &back["environments"]),
        (&json!("pending"), &json!(["dev"]))
    );
    assert_eq!(back["approvalRequestId"], waits["approvalRequestId"]);

    let second = create(&stand, &agent, "two").await;
    approval_is_asked_for(&stand, false).await;
    act(&stand, &second, "deploy", json!({"environment": "dev"})).await;
    approval_is_asked_for(&stand, true).await;
    let body = json!({"environment": "dev", "reason": "worse"});
    let back = act(&stand, &first, "rollback", body).await;
    assert_eq!(back["environments"], json!(["dev"]), "it was there before");
    assert_eq!(
        back["approvalStatus"], "pending",
        "production is still to be decided"
    );
}

#[tokio::test]
async fn a_request_is_not_passed_over_by_asking_again_without_one() {
    let stand = Stand::start().await;
    let agent = stand.agent("bot").await;
    let first = create(&stand, &agent, "one").await;
    let asked = json!({"environment": "production", "requireApproval": true});
    let waits = act(&stand, &first, "deploy", asked).await;
    for what in ["deploy", "rollback"] {
        let again = act(&stand, &first, what, json!({"environment": "production"})).await;
        assert_eq!(
            (&again["approvalStatus"], &again["isDeployed"]),
            (&json!("pending"), &json!(false))
        );
        assert_eq!(again["approvalRequestId"], waits["approvalRequestId"]);
    }
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_any_more_is_cancelled() {
    let stand = Stand::start().await;
    let agent = stand.agent("bot").await;
    let [first, second] = [
        create(&stand, &agent, "one").await,
        create(&stand, &agent, "two").await,
    ];
    let id = |shown: &Value| {
        let id: ApprovalId = shown["approvalRequestId"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        id.to_bytes()
    };
    let ask = |place: &str| json!({"environment": place, "requireApproval": true});
    let waits = act(&stand, &second, "deploy", ask("production")).await;
    let anew = act(&stand, &second, "deploy", ask("staging")).await;
    let replaced = cancelling(&stand, &id(&waits)).await;
    assert_eq!(replaced.pending.unwrap().approval_id, id(&anew));

    act(&stand, &first, "deploy", json!({})).await;
    act(&stand, &second, "deploy", json!({})).await;
    let waits = act(&stand, &first, "deploy", ask("production")).await;
    assert_eq!(waits["approvalStatus"], "pending");
    let back = act(&stand, &first, "rollback", json!({"reason": "quick"})).await;
    assert_eq!(back["environments"], json!(["production"]));
    let done = cancelling(&stand, &id(&waits)).await;
    assert_eq!((done.environments.len(), done.pending), (1, None));
}

/// Waits for the fact that ends this request.
async fn cancelling(stand: &Stand, request: &[u8]) -> wire::PromptVersion {
    let log = stand.log();
    let filters = vec![log.topology().facts::<wire::PromptVersion>()];
    let reading = log.read(Stream::Control, filters, Start::First);
    let mut reader = reading.await.unwrap();
    loop {
        let Content::Fact(envelope) = reader.next().await.unwrap().content else {
            panic!("a fact")
        };
        let fact: wire::PromptVersion = envelope.open().unwrap();
        if fact.cancelled_approval_id == request {
            return fact;
        }
    }
}

#[tokio::test]
async fn a_rollback_is_recorded_and_says_why_beside_the_version() {
    let stand = Stand::start().await;
    let agent = stand.agent("bot").await;
    let first = create(&stand, &agent, "one").await;
    let body = json!({"deploymentNotes": "for the fair"});
    let out = act(&stand, &first, "deploy", body).await;
    let last = &out["lastDeployment"];
    assert_eq!(
        (&last["environment"], &last["isRollback"], &last["notes"]),
        (&json!("production"), &json!(false), &json!("for the fair"))
    );
    let back = act(&stand, &first, "rollback", json!({"reason": "make sure"})).await;
    let last = &back["lastDeployment"];
    assert_eq!(
        (&last["isRollback"], &last["notes"]),
        (&json!(true), &json!("make sure"))
    );
    assert_eq!(
        back["version"], 3,
        "recorded though it was deployed already"
    );
    let fact = stated(&stand, "rolled_back").await;
    assert_eq!(
        (fact.environments, fact.last_environment.as_str()),
        (vec!["production".to_owned()], "production")
    );

    let second = create(&stand, &agent, "two").await;
    let body = json!({"requireApproval": true, "deploymentNotes": "please"});
    let waits = act(&stand, &second, "deploy", body).await;
    assert_eq!(
        (&waits["pendingNotes"], &waits["lastDeployment"]),
        (&json!("please"), &Value::Null)
    );
    decided(&stand, &waits["approvalRequestId"], "approved").await;
    status_is(&stand, &second, "approved").await;
    let path = format!("{PROMPTS}/{second}");
    let shown = stand.dev(Method::GET, &path, "").await.body["data"].clone();
    assert_eq!(shown["lastDeployment"]["notes"], "please");
    let back = act(&stand, &second, "rollback", json!({"reason": "sure"})).await;
    assert_eq!(back["approvalStatus"], "not_required", "nobody was asked");
}

#[tokio::test]
async fn a_list_has_all_versions_in_one_answer() {
    let stand = Stand::start().await;
    let agent = stand.agent("bot").await;
    create(&stand, &agent, "the first").await;
    let mut everyone = sqlx::PgConnection::connect(&stand.db.superuser_url)
        .await
        .unwrap();
    sqlx::query(
        "insert into control.prompts (org_id, prompt_id, agent_id, number, content, environments,
           status, actor, version, created_at, updated_at)
         select $1, gen_random_uuid(), agent_id, number + more, content, environments, status, actor,
           version, created_at, updated_at
         from control.prompts, generate_series(1, 1200) as more",
    )
    .bind(stand.orgs[0].id)
    .execute(&mut everyone)
    .await
    .unwrap();
    let path = format!("{PROMPTS}?agentId={agent}");
    let listed = stand.dev(Method::GET, &path, "").await.body["data"].clone();
    let numbers = listed.as_array().unwrap().iter();
    let numbers: Vec<u64> = numbers
        .map(|it| it["versionNumber"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=1201).rev().collect::<Vec<_>>());
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
