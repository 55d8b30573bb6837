//! What a policy is and how commands change it: functions of values.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;
use writ_contract::wire;
use writ_policy::model::{DEFAULT_EVALUATION_ORDER, Mode, OnError, PolicyType, Severity};

use super::body::Body;
use crate::error::Refusal;

/// A policy's row.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// `pol_…` on the wire.
    pub id: Uuid,
    /// Shown in violations.
    pub name: String,
    /// For people; never in a fact.
    pub description: Option<String>,
    /// Which detector or rule.
    pub policy_type: PolicyType,
    /// What a hit does.
    pub mode: Mode,
    /// The rule, checked against the type's schema.
    pub rule_definition: Value,
    /// Empty means all agents.
    pub applies_to_agents: Vec<Uuid>,
    /// Judged or kept aside.
    pub is_active: bool,
    /// Smaller is judged first.
    pub evaluation_order: u32,
    /// How grave a hit is.
    pub severity: Severity,
    /// What an error means; absent = the mode's default.
    pub on_error: Option<OnError>,
    /// Judged no more, for ever.
    pub is_deleted: bool,
    /// Dense from 1.
    pub version: u64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What the caller may aim policies at.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    /// Ids the body names that are no agents here.
    pub unknown: Vec<Uuid>,
    /// For a caller below Admin: ids, named by the body or by the stored policy, that it does not
    /// own; `None` for Admins.
    pub foreign: Option<Vec<Uuid>>,
}

impl Policy {
    /// A new policy, version 1.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every wrong field; [`Refusal::NotOwned`].
    pub fn new(
        id: Uuid,
        body: &Body,
        targets: &Targets,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        let blank = Self {
            id,
            name: String::new(),
            description: None,
            policy_type: PolicyType::InjectionScan,
            mode: Mode::Monitor,
            rule_definition: Value::Null,
            applies_to_agents: Vec::new(),
            is_active: true,
            evaluation_order: DEFAULT_EVALUATION_ORDER,
            severity: Severity::default(),
            on_error: None,
            is_deleted: false,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let policy = blank.with(body, targets, body.missing())?;
        policy.owned(targets)?;
        Ok(policy)
    }

    /// After a patch.
    ///
    /// # Errors
    /// As for [`Policy::new`].
    pub fn patched(
        &self,
        body: &Body,
        targets: &Targets,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        self.owned(targets)?;
        let next = self.clone().with(body, targets, Vec::new())?;
        next.owned(targets)?;
        if next == *self {
            return Ok(next);
        }
        Ok(Self {
            version: self.version + 1,
            updated_at: now,
            ..next
        })
    }

    /// After its deletion.
    ///
    /// # Errors
    /// [`Refusal::NotOwned`].
    pub fn deleted(&self, targets: &Targets, now: DateTime<Utc>) -> Result<Self, Refusal> {
        self.owned(targets)?;
        Ok(Self {
            is_active: false,
            is_deleted: true,
            version: self.version + 1,
            updated_at: now,
            ..self.clone()
        })
    }

    /// The full state as a fact.
    #[must_use]
    pub fn fact(&self) -> wire::Policy {
        wire::Policy {
            policy_id: self.id.as_bytes().to_vec(),
            name: self.name.clone(),
            policy_type: self.policy_type.as_str().to_owned(),
            enforcement_mode: self.mode.as_str().to_owned(),
            rule_definition: self.rule_definition.to_string(),
            applies_to_agents: self
                .applies_to_agents
                .iter()
                .map(|a| a.as_bytes().to_vec())
                .collect(),
            is_active: self.is_active,
            evaluation_order: self.evaluation_order,
            severity: self.severity.as_str().to_owned(),
            on_error: self
                .on_error
                .map_or_else(String::new, |on| on.as_str().to_owned()),
            deleted: self.is_deleted,
            ..wire::Policy::default()
        }
    }

    /// Below Admin: only policies that name agents, all of them one's own (ruling 17).
    fn owned(&self, targets: &Targets) -> Result<(), Refusal> {
        let Some(foreign) = &targets.foreign else {
            return Ok(());
        };
        if self.applies_to_agents.is_empty() {
            let why = "a policy for all agents can be written by an admin only: name agents in appliesToAgents";
            return Err(Refusal::NotOwned(why.to_owned()));
        }
        match self
            .applies_to_agents
            .iter()
            .find(|id| foreign.contains(id))
        {
            Some(id) => Err(Refusal::NotOwned(format!("agent {id} is not one of yours"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(secs, 0).unwrap()
    }

    fn body(json: &str) -> Body {
        serde_json::from_str(json).unwrap()
    }

    fn create(json: &str) -> Result<Policy, Refusal> {
        Policy::new(Uuid::nil(), &body(json), &Targets::default(), at(0))
    }

    const INJECTION: &str = r#"{"name":"No injections","policyType":"injection_scan",
        "enforcementMode":"block","ruleDefinition":{"patterns":["system prompt"]}}"#;

    #[test]
    fn a_policy_of_the_documents_is_accepted_with_its_defaults() {
        let policy = create(INJECTION).unwrap();
        assert_eq!((policy.version, policy.is_active), (1, true));
        assert_eq!(policy.fact().enforcement_mode, "block");
    }

    #[test]
    fn every_wrong_field_is_named() {
        let Err(Refusal::Invalid(problems)) = create(
            r#"{"policyType":"injection_scan","enforcementMode":"shout","severity":"huge",
                "appliesToAgents":["x"],"ruleDefinition":{"paterns":[]}}"#,
        ) else {
            panic!("it must be refused");
        };
        for field in [
            "name",
            "enforcementMode",
            "severity",
            "appliesToAgents",
            "ruleDefinition",
        ] {
            assert!(
                problems.iter().any(|p| p.starts_with(field)),
                "{field} in {problems:?}"
            );
        }
        assert!(
            problems.iter().any(|p| p.contains("paterns")),
            "{problems:?}"
        );
    }

    #[test]
    fn an_unknown_field_is_refused_by_name() {
        let error = serde_json::from_str::<Body>(r#"{"nmae":"x"}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `nmae`"));
    }

    #[test]
    fn a_patch_that_changes_nothing_makes_no_version() {
        let policy = create(INJECTION).unwrap();
        let same = policy.patched(&body(r#"{"isActive":true}"#), &Targets::default(), at(1));
        assert_eq!(same.unwrap().version, 1);
        let off = policy.patched(&body(r#"{"isActive":false}"#), &Targets::default(), at(1));
        assert_eq!(off.unwrap().version, 2);
    }

    #[test]
    fn a_new_type_must_fit_the_stored_rule() {
        let policy = create(INJECTION).unwrap();
        let patch = body(r#"{"policyType":"cost_limit"}"#);
        assert!(policy.patched(&patch, &Targets::default(), at(1)).is_err());
    }

    #[test]
    fn below_admin_a_policy_names_agents_and_all_are_owned() {
        let mine = Uuid::from_u128(1);
        let theirs = Uuid::from_u128(2);
        let developer = Targets {
            unknown: Vec::new(),
            foreign: Some(vec![theirs]),
        };
        let create = |agents: &str| {
            let text = INJECTION.replacen('{', &format!(r#"{{"appliesToAgents":{agents},"#), 1);
            Policy::new(Uuid::nil(), &body(&text), &developer, at(0))
        };
        assert!(matches!(create("[]"), Err(Refusal::NotOwned(_))));
        assert!(matches!(
            create(&format!("[\"{theirs}\"]")),
            Err(Refusal::NotOwned(_))
        ));
        let own = create(&format!("[\"{mine}\"]")).unwrap();
        let widened = own.patched(&body(r#"{"appliesToAgents":[]}"#), &developer, at(1));
        assert!(matches!(widened, Err(Refusal::NotOwned(_))));
    }
}
