//! An identity provider and what may be written about one.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use writ_access::Role;
use writ_access::issuer::EmailTrust;
use writ_access::jwt::Algorithm;
use writ_contract::wire;

use crate::error::Refusal;

const NAME: usize = 200;
const ISSUER: usize = 500;
const LIST: usize = 50;
const TEXT: usize = 300;

/// A registered identity provider and the keys it had when it was asked last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// `iss_…` on the wire.
    pub id: Uuid,
    /// For people.
    pub name: String,
    /// `iss` of its tokens; never changes.
    pub issuer: String,
    /// What decides whether a token of it is believed, and as whose.
    pub terms: Terms,
    /// What its tokens are checked with.
    pub keys: Vec<Key>,
    /// When it was asked for them last.
    pub keys_read_at: DateTime<Utc>,
    /// Until when they are believed if it does not answer any more.
    pub keys_until: DateTime<Utc>,
    /// Nothing of it is believed.
    pub deleted: bool,
    /// Dense from 1.
    pub version: u64,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When it was last changed by somebody.
    pub updated_at: DateTime<Utc>,
}

/// What decides whether a token is believed, and as whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// One of these is in `aud` …
    pub audiences: Vec<String>,
    /// … or one of these is `azp`.
    pub authorized_parties: Vec<String>,
    /// What it may sign with.
    pub algorithms: Vec<Algorithm>,
    /// Whether members are found by their address.
    pub email: EmailTrust,
    /// The claim with a person's roles; empty is none.
    pub roles_claim: String,
    /// The claim with what a person may do; empty is none.
    pub scopes_claim: String,
    /// Roles of members by values of that claim.
    pub member_roles: BTreeMap<String, Role>,
}

/// A public key of an issuer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// As tokens name it.
    pub kid: String,
    /// The one algorithm it is used with.
    pub algorithm: String,
    /// The JSON Web Key.
    pub jwk: String,
}

/// What a request says of an issuer.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "OidcIssuerBody")]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Body {
    name: Option<String>,
    /// `iss` of its tokens, below which `/.well-known/openid-configuration` is. Stays as it is.
    issuer: Option<String>,
    /// One of these has to be in `aud` …
    audiences: Option<Vec<String>>,
    /// … or one of these has to be `azp`.
    authorized_parties: Option<Vec<String>>,
    /// `RS256` (when absent), `ES256`, `EdDSA`.
    algorithms: Option<Vec<String>>,
    /// Whether members are found by the claim `email`: `never`, `verified` (when absent; needs
    /// `email_verified`) or `always`.
    email: Option<String>,
    /// The claim with the person's roles, such as `groups` or `realm_access.roles`.
    roles_claim: Option<String>,
    /// The claim with what the person may do, for acts on behalf of somebody; empty limits nobody.
    scopes_claim: Option<String>,
    /// Roles of members by values of the roles claim: the highest is the most that a token may do,
    /// and a token without any is nobody's.
    member_roles: Option<BTreeMap<String, String>>,
}

impl Body {
    /// The `iss` of an issuer to be registered.
    pub(super) fn issuer(&self) -> Result<&str, Refusal> {
        let issuer = self.issuer.as_deref().unwrap_or_default();
        if issuer.is_empty() || issuer.len() > ISSUER || issuer.contains(['?', '#']) {
            return Err(Refusal::field(
                "issuer",
                "the URL that is `iss` of its tokens",
            ));
        }
        Ok(issuer)
    }

    /// An issuer to be registered, without keys.
    pub(super) fn register(&self, id: Uuid, now: DateTime<Utc>) -> Result<Issuer, Refusal> {
        let issuer = self.issuer()?.to_owned();
        let bare = Issuer {
            id,
            name: issuer.clone(),
            issuer,
            terms: Terms {
                audiences: Vec::new(),
                authorized_parties: Vec::new(),
                algorithms: vec![Algorithm::Rs256],
                email: EmailTrust::Verified,
                roles_claim: String::new(),
                scopes_claim: String::new(),
                member_roles: BTreeMap::new(),
            },
            keys: Vec::new(),
            keys_read_at: now,
            keys_until: now,
            deleted: false,
            version: 0,
            created_at: now,
            updated_at: now,
        };
        self.change(&bare, now)
    }

    /// An issuer after a change of the fields that are there.
    pub(super) fn change(&self, found: &Issuer, now: DateTime<Utc>) -> Result<Issuer, Refusal> {
        if self
            .issuer
            .as_ref()
            .is_some_and(|said| *said != found.issuer)
        {
            let problem = "cannot be changed: register another one";
            return Err(Refusal::field("issuer", problem));
        }
        let own = found.terms.clone();
        let terms = Terms {
            audiences: self.audiences.clone().unwrap_or(own.audiences),
            authorized_parties: self
                .authorized_parties
                .clone()
                .unwrap_or(own.authorized_parties),
            algorithms: match &self.algorithms {
                Some(words) => algorithms(words)?,
                None => own.algorithms,
            },
            email: match &self.email {
                Some(word) => EmailTrust::read(word)
                    .ok_or_else(|| Refusal::field("email", "never, verified or always"))?,
                None => own.email,
            },
            roles_claim: self.roles_claim.clone().unwrap_or(own.roles_claim),
            scopes_claim: self.scopes_claim.clone().unwrap_or(own.scopes_claim),
            member_roles: match &self.member_roles {
                Some(words) => member_roles(words)?,
                None => own.member_roles,
            },
        };
        let name = self.name.as_deref().map_or(found.name.as_str(), str::trim);
        let next = Issuer {
            name: name.to_owned(),
            terms,
            ..found.clone()
        };
        next.problems()?;
        if next == *found {
            return Ok(next);
        }
        Ok(Issuer {
            version: found.version + 1,
            updated_at: now,
            ..next
        })
    }
}

impl Issuer {
    /// With the keys it has now; the same when nobody has to be told: the keys are those that are
    /// known, and these are believed for another half of `believed_for`.
    #[must_use]
    pub(super) fn with_keys(
        &self,
        mut keys: Vec<Key>,
        believed_for: TimeDelta,
        now: DateTime<Utc>,
    ) -> Self {
        keys.sort_unstable();
        let read = Self {
            keys_read_at: now,
            ..self.clone()
        };
        if keys == self.keys && self.keys_until - now > believed_for / 2 {
            return read;
        }
        Self {
            keys,
            keys_until: now + believed_for,
            version: self.version + 1,
            ..read
        }
    }

    /// After its removal.
    #[must_use]
    pub(super) fn removed(&self, now: DateTime<Utc>) -> Self {
        Self {
            deleted: true,
            keys: Vec::new(),
            version: self.version + 1,
            updated_at: now,
            ..self.clone()
        }
    }

    /// The full state as a fact.
    #[must_use]
    pub fn fact(&self) -> wire::Issuer {
        let terms = &self.terms;
        let roles = terms.member_roles.iter();
        wire::Issuer {
            issuer_id: self.id.as_bytes().to_vec(),
            issuer: self.issuer.clone(),
            audiences: terms.audiences.clone(),
            authorized_parties: terms.authorized_parties.clone(),
            email: terms.email.as_str().to_owned(),
            roles_claim: terms.roles_claim.clone(),
            scopes_claim: terms.scopes_claim.clone(),
            member_roles: roles
                .map(|(value, role)| wire::MappedRole {
                    value: value.clone(),
                    role: role.as_str().to_owned(),
                })
                .collect(),
            keys: self
                .keys
                .iter()
                .map(|key| wire::IssuerKey {
                    kid: key.kid.clone(),
                    algorithm: key.algorithm.clone(),
                    jwk: key.jwk.clone(),
                })
                .collect(),
            keys_until_us: self.keys_until.timestamp_micros(),
            removed: self.deleted,
        }
    }

    fn problems(&self) -> Result<(), Refusal> {
        let mut problems = Vec::new();
        let terms = &self.terms;
        if self.name.is_empty() || self.name.chars().count() > NAME.max(ISSUER) {
            problems.push(format!("name: 1 to {NAME} characters"));
        }
        if terms.audiences.is_empty() && terms.authorized_parties.is_empty() {
            problems.push("audiences: name one, or one of authorizedParties".to_owned());
        }
        let lists = [
            ("audiences", &terms.audiences),
            ("authorizedParties", &terms.authorized_parties),
        ];
        for (field, list) in lists {
            let odd = |text: &String| text.trim().is_empty() || text.len() > TEXT;
            if list.len() > LIST || list.iter().any(odd) {
                problems.push(format!(
                    "{field}: at most {LIST} texts of 1 to {TEXT} bytes"
                ));
            }
        }
        if terms.roles_claim.len() > TEXT || terms.scopes_claim.len() > TEXT {
            problems.push(format!("rolesClaim, scopesClaim: at most {TEXT} bytes"));
        }
        if !terms.member_roles.is_empty() && terms.roles_claim.is_empty() {
            problems.push("memberRoles: needs rolesClaim".to_owned());
        }
        if terms.member_roles.len() > LIST || terms.member_roles.keys().any(|v| v.len() > TEXT) {
            problems.push(format!(
                "memberRoles: at most {LIST} values of {TEXT} bytes"
            ));
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Refusal::Invalid(problems))
        }
    }
}

fn algorithms(words: &[String]) -> Result<Vec<Algorithm>, Refusal> {
    let wrong = || Refusal::field("algorithms", "some of RS256, ES256, EdDSA");
    let mut read = Vec::new();
    for word in words {
        let algorithm = word.parse().map_err(|_| wrong())?;
        if !read.contains(&algorithm) {
            read.push(algorithm);
        }
    }
    if read.is_empty() {
        Err(wrong())
    } else {
        Ok(read)
    }
}

fn member_roles(words: &BTreeMap<String, String>) -> Result<BTreeMap<String, Role>, Refusal> {
    let wrong = |_| Refusal::field("memberRoles", "viewer, developer, admin or owner");
    words
        .iter()
        .map(|(value, role)| Ok((value.clone(), role.parse().map_err(wrong)?)))
        .collect()
}

#[cfg(test)]
mod tests;
