//! What an identity provider says of itself (OpenID Connect Discovery 1.0, 4; RFC 7517). Only control
//! asks, and only hosts that it may: those the operator listed, inside, and public ones over https.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};
use writ_access::jwt::{Algorithm, VerifyingKey};
use writ_egress::client::BuildError;
use writ_egress::{Client, EgressError, Limits, Rules};

use super::domain::Key;

const WELL_KNOWN: &str = "/.well-known/openid-configuration";
/// Of one issuer.
const KEYS: usize = 20;
/// Bytes of one key; RSA with 8192 bits has 1,500.
const KEY: usize = 4_096;
const DOCUMENT: usize = 256 * 1024;
/// What of a key its use needs.
const MEMBERS: [&str; 8] = ["kty", "kid", "alg", "n", "e", "crv", "x", "y"];

/// Asks identity providers.
#[derive(Debug, Clone)]
pub(super) struct Discovery {
    public: Client,
    inside: Client,
    hosts: BTreeSet<String>,
}

/// Why an issuer's keys are not known.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// It could not be asked.
    #[error(transparent)]
    Asked(#[from] EgressError),
    /// It answered with something else.
    #[error("{0} did not answer with a JSON document of at most 256 KB")]
    Answer(&'static str),
    /// The document is another issuer's.
    #[error("its openid-configuration names another issuer")]
    OtherIssuer,
    /// None that may be used.
    #[error("it publishes no key for the algorithms it may use")]
    NoKeys,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Map<String, Value>>,
}

impl Discovery {
    pub(super) fn new(hosts: &[String]) -> Result<Self, BuildError> {
        let limits = Limits {
            response_bytes: DOCUMENT,
            ..Limits::default()
        };
        let hosts: BTreeSet<String> = hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Ok(Self {
            public: Client::new(Rules::public(), limits)?,
            inside: Client::new(Rules::inside(hosts.iter().cloned()), limits)?,
            hosts,
        })
    }

    /// Whether an issuer of this name may be asked at all.
    pub(super) fn check(&self, issuer: &str) -> Result<(), String> {
        let allowed = self.client(issuer).rules().check(issuer);
        allowed.map(drop).map_err(|refused| refused.to_string())
    }

    /// The keys an issuer signs with now.
    pub(super) async fn keys(
        &self,
        issuer: &str,
        algorithms: &[Algorithm],
    ) -> Result<Vec<Key>, Unread> {
        let place = format!("{}{WELL_KNOWN}", issuer.trim_end_matches('/'));
        let document: Document = self.get(&place, "the openid-configuration").await?;
        if document.issuer != issuer {
            return Err(Unread::OtherIssuer);
        }
        let found: Jwks = self.get(&document.jwks_uri, "the jwks_uri").await?;
        let usable = found.keys.iter().filter_map(|key| usable(key, algorithms));
        let keys: Vec<Key> = usable.take(KEYS).collect();
        if keys.is_empty() {
            return Err(Unread::NoKeys);
        }
        Ok(keys)
    }

    async fn get<T: for<'de> Deserialize<'de>>(
        &self,
        url: &str,
        what: &'static str,
    ) -> Result<T, Unread> {
        let answer = self.client(url).get(url).await?;
        let body = answer.body().filter(|_| answer.is_success());
        let read = body.and_then(|body| serde_json::from_slice(body).ok());
        read.ok_or(Unread::Answer(what))
    }

    /// By the host that is asked: a public issuer has no way to an inside one.
    fn client(&self, url: &str) -> &Client {
        let host = http::Uri::try_from(url).ok();
        let host = host.as_ref().and_then(http::Uri::host);
        let host = host.map(|host| host.trim_end_matches('.').to_ascii_lowercase());
        if host.is_some_and(|host| self.hosts.contains(&host)) {
            &self.inside
        } else {
            &self.public
        }
    }
}

/// A key for signatures under one of the algorithms, which the key itself may name.
fn usable(key: &Map<String, Value>, algorithms: &[Algorithm]) -> Option<Key> {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let kid = text("kid").filter(|kid| !kid.is_empty())?;
    if text("use").is_some_and(|used| used != "sig") {
        return None;
    }
    let needed = key
        .iter()
        .filter(|(name, _)| MEMBERS.contains(&name.as_str()));
    let needed: Map<String, Value> = needed
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let jwk = Value::Object(needed).to_string();
    let named = text("alg");
    let algorithm = algorithms.iter().find(|algorithm| {
        named.is_none_or(|named| named == algorithm.as_str())
            && VerifyingKey::from_jwk(&jwk, **algorithm).is_ok()
    })?;
    (jwk.len() <= KEY).then(|| Key {
        kid: kid.to_owned(),
        algorithm: algorithm.as_str().to_owned(),
        jwk,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use writ_access::jwt::SigningKey;

    use super::*;

    fn key(change: impl FnOnce(&mut Map<String, Value>)) -> Map<String, Value> {
        let key = SigningKey::ed25519(&[1; 32]).unwrap().jwk().clone();
        let Value::Object(mut key) = key else {
            panic!("a key is an object");
        };
        change(&mut key);
        key
    }

    #[test]
    fn a_key_is_used_with_an_algorithm_that_was_configured_and_no_other() {
        let plain = key(|_| {});
        let found = usable(&plain, &[Algorithm::Rs256, Algorithm::EdDsa]).unwrap();
        assert_eq!(found.algorithm, "EdDSA");
        assert_eq!(usable(&plain, &[Algorithm::Rs256]), None);
        let other = key(|key| drop(key.insert("alg".into(), json!("RS256"))));
        assert_eq!(usable(&other, &[Algorithm::Rs256, Algorithm::EdDsa]), None);
    }

    #[test]
    fn keys_for_something_else_or_without_a_name_are_left_out() {
        let all = [Algorithm::EdDsa];
        for (name, value) in [("use", json!("enc")), ("kid", json!("")), ("kid", json!(7))] {
            let odd = key(|key| drop(key.insert(name.into(), value)));
            assert_eq!(usable(&odd, &all), None, "{name}");
        }
        let secret = json!({"kty": "oct", "kid": "k", "k": "AAAA"});
        assert_eq!(usable(secret.as_object().unwrap(), &all), None);
        let long = key(|key| drop(key.insert("x5c".into(), json!(["x".repeat(9_000)]))));
        assert!(!usable(&long, &all).unwrap().jwk.contains("x5c"));
    }
}
