//! A validator and what may be written about one.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;
use writ_contract::{OrgId, ValidatorId, wire};
use writ_egress::{Rules, Secret as SigningSecret};
use writ_seal::Sealed;
use writ_service_kit::config::Secret;

use crate::error::Refusal;

/// Longest a validator may be given to answer, and what it is given when nobody says.
const MAX_TIMEOUT_MS: u32 = 500;
const MAX_NAME: usize = 200;
const MAX_SECRET: usize = 500;

/// What no usable answer of a validator means, unless the policy says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailMode {
    /// The policy's `onError` decides.
    Closed,
    /// Nobody is denied for it.
    Open,
}

impl FailMode {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
        }
    }

    /// Reads the word, also in its long form.
    #[must_use]
    pub fn read(word: &str) -> Option<Self> {
        match word {
            "closed" | "fail_closed" => Some(Self::Closed),
            "open" | "fail_open" => Some(Self::Open),
            _ => None,
        }
    }
}

/// A registered validator. Its secret is sealed and opens only where it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validator {
    /// `val_…` on the wire.
    pub id: Uuid,
    /// For people.
    pub name: String,
    /// Where it is asked.
    pub url: String,
    /// How long it has to answer.
    pub timeout_ms: u32,
    /// What no usable answer means.
    pub fail_mode: FailMode,
    /// What its requests are signed with; none once it is deleted.
    pub secret: Option<Sealed>,
    /// Dense from 1.
    pub version: u64,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a request says of a validator.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "ValidatorBody")]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Body {
    name: Option<String>,
    /// Where it is asked, over HTTPS.
    url: Option<String>,
    /// What its requests are signed with; made by the server when absent.
    pub(super) secret: Option<Secret>,
    /// 1 to 500.
    timeout_ms: Option<u32>,
    /// `closed` or `open`.
    fail_mode: Option<String>,
}

/// What registering one says: it cannot do without a name and a URL.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Registration(pub(super) Body);

impl JsonSchema for Registration {
    fn schema_name() -> Cow<'static, str> {
        "ValidatorRegistration".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Body::json_schema(generator);
        schema.insert("required".to_owned(), json!(["name", "url"]));
        schema
    }
}

/// A body whose fields all say what they should.
#[derive(Debug)]
pub(super) struct Checked {
    name: Option<String>,
    url: Option<String>,
    timeout_ms: Option<u32>,
    fail_mode: Option<FailMode>,
}

impl Body {
    /// Checks every field that is there.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every wrong field.
    pub(super) fn check(&self, rules: &Rules) -> Result<Checked, Refusal> {
        let mut problems = Vec::new();
        let name = self.name.as_deref().map(str::trim);
        if name.is_some_and(|name| name.is_empty() || name.chars().count() > MAX_NAME) {
            problems.push(format!("name: 1 to {MAX_NAME} characters"));
        }
        if let Some(Err(refusal)) = self.url.as_deref().map(|url| rules.check(url)) {
            problems.push(format!("url: {refusal}"));
        }
        if let Some(secret) = self.secret.as_ref().map(Secret::expose)
            && (secret.len() > MAX_SECRET || SigningSecret::verbatim(secret).is_err())
        {
            problems.push(format!("secret: 8 to {MAX_SECRET} bytes"));
        }
        let too_long = |ms: u32| !(1..=MAX_TIMEOUT_MS).contains(&ms);
        if self.timeout_ms.is_some_and(too_long) {
            problems.push(format!("timeoutMs: 1 to {MAX_TIMEOUT_MS}"));
        }
        let fail_mode = self.fail_mode.as_deref().map(FailMode::read);
        if fail_mode == Some(None) {
            problems.push("failMode: open or closed".to_owned());
        }
        if !problems.is_empty() {
            return Err(Refusal::Invalid(problems));
        }
        Ok(Checked {
            name: name.map(str::to_owned),
            url: self.url.clone(),
            timeout_ms: self.timeout_ms,
            fail_mode: fail_mode.flatten(),
        })
    }
}

impl Checked {
    /// A new validator, version 1.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when it has no name or no URL.
    pub(super) fn register(
        self,
        id: Uuid,
        secret: Sealed,
        now: DateTime<Utc>,
    ) -> Result<Validator, Refusal> {
        let required = |name: &str, value: &Option<String>| {
            let missing = value.is_none();
            missing.then(|| format!("{name}: is required"))
        };
        let missing = [required("name", &self.name), required("url", &self.url)];
        let (Some(name), Some(url)) = (self.name, self.url) else {
            return Err(Refusal::Invalid(missing.into_iter().flatten().collect()));
        };
        Ok(Validator {
            id,
            name,
            url,
            timeout_ms: self.timeout_ms.unwrap_or(MAX_TIMEOUT_MS),
            fail_mode: self.fail_mode.unwrap_or(FailMode::Closed),
            secret: Some(secret),
            version: 1,
            created_at: now,
            updated_at: now,
        })
    }

    /// The validator with what was given in place of what it had.
    pub(super) fn change(
        self,
        found: &Validator,
        secret: Option<Sealed>,
        now: DateTime<Utc>,
    ) -> Validator {
        let mut changed = Validator {
            name: self.name.unwrap_or_else(|| found.name.clone()),
            url: self.url.unwrap_or_else(|| found.url.clone()),
            timeout_ms: self.timeout_ms.unwrap_or(found.timeout_ms),
            fail_mode: self.fail_mode.unwrap_or(found.fail_mode),
            secret: secret.or_else(|| found.secret.clone()),
            ..found.clone()
        };
        if changed != *found {
            changed.version += 1;
            changed.updated_at = now;
        }
        changed
    }
}

impl Validator {
    /// The validator without its secret: nobody is asked any more.
    #[must_use]
    pub fn deleted(&self, now: DateTime<Utc>) -> Self {
        Self {
            secret: None,
            version: self.version + 1,
            updated_at: now,
            ..self.clone()
        }
    }

    /// What its secret is sealed for.
    #[must_use]
    pub fn place(org: Uuid, id: Uuid) -> Vec<u8> {
        wire::Validator::place(OrgId(org), ValidatorId(id))
    }

    /// The fact that states it.
    #[must_use]
    pub fn fact(&self) -> wire::Validator {
        let secret = self.secret.as_ref();
        wire::Validator {
            validator_id: ValidatorId(self.id).to_bytes(),
            name: self.name.clone(),
            url: self.url.clone(),
            timeout_ms: self.timeout_ms,
            fail_mode: self.fail_mode.as_str().to_owned(),
            key_id: secret.map(|s| s.key_id.clone()).unwrap_or_default(),
            nonce: secret.map(|s| s.nonce.to_vec()).unwrap_or_default(),
            sealed_secret: secret.map(|s| s.bytes.clone()).unwrap_or_default(),
            deleted: secret.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(json: &serde_json::Value) -> Body {
        serde_json::from_value(json.clone()).unwrap()
    }

    fn refused(json: &serde_json::Value) -> String {
        let checked = body(json).check(&Rules::public());
        checked.unwrap_err().to_string()
    }

    fn sealed() -> Sealed {
        Sealed {
            key_id: "k1".to_owned(),
            nonce: [0; 12],
            bytes: vec![1],
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let all = refused(&serde_json::json!({
            "name": " ", "url": "https://127.0.0.1/", "secret": "short", "timeoutMs": 501,
            "failMode": "ajar",
        }));
        for field in ["name:", "url:", "secret:", "timeoutMs:", "failMode:"] {
            assert!(all.contains(field), "{field} in {all}");
        }
        assert!(refused(&serde_json::json!({"url": "http://a.example/"})).contains("https"));
    }

    #[test]
    fn a_new_validator_fails_closed_and_has_half_a_second() {
        let given = body(&serde_json::json!({"name": "rules", "url": "https://a.example/"}));
        let checked = given.check(&Rules::public()).unwrap();
        let made = checked.register(Uuid::nil(), sealed(), DateTime::default());
        let made = made.unwrap();
        assert_eq!((made.fail_mode, made.timeout_ms), (FailMode::Closed, 500));
        let nameless = Body::default().check(&Rules::public()).unwrap();
        let refusal = nameless.register(Uuid::nil(), sealed(), DateTime::default());
        assert!(
            refusal
                .unwrap_err()
                .to_string()
                .contains("url: is required")
        );
    }

    #[test]
    fn a_body_shows_no_secret() {
        let given = body(&serde_json::json!({"secret": "hunter2hunter2"}));
        assert!(!format!("{given:?}").contains("hunter2"));
    }

    #[test]
    fn a_deleted_validator_states_no_secret() {
        let given = body(&serde_json::json!({"name": "rules", "url": "https://a.example/"}));
        let checked = given.check(&Rules::public()).unwrap();
        let made = checked.register(Uuid::nil(), sealed(), DateTime::default());
        let fact = made.unwrap().deleted(DateTime::default()).fact();
        assert!(fact.deleted && fact.sealed_secret.is_empty() && fact.key_id.is_empty());
    }
}
