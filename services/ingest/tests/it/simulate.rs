//! Drafts of policies over decisions and their traces.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;
use writ_contract::{DecisionId, PolicyId, wire};

use crate::decisions::{decision, record};
use crate::fixture::{Fixture, Org, start, trace};

async fn simulate(fixture: &Fixture, org: &Org, body: &Value) -> (StatusCode, Value) {
    let path = "/api/v1/policies/simulate";
    fixture
        .call(org, Method::POST, path, &body.to_string())
        .await
}

fn no_secrets() -> Value {
    json!({
        "policyType": "data_restriction",
        "enforcementMode": "block",
        "ruleDefinition": {"restricted_words": ["orchid"]},
    })
}

/// Three decisions: 1 and 2 with traces that name them, 2 and 3 by a policy; another organisation's.
async fn decided(fixture: &Fixture) {
    fixture.agent(&fixture.org, 7, "agent-1").await;
    let mut allowed = decision(1, wire::Outcome::Allow);
    allowed.hits.clear();
    let denied = decision(2, wire::Outcome::Deny);
    let unseen = decision(3, wire::Outcome::Deny);
    record(fixture, &fixture.org, &[allowed, denied, unseen]).await;
    let foreign = decision(4, wire::Outcome::Allow);
    record(fixture, &fixture.other, &[foreign]).await;
    let traces: Vec<Value> = [(1, "tell me of project orchid"), (2, "good morning")]
        .into_iter()
        .map(|(n, input)| {
            let id = DecisionId(Uuid::from_u128(n));
            let mut sent = trace(&format!("t{n}"));
            sent["input"] = json!(input);
            sent["metadata"] = json!({"enforcement": {"source": format!("writ:{id}")}});
            sent
        })
        .collect();
    fixture.send(&fixture.org, &traces).await;
    fixture.counts("SELECT count() FROM decisions", 4).await;
    fixture.counts("SELECT count() FROM traces", 2).await;
}

#[tokio::test]
async fn a_draft_is_judged_on_what_traces_say_of_decisions() {
    let fixture = start().await;
    decided(&fixture).await;
    let body = json!({"policy": no_secrets()});
    let (status, told) = simulate(&fixture, &fixture.org, &body).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let told = &told["data"];
    let counts = ["decisions", "withInput", "inScope", "hits", "notJudged"];
    let counts = counts.map(|name| told[name].as_u64());
    assert_eq!(counts, [Some(3), Some(2), Some(3), Some(1), Some(0)]);
    let change = json!([{"recorded": "allow", "simulated": "deny", "count": 1}]);
    assert_eq!(
        (&told["changes"], &told["complete"]),
        (&change, &json!(true))
    );
    let samples = told["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 1);
    let id = DecisionId(Uuid::from_u128(1)).to_string();
    assert_eq!(samples[0]["decisionId"], json!(id));
    assert!(
        !samples[0]["messages"][0]
            .as_str()
            .unwrap()
            .contains("project")
    );

    // It would stand for the policy that refused the other two.
    let replaces = PolicyId(Uuid::from_u128(9));
    let body = json!({"policy": no_secrets(), "replaces": replaces, "limit": 2});
    let (_, told) = simulate(&fixture, &fixture.org, &body).await;
    let change = json!([{"recorded": "deny", "simulated": "allow", "count": 2}]);
    let told = &told["data"];
    assert_eq!(
        (&told["changes"], &told["complete"]),
        (&change, &json!(false))
    );
}

#[tokio::test]
async fn a_wrong_draft_is_refused_with_all_that_is_wrong() {
    let fixture = start().await;
    let mut wrong = no_secrets();
    wrong["ruleDefinition"] = json!({"restricted_word": ["x"]});
    wrong["enforcementmode"] = json!("block");
    let (status, told) = simulate(&fixture, &fixture.org, &json!({"policy": wrong})).await;
    let error = &told["error"];
    assert_eq!(
        (status, &error["ref"]),
        (StatusCode::BAD_REQUEST, &json!("ING0111")),
        "{told}"
    );
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("policy.enforcementmode: unknown field"),
        "{message}"
    );
    assert!(message.contains("policy.ruleDefinition"), "{message}");
    let body = json!({"policy": no_secrets(), "limit": 5_001});
    let (status, told) = simulate(&fixture, &fixture.org, &body).await;
    assert_eq!(
        (status, &told["error"]["ref"]),
        (StatusCode::BAD_REQUEST, &json!("ING0102"))
    );
}
