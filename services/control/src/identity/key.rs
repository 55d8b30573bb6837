//! Keys: what is issued, to whom, and what of it is kept.

mod change;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;
use writ_access::key::{bcrypt_hash, mac};
use writ_access::{ApiKey, Caller, IpNet, Pepper, Prefix, Role};
use writ_contract::{PersonId, wire};

use super::member::Member;
use crate::error::{Error, Refusal};

pub use change::KeyChange;

/// Of networks and of environments.
const MOST: usize = 100;

/// A key's row: a hash and a code, never the key.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// `key_…` on the wire.
    pub id: Uuid,
    /// For people.
    pub name: String,
    /// `ag_`, `ag_test_`, `exe_prod_` or `exe_dev_`.
    pub prefix: String,
    /// The twelve characters it is looked up by.
    pub public_id: String,
    /// bcrypt of the secret part.
    pub secret_hash: String,
    /// HMAC-SHA256(pepper, key).
    pub mac: Vec<u8>,
    /// What it may do.
    pub role: Role,
    /// Who holds it.
    pub person: Uuid,
    /// It may not act in production.
    pub test: bool,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Revoked because somebody else got hold of it.
    pub leaked: bool,
    /// Networks it may be used from; empty is any.
    pub cidrs: Vec<String>,
    /// Environments it may act in; empty is any.
    pub environments: Vec<String>,
    /// Every request must be signed.
    pub signature_required: bool,
    /// Dense from 1.
    pub version: u64,
    /// When it was issued.
    pub created_at: DateTime<Utc>,
}

/// A key to be issued.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "KeyBody")]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Issue {
    name: Option<String>,
    /// `viewer`, `developer`, `admin` or `owner`; at most the role of the issuer.
    role: Option<String>,
    /// It may not act in production.
    test: bool,
    /// Another holder than the issuer: the member of this `per_` id, whose role it may not exceed …
    person: Option<String>,
    /// … or a new member of this name and the role of the key.
    person_name: Option<String>,
    person_email: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    cidrs: Vec<String>,
    environments: Vec<String>,
    signature_required: bool,
}

/// What issuing needs and may not make up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub key_id: Uuid,
    pub new_person: Uuid,
    pub random: [u8; 32],
    pub salt: [u8; 16],
    pub now: DateTime<Utc>,
}

impl Issue {
    /// The text of the key to be issued.
    pub(super) fn key_text(&self, facts: &Facts) -> Result<String, Refusal> {
        self.role()?;
        let prefix = if self.test {
            Prefix::Test
        } else {
            Prefix::Live
        };
        Ok(ApiKey::generate(prefix, facts.random).expose().to_owned())
    }

    fn role(&self) -> Result<Role, Refusal> {
        let word = self
            .role
            .as_deref()
            .ok_or_else(|| Refusal::field("role", "is required"))?;
        word.parse()
            .map_err(|_| Refusal::field("role", "viewer, developer, admin or owner"))
    }

    fn problems(&self, now: DateTime<Utc>) -> Vec<String> {
        let mut problems = Vec::new();
        if !is_name(self.name.as_deref().unwrap_or_default()) {
            problems.push("name: 1 to 200 characters".to_owned());
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            problems.push("expiresAt: must be in the future".to_owned());
        }
        problems.extend(wrong_cidrs(&self.cidrs));
        if self.environments.len() > MOST {
            problems.push(format!("environments: at most {MOST}"));
        }
        if self.environments.iter().any(|name| name.trim().is_empty()) {
            problems.push("environments: must not be empty".to_owned());
        }
        if self.person.is_some() && self.person_name.is_some() {
            problems.push("person: give either person or personName".to_owned());
        }
        if self
            .person
            .as_ref()
            .is_some_and(|id| id.parse::<PersonId>().is_err())
        {
            problems.push("person: not a person id".to_owned());
        }
        problems
    }
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.trim().chars().count() <= 200
}

fn wrong_cidrs(cidrs: &[String]) -> Vec<String> {
    let wrong = cidrs.iter().filter(|cidr| cidr.parse::<IpNet>().is_err());
    let mut problems: Vec<String> = wrong
        .map(|cidr| format!("cidrs: `{cidr}` is not a network such as 10.0.0.0/8"))
        .collect();
    if cidrs.len() > MOST {
        problems.push(format!("cidrs: at most {MOST}"));
    }
    problems
}

/// Decides whether `caller` may issue the key, and what is stored of it.
pub(super) fn issue(
    caller: &Caller,
    command: &Issue,
    facts: &Facts,
    text: &str,
    secret_hash: String,
    pepper: &Pepper,
) -> Result<(Key, Option<Member>), Refusal> {
    let role = command.role()?;
    if caller.require(role).is_err() {
        return Err(Refusal::RoleTooHigh(role));
    }
    let problems = command.problems(facts.now);
    if !problems.is_empty() {
        return Err(Refusal::Invalid(problems));
    }
    let email = command.person_email.as_deref();
    let newcomer = command
        .person_name
        .as_ref()
        .map(|name| Member::with_key(facts.new_person, name, email, role, facts.now))
        .transpose()?;
    let holder = command.person.as_deref().or_else(|| caller.person());
    let person = match (&newcomer, holder.and_then(|id| id.parse::<PersonId>().ok())) {
        (Some(newcomer), _) => newcomer.id,
        (None, Some(holder)) => holder.0,
        (None, None) => return Err(Refusal::field("personName", "is required")),
    };
    let parsed = ApiKey::parse(text).map_err(|_| Refusal::field("role", "is required"))?;
    let key = Key {
        id: facts.key_id,
        name: command.name.clone().unwrap_or_default(),
        prefix: parsed.prefix().as_str().to_owned(),
        public_id: parsed.public_id().to_owned(),
        secret_hash,
        mac: mac(pepper, text).to_vec(),
        role,
        person,
        test: parsed.prefix().is_test(),
        expires_at: command.expires_at,
        revoked_at: None,
        leaked: false,
        cidrs: command.cidrs.clone(),
        environments: command.environments.clone(),
        signature_required: command.signature_required,
        version: 1,
        created_at: facts.now,
    };
    Ok((key, newcomer))
}

/// bcrypt of a key's secret part.
pub(super) fn hash(text: &str, cost: u32, salt: [u8; 16]) -> Result<String, Error> {
    let parsed = ApiKey::parse(text).map_err(|error| Error::Bug(error.to_string()))?;
    bcrypt_hash(parsed.secret(), cost, salt).map_err(|error| Error::Bug(error.to_string()))
}

impl Key {
    /// After its revocation, because it leaked or not; `None` when that is known already.
    pub(super) fn revoked(
        &self,
        caller: &Caller,
        leaked: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<Self>, Refusal> {
        if caller.require(self.role).is_err() {
            return Err(Refusal::RoleTooHigh(self.role));
        }
        let news = self.revoked_at.is_none() || (leaked && !self.leaked);
        Ok(news.then(|| Self {
            leaked: self.leaked || leaked,
            ..self.ended(now)
        }))
    }

    /// Revoked, whoever says so.
    pub(super) fn ended(&self, now: DateTime<Utc>) -> Self {
        Self {
            revoked_at: self.revoked_at.or(Some(now)),
            version: self.version + 1,
            ..self.clone()
        }
    }

    /// The full state as a fact.
    #[must_use]
    pub fn fact(&self) -> wire::ApiKey {
        wire::ApiKey {
            key_id: self.id.as_bytes().to_vec(),
            public_id: self.public_id.clone(),
            mac: self.mac.clone(),
            role: self.role.as_str().to_owned(),
            person: PersonId(self.person).to_string(),
            test: self.test,
            expires_at_us: self.expires_at.map(|at| at.timestamp_micros()),
            revoked: self.revoked_at.is_some(),
            cidrs: self.cidrs.clone(),
            environments: self.environments.clone(),
            signature_required: self.signature_required,
            leaked: self.leaked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn facts() -> Facts {
        Facts {
            key_id: Uuid::from_u128(1),
            new_person: Uuid::from_u128(2),
            random: [7; 32],
            salt: [1; 16],
            now: DateTime::from_timestamp(1_000, 0).unwrap(),
        }
    }

    pub(super) fn try_issue(json: &str) -> Result<(Key, Option<Member>), Refusal> {
        let command: Issue = serde_json::from_str(json).unwrap();
        let text = command.key_text(&facts())?;
        let pepper = Pepper::new([3; 32]).unwrap();
        let caller = Caller::system(Uuid::nil());
        issue(&caller, &command, &facts(), &text, String::new(), &pepper)
    }

    #[test]
    fn a_key_belongs_to_a_person() {
        let json = r#"{"name":"ci","role":"developer","personName":"Ada"}"#;
        let (key, person) = try_issue(json).unwrap();
        assert_eq!(Some(key.person), person.map(|p| p.id));
        let nobody = try_issue(r#"{"name":"ci","role":"developer"}"#).unwrap_err();
        assert!(nobody.to_string().starts_with("personName"));
    }

    #[test]
    fn a_test_key_has_the_test_prefix() {
        let (key, _) =
            try_issue(r#"{"name":"t","role":"viewer","test":true,"personName":"x"}"#).unwrap();
        assert!(key.test && key.prefix == "ag_test_");
    }

    #[test]
    fn every_wrong_field_is_named() {
        let refused = try_issue(
            r#"{"name":"","role":"viewer","personName":"x","cidrs":["home"],
                "expiresAt":"1970-01-01T00:00:00Z"}"#,
        );
        let text = refused.unwrap_err().to_string();
        for field in ["name", "cidrs", "expiresAt"] {
            assert!(text.contains(field), "{field} in {text}");
        }
    }

    #[test]
    fn revoking_twice_changes_nothing_unless_it_turns_out_to_have_leaked() {
        let (key, _) = try_issue(r#"{"name":"a","role":"viewer","personName":"x"}"#).unwrap();
        let caller = Caller::system(Uuid::nil());
        let revoked = key.revoked(&caller, false, facts().now).unwrap().unwrap();
        assert!(revoked.fact().revoked && !revoked.fact().leaked);
        assert_eq!(revoked.revoked(&caller, false, facts().now), Ok(None));
        let later = facts().now + chrono::TimeDelta::hours(1);
        let leaked = revoked.revoked(&caller, true, later).unwrap().unwrap();
        assert!(leaked.fact().leaked);
        assert_eq!(leaked.revoked_at, Some(facts().now));
        assert_eq!(leaked.revoked(&caller, true, later), Ok(None));
    }
}
