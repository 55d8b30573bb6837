//! Who is behind an act: the person, the kind of caller, and the agents it was handed down by.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::Request;
use crate::model::Tier;

/// The person an agent acts for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct OnBehalfOf {
    /// The application's id of the person.
    #[serde(deserialize_with = "or_default")]
    pub user_id: String,
    /// E-mail address.
    #[serde(deserialize_with = "or_default")]
    pub email: String,
    /// Roles the person has in the application.
    #[serde(deserialize_with = "or_default")]
    pub roles: Vec<String>,
    /// What the person may do; absent is not limited, empty is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Proven by a token that Writ checked, not only said by the client.
    #[serde(skip_deserializing)]
    pub verified: bool,
}

impl OnBehalfOf {
    /// What counters and policies know the person by: the id, else the e-mail address.
    #[must_use]
    pub fn person(&self) -> &str {
        if self.user_id.is_empty() {
            &self.email
        } else {
            &self.user_id
        }
    }
}

/// How an act was handed down from agent to agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Delegation {
    /// The agents, the first delegator first; the one that asks is not in it.
    #[serde(deserialize_with = "or_default")]
    pub chain: Vec<Hop>,
    /// The decision that allowed the delegation.
    #[serde(deserialize_with = "or_default")]
    pub parent_decision_id: String,
    /// What was handed down; absent is not limited, empty is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Proven by a delegation token that Writ checked.
    #[serde(skip_deserializing)]
    pub verified: bool,
}

/// One agent of a delegation chain; on the wire an object, or just the agent's id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hop {
    /// UUID or external id.
    pub agent_id: String,
    /// What it could hand on; absent is not limited, empty is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
}

impl<'de> Deserialize<'de> for Hop {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "an agent id, or an object with agentId and scopes"
        )]
        enum Form {
            Id(String),
            #[serde(rename_all = "camelCase")]
            Full {
                agent_id: String,
                #[serde(default)]
                scopes: Option<Vec<String>>,
            },
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Id(agent_id) => Self {
                agent_id,
                scopes: None,
            },
            Form::Full { agent_id, scopes } => Self { agent_id, scopes },
        })
    }
}

impl Request {
    /// Takes what `metadata` says about who is behind the act, where the request itself is silent:
    /// `onBehalfOf`, `delegation`, `tier`, `sessionId`, in the same shapes.
    ///
    /// # Errors
    /// A person or a delegation that cannot be read: it could have narrowed what is allowed.
    pub fn read_metadata(&mut self) -> Result<(), String> {
        let Some(Value::Object(metadata)) = &self.metadata else {
            return Ok(());
        };
        let said = |name: &str| metadata.get(name).filter(|value| !value.is_null());
        if let (None, Some(value)) = (&self.on_behalf_of, said("onBehalfOf")) {
            let read = OnBehalfOf::deserialize(value);
            self.on_behalf_of = Some(read.map_err(|e| format!("metadata.onBehalfOf: {e}"))?);
        }
        if let (None, Some(value)) = (&self.delegation, said("delegation")) {
            let read = Delegation::deserialize(value);
            self.delegation = Some(read.map_err(|e| format!("metadata.delegation: {e}"))?);
        }
        let word = |name| said(name).and_then(Value::as_str);
        if self.tier.is_none() {
            // An application may well mean something else by the word.
            self.tier = word("tier").and_then(|tier| tier.parse::<Tier>().ok());
        }
        if self.session_id.is_empty() {
            self.session_id = word("sessionId").unwrap_or_default().to_owned();
        }
        self.require_approval |= said("requireApproval") == Some(&Value::Bool(true));
        Ok(())
    }

    /// The person behind the act; empty when nobody is named.
    #[must_use]
    pub fn person(&self) -> &str {
        self.on_behalf_of.as_ref().map_or("", OnBehalfOf::person)
    }

    /// What the act may use: the intersection of the person's scopes and of every step of the
    /// delegation. `None` when nothing limits it.
    #[must_use]
    pub fn effective_scopes(&self) -> Option<BTreeSet<&str>> {
        let person = self.on_behalf_of.as_ref().and_then(|p| p.scopes.as_ref());
        let delegation = self.delegation.as_ref();
        let handed = delegation.and_then(|d| d.scopes.as_ref());
        let hops = delegation.into_iter().flat_map(|d| &d.chain);
        let limits = person
            .into_iter()
            .chain(handed)
            .chain(hops.filter_map(|hop| hop.scopes.as_ref()));
        limits
            .map(|scopes| scopes.iter().map(String::as_str).collect::<BTreeSet<_>>())
            .reduce(|left, right| left.intersection(&right).copied().collect())
    }
}

/// An explicit null reads as absent.
pub(super) fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(metadata: Value) -> Result<Request, String> {
        let mut request = Request {
            metadata: Some(metadata),
            ..Request::default()
        };
        request.read_metadata().map(|()| request)
    }

    #[test]
    fn metadata_says_who_is_behind_an_act_where_the_request_does_not() {
        let request = with(json!({
            "onBehalfOf": {"userId": "u1", "email": null, "roles": ["clerk"], "verified": true},
            "delegation": {"chain": ["planner", {"agentId": "b", "scopes": ["x"]}]},
            "tier": "subagent",
            "sessionId": "s1",
        }))
        .unwrap();
        let person = request.on_behalf_of.as_ref().unwrap();
        assert_eq!((person.person(), person.verified), ("u1", false));
        let chain = &request.delegation.as_ref().unwrap().chain;
        assert_eq!(chain[0].agent_id, "planner");
        assert_eq!(request.tier, Some(Tier::Subagent));
        assert_eq!(request.session_id, "s1");
    }

    #[test]
    fn what_the_request_says_itself_is_not_overwritten() {
        let mut request = Request {
            metadata: Some(json!({"tier": "api", "sessionId": "m", "onBehalfOf": {"userId": "m"}})),
            tier: Some(Tier::Background),
            session_id: "own".into(),
            on_behalf_of: Some(OnBehalfOf::default()),
            ..Request::default()
        };
        request.read_metadata().unwrap();
        assert_eq!(request.tier, Some(Tier::Background));
        assert_eq!((request.session_id.as_str(), request.person()), ("own", ""));
    }

    #[test]
    fn a_person_or_delegation_that_cannot_be_read_is_an_error_but_a_foreign_tier_is_not() {
        assert!(
            with(json!({"onBehalfOf": "u1"}))
                .unwrap_err()
                .starts_with("metadata.onBehalfOf")
        );
        assert!(with(json!({"delegation": {"chain": [7]}})).is_err());
        assert_eq!(
            with(json!({"tier": "gold", "onBehalfOf": null}))
                .unwrap()
                .tier,
            None
        );
    }

    #[test]
    fn effective_scopes_are_what_every_step_allows() {
        let scopes = |list: &[&str]| Some(list.iter().map(|s| (*s).to_owned()).collect());
        let mut request = Request::default();
        assert_eq!(request.effective_scopes(), None);
        request.on_behalf_of = Some(OnBehalfOf {
            scopes: scopes(&["read", "write", "pay"]),
            ..OnBehalfOf::default()
        });
        let hop = |list: &[&str]| Hop {
            agent_id: "a".into(),
            scopes: scopes(list),
        };
        request.delegation = Some(Delegation {
            chain: vec![
                hop(&["read", "write"]),
                Hop::default(),
                hop(&["write", "admin"]),
            ],
            ..Delegation::default()
        });
        assert_eq!(request.effective_scopes(), Some(BTreeSet::from(["write"])));
        request.delegation.as_mut().unwrap().scopes = Some(Vec::new());
        assert_eq!(request.effective_scopes(), Some(BTreeSet::new()));
    }
}
