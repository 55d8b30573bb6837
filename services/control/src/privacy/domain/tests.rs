use serde_json::{Value, json};
use writ_contract::OrgId;
use writ_contract::digest::DigestKey;

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

fn receive(body: Value) -> Result<Request, Refusal> {
    let body: Receive = serde_json::from_value(body).unwrap();
    let key = DigestKey::new([1; 32]).for_org(OrgId(Uuid::nil()));
    body.request(Uuid::from_u128(1), None, &key, now())
}

fn erasure() -> Request {
    receive(json!({"type": "erasure", "subject": " u-1 ", "aliases": ["a@example.com", "u-1"]}))
        .unwrap()
}

fn change(body: Value) -> Change {
    serde_json::from_value(body).unwrap()
}

#[test]
fn a_request_is_due_thirty_days_after_it_came_in() {
    let earlier = now() - TimeDelta::days(3);
    let request = receive(json!({"type": "access", "subject": "u-1", "receivedAt": earlier}));
    assert_eq!(request.unwrap().due_at, now() + TimeDelta::days(27));
    let request = erasure();
    assert_eq!(request.names, ["a@example.com", "u-1"]);
    assert_eq!(request.digests.len(), 2);
}

#[test]
fn every_wrong_field_is_named() {
    let later = now() + TimeDelta::seconds(1);
    let wrong = json!({"type": "forget", "receivedAt": later, "note": "x".repeat(2001)});
    let refused = receive(wrong).unwrap_err().to_string();
    for field in ["type:", "subject:", "receivedAt:", "note:"] {
        assert!(refused.contains(field), "{field} in {refused}");
    }
    assert!(receive(json!({"type": "access", "subject": " "})).is_err());
}

#[test]
fn a_request_came_in_at_a_time_that_can_be() {
    for when in [
        "0001-01-01T00:00:00Z",
        "1999-12-31T23:59:59Z",
        "-200000-01-01T00:00:00Z",
    ] {
        let refused = receive(json!({"type": "access", "subject": "u-1", "receivedAt": when}));
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.contains("receivedAt: must not be before 2000"),
            "{refused}"
        );
    }
    let old = json!({"type": "access", "subject": "u-1", "receivedAt": "2000-01-01T00:00:00Z"});
    assert!(receive(old).is_ok());
}

#[test]
fn nothing_is_erased_while_a_legal_hold_stands() {
    let held = erasure()
        .changed(&change(json!({"legalHold": "case 12"})))
        .unwrap();
    assert_eq!(held.completed(now()), Err(PrivacyRefusal::LegalHold.into()));
    assert!(held.fact().legal_hold);
    let free = held.changed(&change(json!({"legalHold": null}))).unwrap();
    let erasing = free.completed(now()).unwrap();
    assert_eq!((erasing.stage, erasing.closed_at), (Stage::Erasing, None));
    assert!(erasing.names.is_empty() && erasing.note.is_none());
    assert!(
        erasure()
            .changed(&change(json!({"legalHold": " "})))
            .is_err()
    );
}

#[test]
fn an_erasure_is_completed_when_all_who_erase_have_said_so() {
    let erasing = erasure().completed(now()).unwrap();
    let one = erasing.erased_by("ingest", now()).unwrap();
    assert_eq!(
        (one.stage, one.erased_by("ingest", now())),
        (Stage::Erasing, None)
    );
    let both = one.erased_by("approval", now()).unwrap();
    assert_eq!(
        (both.stage, both.closed_at),
        (Stage::Completed, Some(now()))
    );
    assert_eq!(
        erasure().erased_by("ingest", now()),
        None,
        "nobody asked for it"
    );
}

#[test]
fn what_is_closed_stays_as_it_is() {
    let refused = erasure().refused("not the person".into(), now()).unwrap();
    let closed = Refusal::from(PrivacyRefusal::Closed("refused"));
    assert_eq!(refused.completed(now()), Err(closed.clone()));
    assert_eq!(refused.refused("again".into(), now()), Err(closed.clone()));
    let held = refused.changed(&change(json!({"legalHold": "x"})));
    assert_eq!(held, Err(closed));
    assert_eq!(refused.told(now() + TimeDelta::days(99)), None);
}

#[test]
fn its_end_is_told_twice_soon_and_overdue() {
    let request = erasure();
    assert_eq!(request.told(now() + TimeDelta::days(24)), None);
    let soon = request.told(now() + TimeDelta::days(25)).unwrap();
    assert_eq!(
        (soon.due, soon.told(now() + TimeDelta::days(26))),
        (Due::Soon, None)
    );
    let overdue = soon.told(now() + TimeDelta::days(30)).unwrap();
    assert_eq!((overdue.due, overdue.version), (Due::Overdue, 3));
    assert_eq!(overdue.told(now() + TimeDelta::days(99)), None);
}

#[test]
fn no_name_and_no_word_is_in_the_fact() {
    let request =
        receive(json!({"type": "access", "subject": "ada@example.com", "note": "secret"}));
    let fact = format!("{:?}", request.unwrap().fact());
    assert!(!fact.contains("ada") && !fact.contains("secret"), "{fact}");
}
