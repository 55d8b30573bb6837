//! Which decision a trace belongs to when it does not say so.

use serde_json::{Value, json};
use uuid::Uuid;
use writ_contract::digest::DigestKey;
use writ_contract::{DecisionId, OrgId, wire};
use writ_testkit::eventually;

use crate::decisions::{decision, record};
use crate::fixture::{Fixture, WITHIN, start, trace};

/// A decision of this moment over an input, as enforcement states it.
fn over(n: u128, org: OrgId, input: &str) -> wire::Decision {
    let key = DigestKey::new([7; 32]).for_org(org);
    wire::Decision {
        input_digest: key.digest(input.as_bytes()).to_vec(),
        ..decision(n, wire::Outcome::Allow)
    }
}

fn with(id: &str, input: &Value) -> Value {
    let mut one = trace(id);
    one["input"] = input.clone();
    one
}

const NAMES: [&str; 7] = [
    "inferred",
    "exact",
    "old",
    "elsewhere",
    "others",
    "foreign",
    "structured",
];

/// How each of these traces is linked.
async fn links(fixture: &Fixture, ids: &[&str]) -> Vec<Value> {
    let mut found = Vec::new();
    for id in ids {
        let (_, body) = fixture
            .get(&fixture.org, &format!("/api/v1/traces/{id}"))
            .await;
        found.push(body["data"]["spans"][0]["decision"].clone());
    }
    found
}

#[tokio::test]
async fn a_trace_is_linked_by_an_equal_input_of_the_same_agent_and_place_within_its_time() {
    let fixture = start().await;
    fixture.agent(&fixture.org, 7, "agent-1").await;
    let org = fixture.org.id;
    let mut elsewhere = over(3, org, "three");
    elsewhere.environment = "staging".into();
    let mut others = over(4, org, "four");
    (others.external_agent_id, others.agent_id) = ("agent-2".into(), Vec::new());
    let decided = [over(1, org, "one"), over(2, org, "two"), elsewhere, others];
    record(&fixture, &fixture.org, &decided).await;
    record(
        &fixture,
        &fixture.other,
        &[over(5, fixture.other.id, "five")],
    )
    .await;

    let id = |n| DecisionId(Uuid::from_u128(n)).to_string();
    let mut exact = with("exact", &json!("one"));
    exact["metadata"] = json!({ "enforcement": { "source": format!("writ:{}", id(2)) } });
    let mut old = with("old", &json!("two"));
    old["timestamp"] = json!("2026-01-01T00:00:00.000Z");
    let sent = [
        with("inferred", &json!("one")),
        exact,
        old,
        with("elsewhere", &json!("three")),
        with("others", &json!("four")),
        with("foreign", &json!("five")),
        with("structured", &json!({ "q": "one" })),
    ];
    fixture.send(&fixture.org, &sent).await;
    fixture.counts("SELECT count() FROM traces", 7).await;
    fixture.counts("SELECT count() FROM decisions", 5).await;

    let none = json!({ "link": "none" });
    let found = eventually(WITHIN, "links are read", || async {
        let found = links(&fixture, &NAMES).await;
        if found[0] == none {
            Err(found)
        } else {
            Ok(found)
        }
    })
    .await;
    assert_eq!(found[0], json!({ "id": id(1), "link": "inferred" }));
    assert_eq!(found[1], json!({ "id": id(2), "link": "exact" }));
    for (unlinked, id) in found[2..].iter().zip(&NAMES[2..]) {
        assert_eq!(unlinked, &none, "{id}");
    }
    let (_, listed) = fixture.get(&fixture.org, "/api/v1/traces").await;
    assert!(listed.to_string().contains("\"inferred\""), "{listed}");
    let view = |link: &str| format!("SELECT count() FROM trace_links WHERE link = '{link}'");
    for (link, count) in [("inferred", 1), ("exact", 1), ("none", 5)] {
        fixture.counts(&view(link), count).await;
    }
}
