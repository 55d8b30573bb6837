//! Who is behind an act is known, not found.

use serde_json::{Value, json};
use writ_policy::{Outcome, PolicyType};

use crate::support::{decide_by, request};

fn outcome(metadata: Value) -> Outcome {
    let mut asked = request("hello");
    asked.metadata = Some(metadata);
    asked.read_metadata().unwrap();
    let rule = json!({"denied_pii_types": ["email"]});
    decide_by(PolicyType::PiiAccess, rule, &asked).outcome
}

#[test]
fn the_address_of_the_person_behind_an_act_is_no_personal_data_that_was_found() {
    let person = json!({"userId": "anna@example.com", "email": "anna@example.com"});
    assert_eq!(outcome(json!({"onBehalfOf": person})), Outcome::Allow);
    let noted = json!({"onBehalfOf": {"userId": "u1", "note": "bob@example.com"}});
    assert_eq!(outcome(noted), Outcome::Block);
    let beside = json!({"onBehalfOf": person, "to": "anna@example.com"});
    assert_eq!(outcome(beside), Outcome::Block);
}
