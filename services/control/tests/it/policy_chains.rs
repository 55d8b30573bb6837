//! Policies that wait for others: what they may name, and that two writers cannot tie a knot.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use writ_contract::{Stream, wire};
use writ_eventlog::{Content, Start};

use crate::stand::{Answer, Stand};

const POLICIES: &str = "/api/v1/policies";

fn policy(name: &str, more: Value) -> Value {
    let mut policy = json!({
        "name": name,
        "policyType": "tool_invocation",
        "enforcementMode": "hard_block",
        "ruleDefinition": {"denied_tools": ["shell.*"]},
    });
    let fields = policy.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    policy
}

async fn create(stand: &Stand, name: &str, more: Value) -> Answer {
    let body = policy(name, more).to_string();
    stand.owner(Method::POST, POLICIES, &body).await
}

async fn created(stand: &Stand, name: &str, more: Value) -> String {
    let answer = create(stand, name, more).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.body["data"]["id"].as_str().unwrap().to_owned()
}

async fn wait_for(stand: &Stand, id: &str, prerequisites: Value) -> Answer {
    let body = json!({"prerequisites": prerequisites}).to_string();
    let path = format!("{POLICIES}/{id}");
    stand.owner(Method::PATCH, &path, &body).await
}

#[tokio::test]
async fn what_is_said_comes_back_stays_in_history_and_is_stated_as_a_fact() {
    let stand = Stand::start().await;
    let first = created(&stand, "first", json!({})).await;
    let said = json!({
        "selectors": {"tags": ["eu"], "environments": ["staging"], "users": ["u1"], "tiers": ["subagent"]},
        "prerequisites": [first],
        "chainTrigger": "any_violated",
        "metadata": {"ticket": 12},
        "evaluationOrder": 100_000,
    });
    let answer = create(&stand, "second", said.clone()).await;
    let data = &answer.body["data"];
    for (field, value) in said.as_object().unwrap() {
        assert_eq!(&data[field], value, "{field}");
    }
    assert_eq!(data["enforcementMode"], "block");
    let path = format!("{POLICIES}/{}", data["id"].as_str().unwrap());
    let cleared = r#"{"selectors":{},"prerequisites":[],"chainTrigger":"always","metadata":{}}"#;
    let changed = stand.owner(Method::PATCH, &path, cleared).await;
    assert_eq!(changed.body["data"]["version"], json!(2), "{changed:?}");
    let read = stand.owner(Method::GET, &path, "").await;
    assert_eq!(read.body, changed.body);
    let history = stand
        .owner(Method::GET, &format!("{path}/versions"), "")
        .await;
    let first_said = &history.body["data"][1]["policy"];
    for (field, value) in said.as_object().unwrap() {
        assert_eq!(&first_said[field], value, "{field}");
    }
    assert_eq!(history.body["data"][0]["policy"]["selectors"], json!({}));

    let log = stand.log();
    let filter = vec![log.topology().facts::<wire::Policy>()];
    let start = Start::First;
    let mut reader = log.read(Stream::Control, filter, start).await.unwrap();
    reader.next().await.unwrap();
    let Content::Fact(envelope) = reader.next().await.unwrap().content else {
        panic!()
    };
    let fact = envelope.open::<wire::Policy>().unwrap();
    assert_eq!(fact.selectors.unwrap().users, ["u1"]);
    assert_eq!(fact.prerequisites.len(), 1);
    assert_eq!(fact.chain_trigger, "any_violated");
}

#[tokio::test]
async fn a_policy_waits_only_for_policies_of_its_own_organisation_that_are_there() {
    let stand = Stand::start().await;
    let stranger = stand.key(1, writ_access::Role::Owner);
    let body = policy("theirs", json!({})).to_string();
    let theirs = stand.call(&stranger, Method::POST, POLICIES, &body).await;
    let theirs = theirs.body["data"]["id"].as_str().unwrap();
    let refused = create(&stand, "mine", json!({"prerequisites": [theirs]})).await;
    assert_eq!(refused.code(), "INVALID_REQUEST");
    let missing = format!("prerequisites: policy {theirs} does not exist");
    assert_eq!(refused.message(), missing);
}

#[tokio::test]
async fn a_circle_is_refused_with_the_names_of_its_policies() {
    let stand = Stand::start().await;
    let a = created(&stand, "A", json!({})).await;
    let b = created(&stand, "B", json!({"prerequisites": [a]})).await;
    let c = created(
        &stand,
        "C",
        json!({"prerequisites": [b], "isActive": false}),
    )
    .await;
    let refused = wait_for(&stand, &a, json!([c])).await;
    let (status, code) = (refused.status, refused.code());
    assert_eq!((status, code), (StatusCode::CONFLICT, "POLICY_CIRCLE"));
    assert!(refused.message().contains("A → C → B → A"), "{refused:?}");
    assert_eq!(
        wait_for(&stand, &a, json!([a])).await.code(),
        "POLICY_CIRCLE"
    );
}

#[tokio::test]
async fn two_writers_who_each_add_half_a_circle_cannot_both_win() {
    let stand = Stand::start().await;
    let mut pairs = Vec::new();
    for n in 0..8 {
        let one = created(&stand, &format!("one {n}"), json!({})).await;
        let two = created(&stand, &format!("two {n}"), json!({})).await;
        pairs.push((one, two));
    }
    let stand = &stand;
    let races = pairs.iter().map(|(one, two)| async move {
        let (first, second) = futures::join!(
            wait_for(stand, one, json!([two])),
            wait_for(stand, two, json!([one]))
        );
        let mut statuses = [first.status, second.status];
        statuses.sort();
        assert_eq!(
            statuses,
            [StatusCode::OK, StatusCode::CONFLICT],
            "{first:?} {second:?}"
        );
    });
    futures::future::join_all(races).await;
}

#[tokio::test]
async fn a_policy_that_others_wait_for_is_not_deleted_under_them() {
    let stand = Stand::start().await;
    let first = created(&stand, "first", json!({})).await;
    let second = created(&stand, "second", json!({"prerequisites": [first]})).await;
    let path = format!("{POLICIES}/{first}");
    let refused = stand.owner(Method::DELETE, &path, "").await;
    let (status, code) = (refused.status, refused.code());
    assert_eq!((status, code), (StatusCode::CONFLICT, "POLICY_AWAITED"));
    assert!(refused.message().contains("second"), "{refused:?}");
    let gone = stand
        .owner(Method::DELETE, &format!("{POLICIES}/{second}"), "")
        .await;
    assert_eq!(gone.status, StatusCode::OK);
    let gone = stand.owner(Method::DELETE, &path, "").await;
    assert_eq!(gone.status, StatusCode::OK);
}

#[tokio::test]
async fn a_delete_and_a_new_prerequisite_at_the_same_time_do_not_miss_each_other() {
    let stand = Stand::start().await;
    for n in 0..8 {
        let id = created(&stand, "wanted", json!({})).await;
        let path = format!("{POLICIES}/{id}");
        let (deleted, waiting) = futures::join!(
            stand.owner(Method::DELETE, &path, ""),
            create(&stand, "waits", json!({"prerequisites": [id]}))
        );
        let both = (deleted.status, waiting.status);
        let one_of = [
            (StatusCode::OK, StatusCode::BAD_REQUEST),
            (StatusCode::CONFLICT, StatusCode::CREATED),
        ];
        assert!(one_of.contains(&both), "{n}: {deleted:?} {waiting:?}");
    }
}

#[tokio::test]
async fn selectors_do_not_let_a_developer_write_a_policy_for_everybody() {
    let stand = Stand::start().await;
    let body = policy("mine", json!({"selectors": {"tags": ["mine"]}})).to_string();
    let refused = stand.dev(Method::POST, POLICIES, &body).await;
    assert_eq!(refused.code(), "NOT_OWNED");
}

#[tokio::test]
async fn every_type_is_listed_with_the_schema_of_its_rule() {
    let stand = Stand::start().await;
    let types = stand
        .dev(Method::GET, &format!("{POLICIES}/types"), "")
        .await;
    let listed = types.body["data"].as_array().unwrap();
    let pii = listed.iter().find(|it| it["policyType"] == "pii_access");
    let schema = &pii.unwrap()["schema"];
    assert!(schema["properties"]["denied_pii_types"].is_object());
}
