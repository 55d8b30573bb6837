use serde_json::json;

use super::*;
use crate::jwt::SigningKey;

const NOW: i64 = 1_800_000_000_000;

fn key(seed: u8) -> SigningKey {
    SigningKey::ed25519(&[seed; 32]).unwrap()
}

fn issuer() -> IssuerRecord {
    let key = key(1);
    let verifying = VerifyingKey::from_jwk(&key.jwk().to_string(), key.algorithm()).unwrap();
    IssuerRecord {
        id: Uuid::from_u128(1),
        org_id: Uuid::from_u128(2),
        issuer: "https://id.example.com".into(),
        audiences: vec!["writ".into()],
        authorized_parties: vec!["console".into()],
        keys: [(key.kid().to_owned(), Arc::new(verifying))].into(),
        keys_until_ms: NOW + 1,
        claims: Claims {
            email: EmailTrust::Verified,
            roles: "realm_access.roles".into(),
            scopes: "scope".into(),
            member_roles: BTreeMap::new(),
        },
    }
}

fn claims() -> Value {
    json!({"iss": "https://id.example.com", "sub": "u1", "aud": "writ", "nbf": 1_800_000_000,
        "exp": 1_800_000_600, "email": "Ada@example.com", "email_verified": true,
        "realm_access": {"roles": ["clerk", 7]}, "scope": "crm.read crm.write"})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn read(claims: &Value) -> Result<User, TokenRefusal> {
    issuer().verify(&key(1).sign(claims).unwrap(), NOW)
}

#[test]
fn a_true_token_says_who_it_is_and_what_they_may() {
    let user = read(&claims()).unwrap();
    assert_eq!(
        (user.subject.as_str(), user.email.as_deref()),
        ("u1", Some("Ada@example.com"))
    );
    assert_eq!(user.roles, ["clerk"]);
    assert_eq!(user.scopes.unwrap(), ["crm.read", "crm.write"]);
    let token = key(1).sign(&claims()).unwrap();
    assert!(is_token(&token));
    assert_eq!(claimed_issuer(&token).unwrap(), "https://id.example.com");
}

#[test]
fn who_it_is_for_is_the_audience_or_a_party_that_is_listed() {
    assert!(read(&with("aud", json!(["a", "writ"]))).is_ok());
    assert_eq!(read(&with("aud", json!("a"))), Err(TokenRefusal::Meant));
    let mut party = with("azp", json!("console"));
    party["aud"] = json!("a");
    assert!(read(&party).is_ok());
    party["azp"] = json!("writ");
    assert_eq!(read(&party), Err(TokenRefusal::Meant));
    let other = with("iss", json!("https://id.example.com/"));
    assert_eq!(read(&other), Err(TokenRefusal::Meant));
}

#[test]
fn every_required_claim_is_required_and_typed() {
    for name in ["iss", "sub", "exp", "nbf"] {
        let mut without = claims();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(read(&without), Err(TokenRefusal::Malformed), "{name}");
        assert_eq!(
            read(&with(name, json!({}))),
            Err(TokenRefusal::Malformed),
            "{name}"
        );
    }
    assert_eq!(
        read(&with("exp", json!("1800000600"))),
        Err(TokenRefusal::Malformed)
    );
    assert_eq!(read(&with("sub", json!(" "))), Err(TokenRefusal::Malformed));
    let mut without = claims();
    without.as_object_mut().unwrap().remove("aud");
    assert_eq!(read(&without), Err(TokenRefusal::Meant));
    let mut issued = with("iat", json!(1_800_000_000));
    issued.as_object_mut().unwrap().remove("nbf");
    assert!(read(&issued).is_ok());
}

#[test]
fn neither_early_nor_late_nor_under_another_key_nor_under_keys_that_are_too_old() {
    assert_eq!(
        read(&with("exp", json!(1_799_999_000))),
        Err(TokenRefusal::Time)
    );
    assert_eq!(
        read(&with("nbf", json!(1_800_000_900))),
        Err(TokenRefusal::Time)
    );
    let foreign = key(2).sign(&claims()).unwrap();
    assert_eq!(
        issuer().verify(&foreign, NOW),
        Err(TokenRefusal::UnknownKey)
    );
    let own = key(1).sign(&claims()).unwrap();
    assert_eq!(
        issuer().verify(&own, NOW + 1),
        Err(TokenRefusal::UnknownKey)
    );
}

#[test]
fn an_address_is_believed_only_where_the_issuer_says_it_checked_it() {
    assert_eq!(
        read(&with("email_verified", json!(false))).unwrap().email,
        None
    );
    let mut silent = claims();
    silent.as_object_mut().unwrap().remove("email_verified");
    assert_eq!(read(&silent).unwrap().email, None);
}

#[test]
fn a_scopes_claim_that_is_missing_allows_nothing() {
    let mut silent = claims();
    silent.as_object_mut().unwrap().remove("scope");
    assert_eq!(read(&silent).unwrap().scopes, Some(Vec::new()));
}

#[test]
fn mapped_roles_bound_a_member_and_a_token_without_one_is_nobodys() {
    let mut issuer = issuer();
    let user = read(&claims()).unwrap();
    assert_eq!(issuer.most(&user), Some(Role::Owner));
    issuer.claims.member_roles = [("boss".to_owned(), Role::Admin)].into();
    assert_eq!(issuer.most(&user), None);
    issuer
        .claims
        .member_roles
        .insert("clerk".to_owned(), Role::Viewer);
    assert_eq!(issuer.most(&user), Some(Role::Viewer));
}

#[test]
fn an_address_is_the_same_in_any_case_and_another_in_another_organisation() {
    let pepper = Pepper::new([4; 32]).unwrap();
    let of = |org, email| email_mac(&pepper, Uuid::from_u128(org), email);
    assert_eq!(of(1, "Ada@x.org"), of(1, "ada@X.org"));
    assert_ne!(of(1, "ada@x.org"), of(2, "ada@x.org"));
}

#[test]
fn a_session_is_told_by_its_sid_else_the_token_else_its_times() {
    let session = |claims: &Value| read(claims).unwrap().session;
    assert_eq!(session(&claims()), "times:1800000000-1800000600");
    let mut named = with("jti", json!("j1"));
    assert_eq!(session(&named), "jti:j1");
    named["sid"] = json!("s1");
    assert_eq!(session(&named), "sid:s1");
    named["exp"] = json!(1_800_000_900);
    assert_eq!(session(&named), "sid:s1", "refreshed");
    named["sid"] = json!(7);
    assert_eq!(session(&named), "jti:j1", "not a text");
}

#[test]
fn codes_of_sessions_differ_by_subject_and_issuer() {
    let pepper = Pepper::new([4; 32]).unwrap();
    let user = |sub: &str| read(&with("sub", json!(sub))).unwrap();
    let code = |issuer, sub| session_mac(&pepper, Uuid::from_u128(issuer), &user(sub));
    assert_eq!(code(1, "u1"), code(1, "u1"));
    assert_ne!(code(1, "u1"), code(1, "u2"));
    assert_ne!(code(1, "u1"), code(2, "u1"));
}
