//! Tool baselines: the whole set is pinned at once, stated as a fact, and nobody else's.

use http::{Method, StatusCode};
use serde_json::json;
use writ_access::Role;
use writ_contract::{Stream, wire};
use writ_eventlog::{Content, Start};

use crate::stand::{Answer, Stand};

const TOOLS: &str = r#"{"descriptors":[
    {"server":"crm","tool":"read","descriptorHash":"aa","description":"Reads a card."},
    {"server":"crm","tool":"write","descriptorHash":"bb","descriptionHash":"cc"}],
    "reason":"baseline_update"}"#;

async fn pin(stand: &Stand, agent: &str, body: &str) -> Answer {
    let path = format!("/api/v1/tool-integrity/agents/{agent}/baseline");
    stand.dev(Method::POST, &path, body).await
}

async fn facts(stand: &Stand) -> Vec<(u64, wire::Baseline)> {
    let log = stand.log();
    let filters = vec![log.topology().facts::<wire::Baseline>()];
    let reading = log.read(Stream::Control, filters, Start::First);
    let mut reader = reading.await.unwrap();
    let mut all = Vec::new();
    for _ in 0..reader.behind() {
        let Content::Fact(envelope) = reader.next().await.unwrap().content else {
            panic!("a fact")
        };
        all.push((envelope.version, envelope.open().unwrap()));
    }
    all
}

#[tokio::test]
async fn a_call_pins_the_whole_set_and_the_same_set_again_is_no_new_version() {
    let stand = Stand::start().await;
    let id = stand.agent("bot").await;
    let none = stand
        .dev(
            Method::GET,
            &format!("/api/v1/tool-integrity/agents/{id}/baseline"),
            "",
        )
        .await;
    assert_eq!(
        (none.status, &none.body["data"]["pinned"]),
        (StatusCode::OK, &json!(false))
    );

    let pinned = pin(&stand, &id, TOOLS).await;
    assert_eq!(pinned.status, StatusCode::OK, "{pinned:?}");
    let data = &pinned.body["data"];
    assert_eq!(
        (&data["version"], &data["reason"]),
        (&json!(1), &json!("baseline_update"))
    );
    assert_eq!(data["descriptors"][0]["description"], "Reads a card.");
    let again = pin(&stand, "bot", TOOLS).await;
    assert_eq!(
        again.body["data"], pinned.body["data"],
        "by its external id too"
    );

    let fewer = r#"{"descriptors":[{"server":"crm","tool":"read","descriptorHash":"dd"}]}"#;
    let replaced = pin(&stand, &id, fewer).await.body["data"].clone();
    assert_eq!(replaced["descriptors"].as_array().unwrap().len(), 1);
    let facts = facts(&stand).await;
    let versions: Vec<u64> = facts.iter().map(|(version, _)| *version).collect();
    assert_eq!(versions, [1, 2]);
    assert_eq!(facts[0].1.tools.len(), 2);
    assert!(!format!("{facts:?}").contains("Reads a card"));
}

#[tokio::test]
async fn another_organisation_sees_no_agent_and_a_developer_lifts_nothing() {
    let stand = Stand::start().await;
    let id = stand.agent("bot").await;
    let path = format!("/api/v1/tool-integrity/agents/{id}/baseline");
    pin(&stand, &id, TOOLS).await;
    let foreign = stand.key(1, Role::Owner);
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let refused = stand.call(&foreign, method, &path, TOOLS).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{refused:?}");
    }
    let refused = stand.dev(Method::DELETE, &path, "").await;
    assert_eq!(
        refused.status,
        StatusCode::FORBIDDEN,
        "lifting one needs an admin"
    );

    let lifted = stand.owner(Method::DELETE, &path, "").await.body["data"].clone();
    assert_eq!(
        (&lifted["pinned"], &lifted["version"]),
        (&json!(false), &json!(2))
    );
    assert!(facts(&stand).await.last().unwrap().1.removed);
}

#[tokio::test]
async fn what_is_no_set_of_tools_is_refused_by_name() {
    let stand = Stand::start().await;
    stand.agent("bot").await;
    let wrong = r#"{"descriptors":[{"server":"crm","tool":"read"}]}"#;
    let refused = pin(&stand, "bot", wrong).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused.message().contains("descriptors[0].descriptorHash"),
        "{refused:?}"
    );
    let refused = pin(&stand, "bot", r#"{"descriptors":[],"reasons":"x"}"#).await;
    assert!(refused.message().contains("reasons"), "{refused:?}");
    assert!(facts(&stand).await.is_empty());
}
