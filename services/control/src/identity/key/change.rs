//! What may be changed of a key after it was issued.

use schemars::JsonSchema;
use serde::Deserialize;
use writ_access::Caller;

use super::{Key, is_name, wrong_cidrs};
use crate::error::Refusal;

/// What is to be different of a key; what is absent stays.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "KeyPatch")]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyChange {
    name: Option<String>,
    /// Networks it may be used from; an empty list is any.
    #[schemars(with = "Vec<String>")]
    cidrs: Option<Vec<String>>,
    /// Every request must be signed.
    signature_required: Option<bool>,
}

impl KeyChange {
    fn problems(&self) -> Vec<String> {
        let mut problems = wrong_cidrs(self.cidrs.as_deref().unwrap_or_default());
        if self.name.as_deref().is_some_and(|name| !is_name(name)) {
            problems.push("name: 1 to 200 characters".to_owned());
        }
        problems
    }
}

impl Key {
    /// After a change, as who may issue such a key decides; the same when nothing changes.
    pub(in crate::identity) fn changed(
        &self,
        caller: &Caller,
        change: &KeyChange,
        if_match: Option<u64>,
    ) -> Result<Self, Refusal> {
        if caller.require(self.role).is_err() {
            return Err(Refusal::RoleTooHigh(self.role));
        }
        if if_match.is_some_and(|seen| seen != self.version) {
            return Err(Refusal::VersionMismatch {
                current: self.version,
            });
        }
        if self.revoked_at.is_some() {
            return Err(Refusal::field("id", "this key is revoked: issue another"));
        }
        let problems = change.problems();
        if !problems.is_empty() {
            return Err(Refusal::Invalid(problems));
        }
        let own = self.clone();
        let mut next = Self {
            name: change.name.clone().unwrap_or(own.name),
            cidrs: change.cidrs.clone().unwrap_or(own.cidrs),
            signature_required: change.signature_required.unwrap_or(own.signature_required),
            ..self.clone()
        };
        if next != *self {
            next.version += 1;
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::tests::{facts, try_issue};
    use super::*;

    fn key() -> Key {
        let body = r#"{"name":"a","role":"viewer","personName":"x","cidrs":["10.0.0.0/8"]}"#;
        try_issue(body).unwrap().0
    }

    fn changed(key: &Key, json: &str) -> Result<Key, Refusal> {
        let change: KeyChange = serde_json::from_str(json).unwrap();
        key.changed(&Caller::system(Uuid::nil()), &change, Some(1))
    }

    #[test]
    fn what_is_absent_stays_and_a_change_counts() {
        let signed = changed(&key(), r#"{"signatureRequired":true}"#).unwrap();
        assert!(signed.fact().signature_required);
        assert_eq!((signed.version, &signed.cidrs), (2, &key().cidrs));
        let anywhere = changed(&key(), r#"{"cidrs":[]}"#).unwrap();
        assert!(anywhere.fact().cidrs.is_empty());
        assert_eq!(changed(&key(), r#"{"name":"a"}"#), Ok(key()));
    }

    #[test]
    fn a_revoked_key_stays_as_it_is() {
        let refused = changed(&key().ended(facts().now), r#"{"name":"b"}"#);
        assert_eq!(refused, Err(Refusal::VersionMismatch { current: 2 }));
        let revoked = Key {
            version: 1,
            ..key().ended(facts().now)
        };
        let refused = changed(&revoked, r#"{"name":"b"}"#).unwrap_err();
        assert!(refused.to_string().contains("revoked"), "{refused}");
    }

    #[test]
    fn every_wrong_field_is_named() {
        let refused = changed(&key(), r#"{"name":" ","cidrs":["home"]}"#);
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("name") && text.contains("home"), "{text}");
    }
}
