use serde_json::{Value, json};

use super::*;

fn body(json: Value) -> Body {
    serde_json::from_value(json).unwrap()
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn issuer() -> Issuer {
    let made = json!({"issuer": "https://id.example.com", "audiences": ["writ"]});
    body(made).register(Uuid::nil(), now()).unwrap()
}

fn key(kid: &str) -> Key {
    Key {
        kid: kid.to_owned(),
        algorithm: "RS256".to_owned(),
        jwk: "{}".to_owned(),
    }
}

#[test]
fn what_is_not_said_is_strict() {
    let terms = issuer().terms;
    assert_eq!(terms.algorithms, [Algorithm::Rs256]);
    assert_eq!((terms.email, issuer().version), (EmailTrust::Verified, 1));
}

#[test]
fn every_wrong_field_is_named() {
    for (wrong, named) in [
        (
            json!({"issuer": "https://x?y", "audiences": ["a"]}),
            "issuer",
        ),
        (json!({"issuer": "https://x"}), "audiences"),
        (
            json!({"issuer": "https://x", "audiences": [" "]}),
            "audiences",
        ),
        (
            json!({"issuer": "https://x", "audiences": ["a"], "algorithms": ["none"]}),
            "algorithms",
        ),
        (
            json!({"issuer": "https://x", "audiences": ["a"], "algorithms": []}),
            "algorithms",
        ),
        (
            json!({"issuer": "https://x", "audiences": ["a"], "email": "yes"}),
            "email",
        ),
        (
            json!({"issuer": "https://x", "audiences": ["a"], "memberRoles": {"a": "owner"}}),
            "memberRoles",
        ),
    ] {
        let refused = body(wrong).register(Uuid::nil(), now()).unwrap_err();
        assert!(refused.to_string().starts_with(named), "{refused}");
    }
    let moved = body(json!({"issuer": "https://other"})).change(&issuer(), now());
    assert!(moved.is_err());
}

#[test]
fn keys_are_stated_again_when_they_change_or_their_time_is_half_over() {
    let day = TimeDelta::hours(24);
    let first = issuer().with_keys(vec![key("b"), key("a")], day, now());
    assert_eq!((first.version, first.keys[0].kid.as_str()), (2, "a"));
    let later = now() + TimeDelta::hours(11);
    let same = first.with_keys(vec![key("a"), key("b")], day, later);
    assert_eq!((same.version, same.keys_read_at), (2, later));
    let older = now() + TimeDelta::hours(13);
    let again = first.with_keys(vec![key("a"), key("b")], day, older);
    assert_eq!((again.version, again.keys_until), (3, older + day));
    assert_eq!(first.with_keys(vec![key("c")], day, later).version, 3);
}
