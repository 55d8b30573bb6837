//! Validators: who may register them, what is said of them, and that their secret stays one.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use writ_access::Role;
use writ_contract::{OrgId, Stream, ValidatorId, wire};
use writ_eventlog::{Content, Start};
use writ_seal::{Sealed, Sealer};

use crate::stand::{Answer, Stand};

const VALIDATORS: &str = "/api/v1/validators";
const SECRET: &str = "a secret of the customer's";

async fn register(stand: &Stand, body: &Value) -> Answer {
    let body = body.to_string();
    stand.owner(Method::POST, VALIDATORS, &body).await
}

fn path(answer: &Answer) -> String {
    format!(
        "{VALIDATORS}/{}",
        answer.body["data"]["id"].as_str().unwrap()
    )
}

async fn last_fact(stand: &Stand) -> (OrgId, u64, wire::Validator) {
    let log = stand.log();
    let filters = vec![log.topology().facts::<wire::Validator>()];
    let reading = log.read(Stream::Control, filters, Start::LastPerSubject);
    let delivered = reading.await.unwrap().next().await.unwrap();
    let Content::Fact(envelope) = delivered.content else {
        panic!("a fact")
    };
    let fact = envelope.open::<wire::Validator>().unwrap();
    (envelope.org, envelope.version, fact)
}

fn opened(org: OrgId, fact: &wire::Validator) -> String {
    let id = ValidatorId::from_bytes(&fact.validator_id).unwrap();
    let sealed = Sealed {
        key_id: fact.key_id.clone(),
        nonce: fact.nonce.clone().try_into().unwrap(),
        bytes: fact.sealed_secret.clone(),
    };
    let keys = [("k1".to_owned(), [0xab; 32])].into();
    let sealer = Sealer::new("k1", keys).unwrap();
    sealer
        .open(&sealed, &wire::Validator::place(org, id))
        .unwrap()
}

#[tokio::test]
async fn a_secret_is_stated_sealed_and_never_shown_again() {
    let stand = Stand::start().await;
    let body = json!({"name": "rules", "url": "https://rules.example/", "secret": SECRET});
    let made = register(&stand, &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert_eq!(made.body["data"]["failMode"], "closed");
    assert_eq!(made.body["data"]["timeoutMs"], 500);
    for answer in [
        made.body.clone(),
        stand.owner(Method::GET, &path(&made), "").await.body,
        stand.owner(Method::GET, VALIDATORS, "").await.body,
    ] {
        assert!(!answer.to_string().contains(SECRET) && !answer.to_string().contains("secret"));
    }
    let (org, version, fact) = last_fact(&stand).await;
    assert_eq!(version, 1);
    assert!(
        !fact
            .sealed_secret
            .windows(8)
            .any(|w| w == &SECRET.as_bytes()[..8])
    );
    assert_eq!(opened(org, &fact), SECRET);
}

#[tokio::test]
async fn a_secret_made_here_is_shown_once() {
    let stand = Stand::start().await;
    let made = register(&stand, &json!({"name": "r", "url": "https://a.example/"})).await;
    let secret = made.body["data"]["secret"].as_str().unwrap().to_owned();
    assert!(secret.len() > 64);
    let again = stand.owner(Method::GET, &path(&made), "").await;
    assert!(again.body["data"]["secret"].is_null());
    let (org, _, fact) = last_fact(&stand).await;
    assert_eq!(opened(org, &fact), secret);
}

#[tokio::test]
async fn a_change_keeps_what_it_does_not_name_and_counts_up() {
    let stand = Stand::start().await;
    let body = json!({"name": "rules", "url": "https://rules.example/", "secret": SECRET});
    let made = register(&stand, &body).await;
    let change = json!({"timeoutMs": 200, "failMode": "open"}).to_string();
    let changed = stand.owner(Method::PATCH, &path(&made), &change).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    let (org, version, fact) = last_fact(&stand).await;
    assert_eq!((version, fact.timeout_ms), (2, 200));
    assert_eq!(
        (fact.fail_mode.as_str(), fact.url.as_str()),
        ("open", "https://rules.example/")
    );
    assert_eq!(opened(org, &fact), SECRET);

    let rotate = json!({"secret": "another secret"}).to_string();
    stand.owner(Method::PATCH, &path(&made), &rotate).await;
    let (org, version, fact) = last_fact(&stand).await;
    assert_eq!(
        (version, opened(org, &fact).as_str()),
        (3, "another secret")
    );
}

#[tokio::test]
async fn one_that_a_policy_asks_is_not_deleted() {
    let stand = Stand::start().await;
    let made = register(&stand, &json!({"name": "r", "url": "https://a.example/"})).await;
    let id = made.body["data"]["id"].as_str().unwrap();
    let uuid = id
        .parse::<ValidatorId>()
        .unwrap()
        .0
        .to_string()
        .to_uppercase();
    for rule in [json!({"validator_id": id}), json!({"validatorId": uuid})] {
        let policy = json!({"name": "ask", "policyType": "custom_validator",
            "enforcementMode": "block", "ruleDefinition": rule})
        .to_string();
        let asks = stand.owner(Method::POST, "/api/v1/policies", &policy).await;
        assert_eq!(asks.status, StatusCode::CREATED, "{asks:?}");
        let refused = stand.owner(Method::DELETE, &path(&made), "").await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert_eq!(refused.code(), "VALIDATOR_IN_USE");
        assert!(refused.message().contains("ask"));
        let policy = format!(
            "/api/v1/policies/{}",
            asks.body["data"]["id"].as_str().unwrap()
        );
        stand.owner(Method::DELETE, &policy, "").await;
    }
    let deleted = stand.owner(Method::DELETE, &path(&made), "").await;
    assert_eq!(deleted.status, StatusCode::OK, "{deleted:?}");
    let gone = stand.owner(Method::GET, &path(&made), "").await;
    assert_eq!(gone.code(), "VALIDATOR_NOT_FOUND");
    let (_, _, fact) = last_fact(&stand).await;
    assert!(fact.deleted && fact.sealed_secret.is_empty());
}

#[tokio::test]
async fn a_policy_asks_only_a_validator_that_is_there() {
    let stand = Stand::start().await;
    let policy = |id: &str| {
        json!({"name": "ask", "policyType": "custom_validator", "enforcementMode": "block",
               "ruleDefinition": {"validatorId": id}})
        .to_string()
    };
    let nobody = policy(&ValidatorId(uuid::Uuid::nil()).to_string());
    let refused = stand.owner(Method::POST, "/api/v1/policies", &nobody).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused:?}");
    assert!(refused.message().contains("no such validator"));
    let made = register(&stand, &json!({"name": "r", "url": "https://a.example/"})).await;
    let known = policy(made.body["data"]["id"].as_str().unwrap());
    let other = stand.key(1, Role::Owner);
    let foreign = stand.call(&other, Method::POST, "/api/v1/policies", &known);
    assert_eq!(foreign.await.status, StatusCode::BAD_REQUEST);
    let asks = stand.owner(Method::POST, "/api/v1/policies", &known).await;
    assert_eq!(asks.status, StatusCode::CREATED);
    let path = format!(
        "/api/v1/policies/{}",
        asks.body["data"]["id"].as_str().unwrap()
    );
    let change = json!({"ruleDefinition": {"validatorId": uuid::Uuid::nil()}}).to_string();
    let refused = stand.owner(Method::PATCH, &path, &change).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_administrator_of_the_same_organisation_and_nobody_else() {
    let stand = Stand::start().await;
    let made = register(&stand, &json!({"name": "r", "url": "https://a.example/"})).await;
    let listed = stand.dev(Method::GET, VALIDATORS, "").await;
    assert_eq!(listed.status, StatusCode::FORBIDDEN);
    let other = stand.key(1, Role::Owner);
    for method in [Method::GET, Method::DELETE] {
        let answer = stand.call(&other, method, &path(&made), "").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
    let (path, body) = (path(&made), r#"{"name":"x"}"#);
    let change = stand.call(&other, Method::PATCH, &path, body).await;
    assert_eq!(change.status, StatusCode::NOT_FOUND);
    let list = stand.call(&other, Method::GET, VALIDATORS, "").await;
    assert_eq!(list.body["data"], json!([]));
}

#[tokio::test]
async fn addresses_inside_and_unknown_fields_are_refused() {
    let stand = Stand::start().await;
    for url in [
        "http://a.example/",
        "https://127.0.0.1/",
        "https://169.254.169.254/",
    ] {
        let refused = register(&stand, &json!({"name": "r", "url": url})).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{url}");
        assert!(refused.message().starts_with("url: "), "{refused:?}");
    }
    let body = json!({"name": "r", "url": "https://a.example/", "timeout": 1});
    let typo = register(&stand, &body).await;
    assert!(typo.message().contains("timeout"));
}
