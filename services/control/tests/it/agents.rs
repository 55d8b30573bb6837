//! Registration, search, change, and that organisations do not see each other.

use std::collections::HashSet;
use std::time::Duration;

use axum::body::Body;
use futures::future::join_all;
use http::{Method, Request, StatusCode};
use serde_json::json;
use writ_access::Role;
use writ_contract::{Stream, wire};
use writ_eventlog::{Content, Start};
use writ_testkit::eventually;

use crate::stand::Stand;

const AGENTS: &str = "/api/v1/agents";

#[tokio::test]
async fn many_processes_registering_at_once_get_one_id_and_one_fact() {
    let stand = Stand::start().await;
    let body = r#"{"agentId":"bot","name":"Bot","type":"chatbot","platform":"custom","environment":"production"}"#;
    let calls = (0..32).map(|_| stand.dev(Method::POST, AGENTS, body));
    let answers = join_all(calls).await;
    let ids: HashSet<_> = answers
        .iter()
        .map(|a| a.body["data"]["id"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(ids.len(), 1, "{answers:?}");
    let created = answers
        .iter()
        .filter(|a| a.status == StatusCode::CREATED)
        .count();
    assert_eq!(created, 1);
    assert!(answers.iter().all(|a| a.status.is_success()));

    let log = stand.log();
    let filter = vec![log.topology().facts::<wire::Agent>()];
    let mut reader = log
        .read(Stream::Control, filter, Start::First)
        .await
        .unwrap();
    let delivered = reader.next().await.unwrap();
    let Content::Fact(envelope) = delivered.content else {
        panic!("{:?}", delivered.content)
    };
    assert_eq!(
        (envelope.version, envelope.audit.action.as_str()),
        (1, "agent.register")
    );
    assert_eq!(delivered.pending, 0, "one fact for one agent");
}

#[tokio::test]
async fn the_answer_echoes_what_the_sdk_reads_under_both_prefixes() {
    let stand = Stand::start().await;
    let body = r#"{"agentId":"a b/ü","name":"N","environment":"staging","tags":[],"metadata":{},"later":1}"#;
    let first = stand.dev(Method::POST, AGENTS, body).await;
    let again = stand.dev(Method::POST, "/api/agents", body).await;
    assert_eq!(
        (first.status, again.status),
        (StatusCode::CREATED, StatusCode::OK)
    );
    let (a, b) = (&first.body["data"], &again.body["data"]);
    assert_eq!(a["id"], b["id"]);
    assert_eq!(
        (&a["agentId"], &a["environment"]),
        (&json!("a b/ü"), &json!("staging"))
    );
    assert_eq!((&a["status"], &a["name"]), (&json!("active"), &json!("N")));
    assert!(first.headers.contains_key("x-request-id"));
}

#[tokio::test]
async fn an_external_id_lives_in_several_environments() {
    let stand = Stand::start().await;
    let register = |environment: &str| {
        let body = json!({"agentId": "bot", "environment": environment}).to_string();
        let stand = &stand;
        async move { stand.dev(Method::POST, AGENTS, &body).await }
    };
    let production = register("production").await;
    let staging = register("staging").await;
    assert_ne!(production.body["data"]["id"], staging.body["data"]["id"]);
    let ambiguous = stand.dev(Method::GET, "/api/v1/agents/bot", "").await;
    assert_eq!(
        (ambiguous.status, ambiguous.code()),
        (StatusCode::CONFLICT, "AGENT_AMBIGUOUS")
    );
    let one = stand
        .dev(Method::GET, "/api/v1/agents/bot?environment=staging", "")
        .await;
    assert_eq!(one.body["data"]["id"], staging.body["data"]["id"]);
}

#[tokio::test]
async fn an_exact_match_is_on_the_first_page() {
    let stand = Stand::start().await;
    for n in 0..6 {
        stand.agent(&format!("bot-{n}")).await;
    }
    let exact = stand.agent("bot").await;
    let first = stand
        .dev(Method::GET, "/api/v1/agents?search=bot&limit=2", "")
        .await;
    assert_eq!(first.body["data"][0]["id"], json!(exact));
    let mut seen = vec![];
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/agents?search=BOT&limit=3&cursor={cursor}");
        let page = stand.dev(Method::GET, &path, "").await;
        let ids = page.body["data"].as_array().unwrap().iter();
        seen.extend(ids.map(|a| a["id"].as_str().unwrap().to_owned()));
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 7);
    assert_eq!(seen.iter().collect::<HashSet<_>>().len(), 7);
    let bad = stand
        .dev(Method::GET, "/api/v1/agents?cursor=%25", "")
        .await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_search_without_a_limit_finds_an_id_in_all_its_environments() {
    let stand = Stand::start().await;
    for n in 0..105 {
        let body = format!(r#"{{"agentId":"many","environment":"e{n}"}}"#);
        let made = stand.dev(Method::POST, AGENTS, &body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    }
    let found = stand
        .dev(Method::GET, "/api/v1/agents?search=many", "")
        .await;
    assert_eq!(found.body["data"].as_array().unwrap().len(), 105);
}

#[tokio::test]
async fn a_patch_names_unknown_fields_and_honours_if_match() {
    let stand = Stand::start().await;
    let id = stand.agent("bot").await;
    let path = format!("/api/v1/agents/{id}");
    let unknown = stand.dev(Method::PATCH, &path, r#"{"nmae":"x"}"#).await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    assert!(
        unknown.message().contains("unknown field `nmae`"),
        "{unknown:?}"
    );
    let key = stand.key(0, Role::Developer);
    let patch = |etag: &str| {
        Request::patch(&path)
            .header("x-api-key", &key)
            .header("if-match", etag)
            .body(Body::from(r#"{"name":"New"}"#))
            .unwrap()
    };
    let stale = stand.running.send(patch("\"7\"")).await;
    assert_eq!(
        (stale.status, stale.code()),
        (StatusCode::PRECONDITION_FAILED, "VERSION_MISMATCH")
    );
    let done = stand.running.send(patch("\"1\"")).await;
    assert_eq!(
        (done.status, &done.body["data"]["name"]),
        (StatusCode::OK, &json!("New"))
    );
    assert_eq!(done.headers["etag"], "\"2\"");
}

#[tokio::test]
async fn another_organisation_finds_nothing_and_changes_nothing() {
    let stand = Stand::start().await;
    let id = stand.agent("bot").await;
    let stranger = stand.key(1, Role::Owner);
    let cases = [
        (Method::GET, format!("/api/v1/agents/{id}")),
        (Method::PATCH, format!("/api/v1/agents/{id}")),
        (Method::PATCH, format!("/api/v1/agents/{id}/pause")),
        (Method::PATCH, format!("/api/v1/agents/{id}/resume")),
        (Method::GET, format!("/api/v1/agents/{id}/status-poll")),
        (Method::POST, format!("/api/v1/agents/{id}/heartbeat")),
    ];
    for (method, path) in cases {
        let answer = stand.call(&stranger, method.clone(), &path, "{}").await;
        assert_eq!(
            answer.status,
            StatusCode::NOT_FOUND,
            "{method} {path}: {answer:?}"
        );
    }
    let list = stand.call(&stranger, Method::GET, AGENTS, "").await;
    assert_eq!(list.body["data"], json!([]));
    let policy = json!({
        "name": "P", "policyType": "injection_scan", "enforcementMode": "block",
        "ruleDefinition": {}, "appliesToAgents": [id],
    });
    let aimed = stand
        .call(
            &stranger,
            Method::POST,
            "/api/v1/policies",
            &policy.to_string(),
        )
        .await;
    assert!(aimed.message().contains("does not exist"), "{aimed:?}");
}

#[tokio::test]
async fn bad_bodies_are_refused_in_words_and_odd_characters_are_replaced() {
    let stand = Stand::start().await;
    for body in ["{", "[]", r#"{"agentId":5}"#, "{}"] {
        let answer = stand.dev(Method::POST, AGENTS, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {answer:?}");
        assert!(!answer.message().is_empty() && answer.body["error"]["requestId"].is_string());
    }
    let odd = stand
        .dev(
            Method::POST,
            AGENTS,
            r#"{"agentId":"a\u0000\ud800","name":"x"}"#,
        )
        .await;
    assert_eq!(odd.status, StatusCode::CREATED, "{odd:?}");
    let path = format!("{AGENTS}/{}", odd.body["data"]["id"].as_str().unwrap());
    let kept = stand.dev(Method::GET, &path, "").await;
    assert_eq!(kept.body["data"]["agentId"], json!("a\u{fffd}\u{fffd}"));
}

#[tokio::test]
async fn heartbeats_reach_the_row_and_cost_no_version() {
    let stand = Stand::start().await;
    let id = stand.agent("bot").await;
    let path = format!("/api/v1/agents/{id}/heartbeat");
    let beat = stand
        .dev(Method::POST, &path, r#"{"lastPolicyCheckAt": null}"#)
        .await;
    assert_eq!(beat.status, StatusCode::OK, "{beat:?}");
    eventually(
        Duration::from_secs(5),
        "the heartbeat is written",
        || async {
            let agent = stand
                .dev(Method::GET, &format!("/api/v1/agents/{id}"), "")
                .await;
            let data = &agent.body["data"];
            if data["lastSeenAt"].is_string() && data["version"] == json!(1) {
                Ok(())
            } else {
                Err(agent)
            }
        },
    )
    .await;
}

#[tokio::test]
async fn an_agent_is_handed_over_by_an_admin_or_an_owner_to_people_who_are_there() {
    let stand = Stand::start().await;
    let id = stand.agent("bot").await;
    let transfer = format!("{AGENTS}/{id}/transfer");
    let owner = writ_contract::PersonId(stand.orgs[0].keys[0].person);
    let body = json!({"owners": [owner], "ownerEmail": "new@example.com"}).to_string();
    let handed = stand.dev(Method::POST, &transfer, &body).await;
    assert_eq!(handed.status, StatusCode::OK, "{handed:?}");
    assert_eq!(handed.body["data"]["owners"], json!([owner]));
    assert_eq!(handed.body["data"]["ownerEmail"], "new@example.com");

    let own = json!({"name": "p", "policyType": "injection_scan", "enforcementMode": "block",
        "ruleDefinition": {}, "appliesToAgents": [id]});
    let refused = stand
        .dev(Method::POST, "/api/v1/policies", &own.to_string())
        .await;
    assert_eq!(
        refused.code(),
        "NOT_OWNED",
        "it is no longer the developer's"
    );
    let back = json!({"owners": [writ_contract::PersonId(stand.orgs[0].keys[1].person)]});
    let refused = stand.dev(Method::POST, &transfer, &back.to_string()).await;
    assert_eq!(refused.code(), "NOT_OWNED");
    let stranger = json!({"owners": [writ_contract::PersonId(stand.orgs[1].keys[0].person)]});
    let refused = stand
        .owner(Method::POST, &transfer, &stranger.to_string())
        .await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused:?}");
    let back = stand
        .owner(Method::POST, &transfer, &back.to_string())
        .await;
    assert_eq!(back.status, StatusCode::OK, "{back:?}");
}

#[tokio::test]
async fn strictness_and_capabilities_are_set_shown_stated_and_found() {
    let stand = Stand::start().await;
    let id = stand.agent("bot").await;
    let path = format!("{AGENTS}/{id}");
    let patch = r#"{"outcomeStrictness":"strict","capabilities":["refunds"]}"#;
    let changed = stand.dev(Method::PATCH, &path, patch).await.body["data"].clone();
    assert_eq!(changed["outcomeStrictness"], "strict", "{changed}");
    let found = stand
        .dev(
            Method::GET,
            "/api/v1/agents/discover?capability=refunds",
            "",
        )
        .await;
    assert_eq!(found.body["data"][0]["capabilities"], json!(["refunds"]));
    let none = stand
        .dev(Method::GET, "/api/v1/agents/discover?capability=other", "")
        .await;
    assert_eq!(none.body["data"], json!([]));
    let refused = stand
        .dev(Method::PATCH, &path, r#"{"outcomeStrictness":"some"}"#)
        .await;
    assert!(
        refused.message().contains("outcomeStrictness"),
        "{refused:?}"
    );

    let log = stand.log();
    let filter = vec![log.topology().facts::<wire::Agent>()];
    let reading = log.read(Stream::Control, filter, Start::LastPerSubject);
    let Content::Fact(envelope) = reading.await.unwrap().next().await.unwrap().content else {
        panic!("a fact")
    };
    assert_eq!(
        envelope.open::<wire::Agent>().unwrap().outcome_strictness,
        "strict"
    );
}

#[tokio::test]
async fn an_id_that_no_store_takes_is_not_sent_back_as_another() {
    let stand = Stand::start().await;
    let body = r#"{"agentId":"n\u0000ul"}"#;
    for expected in [StatusCode::CREATED, StatusCode::OK] {
        let registered = stand.dev(Method::POST, "/api/v1/agents", body).await;
        assert_eq!(registered.status, expected, "{registered:?}");
        let data = &registered.body["data"];
        assert!(data["id"].is_string() && data.get("agentId").is_none());
    }
}

#[tokio::test]
async fn nobody_is_called_by_the_uuid_of_another_agent() {
    let stand = Stand::start().await;
    let id = stand.agent("bot").await;
    let named = |id: &str| json!({"agentId": id}).to_string();
    for called in [id.to_string(), id.to_string().to_uppercase()] {
        let refused = stand.dev(Method::POST, AGENTS, &named(&called)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused:?}");
        assert!(refused.message().contains("agentId"), "{refused:?}");
    }
    let free = "01a1fd78-0000-7000-8000-000000000000";
    let registered = stand.dev(Method::POST, AGENTS, &named(free)).await;
    assert_eq!(registered.status, StatusCode::CREATED, "{registered:?}");
}
