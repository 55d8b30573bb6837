//! Tokens of people, signed by an organisation's own identity provider (OpenID Connect Core 1.0) and
//! checked offline against the keys that `control` has read from it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::digest::hmac_sha256;
use crate::jwt::{LEEWAY_S, TokenRefusal, VerifyingKey, in_time, key_id};
use crate::key::Pepper;
use crate::role::Role;

/// Where a request to enforce carries the token of the person it is for.
pub const HEADER: &str = "x-writ-on-behalf-of";
/// Where a person who belongs to several organisations names the one that is meant.
pub const ORGANIZATION: &str = "x-writ-organization";

/// An identity provider as an organisation trusts it.
#[derive(Debug, Clone)]
pub struct IssuerRecord {
    /// Its id.
    pub id: Uuid,
    /// Whose people it knows.
    pub org_id: Uuid,
    /// `iss`, to the letter.
    pub issuer: String,
    /// One of these has to be in `aud` …
    pub audiences: Vec<String>,
    /// … or one of these has to be `azp`.
    pub authorized_parties: Vec<String>,
    /// By `kid`; each knows the one algorithm it is used with.
    pub keys: HashMap<String, Arc<VerifyingKey>>,
    /// Unix milliseconds until which the keys are believed without having been read again.
    pub keys_until_ms: i64,
    /// What the claims mean.
    pub claims: Claims,
}

/// What an issuer's claims mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// Whether members are found by `email`.
    pub email: EmailTrust,
    /// The claim with the person's roles, `a.b` for one inside another; empty is none.
    pub roles: String,
    /// The claim with what the person may do; empty is none.
    pub scopes: String,
    /// Roles of members by values of the roles claim. When there are any, a token without one of
    /// them is nobody's, and the highest of them is the most it may do.
    pub member_roles: BTreeMap<String, Role>,
}

/// Whether `email` says who somebody is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EmailTrust {
    /// It does not: members are linked by `sub`.
    #[default]
    Never,
    /// Where the issuer says `email_verified`.
    Verified,
    /// Always: the issuer knows only addresses it gave out itself.
    Always,
}

impl EmailTrust {
    /// The word in configuration and facts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Verified => "verified",
            Self::Always => "always",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn read(word: &str) -> Option<Self> {
        [Self::Never, Self::Verified, Self::Always]
            .into_iter()
            .find(|trust| trust.as_str() == word)
    }
}

/// What a token that is believed says of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// `sub`.
    pub subject: String,
    /// The address, where it may be believed.
    pub email: Option<String>,
    /// As the issuer calls them.
    pub roles: Vec<String>,
    /// `None` is not limited.
    pub scopes: Option<Vec<String>>,
    /// What tells one sign-in of the person from another: the session (`sid`), else the token (`jti`),
    /// else its times.
    pub session: String,
    /// Unix milliseconds until which the token is believed.
    pub believed_until_ms: i64,
}

/// A sign-in of a member, as it may be written down: of no use without the pepper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignIn {
    /// At which issuer.
    pub issuer: Uuid,
    /// Code of the person's session there.
    pub session: [u8; 32],
    /// Unix milliseconds until which the token that was presented is believed.
    pub believed_until_ms: i64,
}

#[derive(Deserialize)]
struct Spoken {
    iss: String,
    sub: String,
    #[serde(default)]
    aud: Option<OneOrMany>,
    #[serde(default)]
    azp: Option<String>,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    iat: Option<i64>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: Option<Value>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn has_any(&self, wanted: &[String]) -> bool {
        match self {
            Self::One(one) => wanted.contains(one),
            Self::Many(many) => many.iter().any(|one| wanted.contains(one)),
        }
    }
}

/// Whose token it says it is, before anything of it is believed: where to look its keys up.
///
/// # Errors
/// [`TokenRefusal::Malformed`] when it is no token.
pub fn claimed_issuer(token: &str) -> Result<String, TokenRefusal> {
    use base64::Engine as _;
    #[derive(Deserialize)]
    struct Named {
        iss: String,
    }
    key_id(token)?;
    let payload = token.split('.').nth(1).ok_or(TokenRefusal::Malformed)?;
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload);
    let payload = payload.map_err(|_| TokenRefusal::Malformed)?;
    let named: Named = serde_json::from_slice(&payload).map_err(|_| TokenRefusal::Malformed)?;
    Ok(named.iss)
}

/// Whether a credential looks like a signed token; no API key does.
#[must_use]
pub fn is_token(credential: &str) -> bool {
    credential.starts_with("eyJ") && credential.bytes().filter(|byte| *byte == b'.').count() == 2
}

impl IssuerRecord {
    /// Reads a token of this issuer. The time it holds from is `nbf`, or `iat` of an issuer that
    /// states none.
    ///
    /// # Errors
    /// [`TokenRefusal`]; an unknown `kid` asks nobody.
    pub fn verify(&self, token: &str, now_ms: i64) -> Result<User, TokenRefusal> {
        if now_ms >= self.keys_until_ms {
            return Err(TokenRefusal::UnknownKey);
        }
        let key = self.keys.get(&key_id(token)?);
        let spoken: Spoken = key.ok_or(TokenRefusal::UnknownKey)?.verify(token)?;
        let heard = spoken.aud.as_ref();
        let meant = heard.is_some_and(|aud| aud.has_any(&self.audiences))
            || spoken
                .azp
                .as_ref()
                .is_some_and(|azp| self.authorized_parties.contains(azp));
        if spoken.iss != self.issuer || !meant {
            return Err(TokenRefusal::Meant);
        }
        let from = spoken.nbf.or(spoken.iat).ok_or(TokenRefusal::Malformed)?;
        if !in_time(from, spoken.exp, now_ms) {
            return Err(TokenRefusal::Time);
        }
        if spoken.sub.trim().is_empty() {
            return Err(TokenRefusal::Malformed);
        }
        Ok(self.user(spoken, from))
    }

    fn user(&self, spoken: Spoken, from: i64) -> User {
        let verified = matches!(&spoken.email_verified, Some(Value::Bool(true)))
            || matches!(&spoken.email_verified, Some(Value::String(word)) if word == "true");
        let believed = match self.claims.email {
            EmailTrust::Never => false,
            EmailTrust::Verified => verified,
            EmailTrust::Always => true,
        };
        let scopes = found(&spoken.other, &self.claims.scopes).map(words);
        // A claim that is configured and missing allows nothing.
        let scopes = scopes.or_else(|| (!self.claims.scopes.is_empty()).then(Vec::new));
        User {
            roles: found(&spoken.other, &self.claims.roles)
                .map(words)
                .unwrap_or_default(),
            scopes,
            session: session(&spoken, from),
            believed_until_ms: spoken.exp.saturating_add(LEEWAY_S).saturating_mul(1_000),
            subject: spoken.sub,
            email: spoken.email.filter(|_| believed),
        }
    }

    /// The most a member with this token may do; `None` when the token is no member's.
    #[must_use]
    pub fn most(&self, user: &User) -> Option<Role> {
        let mapped = &self.claims.member_roles;
        if mapped.is_empty() {
            return Some(Role::Owner);
        }
        let roles = user.roles.iter().filter_map(|role| mapped.get(role));
        roles.max().copied()
    }
}

/// A refreshed token keeps its `sid`: whoever refreshes one has not signed in anew.
fn session(spoken: &Spoken, from: i64) -> String {
    let named = |claim: &str| {
        let id = spoken.other.get(claim)?.as_str()?;
        (!id.is_empty()).then(|| format!("{claim}:{id}"))
    };
    let times = || format!("times:{from}-{}", spoken.exp);
    named("sid").or_else(|| named("jti")).unwrap_or_else(times)
}

/// A claim by its name, or by its path.
fn found<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if name.is_empty() {
        return None;
    }
    claims.get(name).or_else(|| {
        let mut path = name.split('.');
        let first = claims.get(path.next()?)?;
        path.try_fold(first, |claim, part| claim.get(part))
    })
}

/// A list of texts, or a text of words (RFC 8693, 4.2).
fn words(claim: &Value) -> Vec<String> {
    match claim {
        Value::String(text) => text.split_whitespace().map(ToOwned::to_owned).collect(),
        Value::Array(items) => items
            .iter()
            .filter_map(|item| item.as_str().map(ToOwned::to_owned))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

/// What a member's fact carries instead of the address: of no use without the pepper.
#[must_use]
pub fn email_mac(pepper: &Pepper, org: Uuid, email: &str) -> [u8; 32] {
    let email = email.to_lowercase();
    let parts = [
        b"writ:member-email\0".as_slice(),
        org.as_bytes(),
        email.as_bytes(),
    ];
    hmac_sha256(pepper.bytes(), &parts)
}

/// What a member's fact carries instead of the subject it is linked to.
#[must_use]
pub fn subject_mac(pepper: &Pepper, issuer: Uuid, subject: &str) -> [u8; 32] {
    let parts = [
        b"writ:member-subject\0".as_slice(),
        issuer.as_bytes(),
        subject.as_bytes(),
    ];
    hmac_sha256(pepper.bytes(), &parts)
}

/// What is kept of a session instead of its name.
#[must_use]
pub(crate) fn session_mac(pepper: &Pepper, issuer: Uuid, user: &User) -> [u8; 32] {
    let parts = [
        b"writ:sign-in\0".as_slice(),
        issuer.as_bytes(),
        user.subject.as_bytes(),
        b"\0",
        user.session.as_bytes(),
    ];
    hmac_sha256(pepper.bytes(), &parts)
}

#[cfg(test)]
mod tests;
