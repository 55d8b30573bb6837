//! Reading what a request says about a policy, and naming everything that is wrong with it.

use std::fmt::Display;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;
use writ_contract::{PolicyId, ValidatorId};
use writ_policy::model::{
    ChainTrigger, MAX_EVALUATION_ORDER, MAX_PREREQUISITES, Mode, OnError, PolicyType, Selectors,
    Severity,
};
use writ_policy::schema;

use super::domain::{Policy, Targets};
use crate::error::Refusal;

const NAME: usize = 200;
const DESCRIPTION: usize = 4_096;
const RULE: usize = 64 * 1024;
const TARGETS: usize = 1_000;
const METADATA: usize = 16 * 1024;
/// Entries of one selector, and the length of each.
const SELECTED: usize = 200;
const WORD: usize = 256;

/// What a request says of a policy.
// Words are read later, so that all wrong fields can be named at once.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "PolicyBody")]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Body {
    /// 1 to 200 characters.
    name: Option<String>,
    description: Option<String>,
    #[schemars(with = "Option<PolicyType>")]
    policy_type: Option<String>,
    #[schemars(with = "Option<Mode>")]
    enforcement_mode: Option<String>,
    /// The rule; its shape is in `GET /policies/types`.
    #[schemars(with = "Option<Map<String, Value>>")]
    rule_definition: Option<Value>,
    /// Agent UUIDs; empty means all agents.
    pub applies_to_agents: Option<Vec<String>>,
    #[schemars(with = "Option<Selectors>")]
    selectors: Option<Value>,
    is_active: Option<bool>,
    /// Smaller is judged first.
    evaluation_order: Option<u32>,
    #[schemars(with = "Option<Severity>")]
    severity: Option<String>,
    /// What an error of the rule means.
    #[schemars(with = "Option<OnError>")]
    on_error: Option<String>,
    /// Policy ids, with or without their prefix.
    prerequisites: Option<Vec<String>>,
    /// What the prerequisites must have come to.
    #[schemars(with = "Option<ChainTrigger>")]
    chain_trigger: Option<String>,
    /// Your own notes.
    #[schemars(with = "Option<Map<String, Value>>")]
    metadata: Option<Value>,
}

impl Body {
    /// Whether it says what the policy waits for.
    pub(super) fn chains(&self) -> bool {
        self.prerequisites.is_some()
    }

    /// A body that says what a version said.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when that version was the deletion, or cannot be read any more.
    pub(super) fn saying(mut said: Value) -> Result<Self, Refusal> {
        let unreadable = || Refusal::field("version", "it cannot be read any more");
        let fields = said.as_object_mut().ok_or_else(unreadable)?;
        fields.remove("exceptions");
        if fields.remove("deleted") == Some(Value::Bool(true)) {
            return Err(Refusal::field("version", "it was the deletion"));
        }
        serde_json::from_value(said).map_err(|_| unreadable())
    }

    /// The validator that the rule asks, when it names one.
    #[must_use]
    pub fn validator(&self) -> Option<Uuid> {
        let rule = self.rule_definition.as_ref()?;
        let named = rule.get("validator_id").or_else(|| rule.get("validatorId"));
        let id: ValidatorId = named?.as_str()?.parse().ok()?;
        Some(id.0)
    }

    /// The fields a new policy cannot do without.
    pub(super) fn missing(&self) -> Vec<String> {
        let required = [
            ("name", self.name.is_none()),
            ("policyType", self.policy_type.is_none()),
            ("enforcementMode", self.enforcement_mode.is_none()),
            ("ruleDefinition", self.rule_definition.is_none()),
        ];
        let missing = required.into_iter().filter(|(_, missing)| *missing);
        missing
            .map(|(field, _)| format!("{field}: is required"))
            .collect()
    }
}

impl Policy {
    /// The policy with the named fields replaced, or everything that is wrong with them.
    pub(super) fn with(
        mut self,
        body: &Body,
        targets: &Targets,
        mut problems: Vec<String>,
    ) -> Result<Self, Refusal> {
        if let Some(name) = &body.name {
            self.name.clone_from(name);
            check_length("name", name, 1, NAME, &mut problems);
        }
        if let Some(description) = &body.description {
            self.description = Some(description.clone());
            check_length("description", description, 0, DESCRIPTION, &mut problems);
        }
        read(
            "policyType",
            body.policy_type.as_ref(),
            &mut self.policy_type,
            &mut problems,
        );
        read(
            "enforcementMode",
            body.enforcement_mode.as_ref(),
            &mut self.mode,
            &mut problems,
        );
        read(
            "severity",
            body.severity.as_ref(),
            &mut self.severity,
            &mut problems,
        );
        if let Some(word) = &body.on_error {
            let mut on_error = OnError::Deny;
            read("onError", Some(word), &mut on_error, &mut problems);
            self.on_error = Some(on_error);
        }
        if let Some(order) = body.evaluation_order {
            self.evaluation_order = order;
            if order > MAX_EVALUATION_ORDER {
                problems.push(format!("evaluationOrder: at most {MAX_EVALUATION_ORDER}"));
            }
        }
        self.is_active = body.is_active.unwrap_or(self.is_active);
        self.aim(body, targets, &mut problems);
        self.select(body, &mut problems);
        self.chain(body, &mut problems);
        if let Some(metadata) = &body.metadata {
            self.metadata = Some(metadata.clone());
            if metadata.to_string().len() > METADATA {
                problems.push(format!("metadata: at most {METADATA} bytes"));
            }
        }
        self.rule(body, &mut problems);
        if !problems.is_empty() {
            return Err(Refusal::Invalid(problems));
        }
        Ok(self)
    }

    fn aim(&mut self, body: &Body, targets: &Targets, problems: &mut Vec<String>) {
        let Some(given) = &body.applies_to_agents else {
            return;
        };
        if given.len() > TARGETS {
            problems.push(format!("appliesToAgents: at most {TARGETS} agents"));
        }
        self.applies_to_agents.clear();
        for text in given.iter().take(TARGETS) {
            match Uuid::try_parse(text) {
                Ok(id) if targets.unknown.contains(&id) => {
                    problems.push(format!("appliesToAgents: agent {id} does not exist"));
                }
                Ok(id) => self.applies_to_agents.push(id),
                Err(_) => problems.push(format!("appliesToAgents: `{text}` is not an agent UUID")),
            }
        }
        self.applies_to_agents.sort_unstable();
        self.applies_to_agents.dedup();
    }

    fn select(&mut self, body: &Body, problems: &mut Vec<String>) {
        let Some(given) = &body.selectors else {
            return;
        };
        match Selectors::deserialize(given) {
            Ok(selectors) => self.selectors = selectors,
            Err(error) => return problems.push(format!("selectors: {error}")),
        }
        let lists = [
            ("tags", &self.selectors.tags),
            ("environments", &self.selectors.environments),
            ("users", &self.selectors.users),
        ];
        for (name, words) in lists {
            let field = format!("selectors.{name}");
            if words.len() > SELECTED {
                problems.push(format!("{field}: at most {SELECTED}"));
            }
            for word in words.iter().take(SELECTED) {
                check_length(&field, word, 1, WORD, problems);
            }
        }
    }

    /// Whether the policies are there, and in no circle, is checked among the stored ones.
    fn chain(&mut self, body: &Body, problems: &mut Vec<String>) {
        read(
            "chainTrigger",
            body.chain_trigger.as_ref(),
            &mut self.chain_trigger,
            problems,
        );
        let Some(given) = &body.prerequisites else {
            return;
        };
        if given.len() > MAX_PREREQUISITES {
            return problems.push(format!("prerequisites: at most {MAX_PREREQUISITES}"));
        }
        self.prerequisites.clear();
        for text in given {
            match text.parse::<PolicyId>() {
                Ok(PolicyId(id)) => self.prerequisites.push(id),
                Err(_) => problems.push(format!("prerequisites: `{text}` is no policy id")),
            }
        }
        self.prerequisites.sort_unstable();
        self.prerequisites.dedup();
    }

    /// A changed type is checked against the stored rule too.
    fn rule(&mut self, body: &Body, problems: &mut Vec<String>) {
        if let Some(rule) = &body.rule_definition {
            self.rule_definition = rule.clone();
            if rule.to_string().len() > RULE {
                problems.push(format!("ruleDefinition: at most {RULE} bytes"));
                return;
            }
        }
        let known_type = !problems
            .iter()
            .any(|problem| problem.starts_with("policyType"));
        let touched = body.rule_definition.is_some() || body.policy_type.is_some();
        if !known_type || !touched || self.rule_definition.is_null() {
            return;
        }
        for problem in schema::validate(self.policy_type, &self.rule_definition)
            .err()
            .iter()
            .flatten()
        {
            let path = problem.path.replace('/', ".");
            problems.push(format!("ruleDefinition{path}: {}", problem.message));
        }
    }
}

fn check_length(field: &str, text: &str, least: usize, most: usize, problems: &mut Vec<String>) {
    let length = text.trim().chars().count();
    if length < least {
        problems.push(format!("{field}: must not be empty"));
    } else if length > most {
        problems.push(format!("{field}: at most {most} characters, not {length}"));
    }
}

fn read<T>(field: &str, word: Option<&String>, to: &mut T, problems: &mut Vec<String>)
where
    T: FromStr,
    T::Err: Display,
{
    match word.map(|word| word.parse()) {
        None => {}
        Some(Ok(value)) => *to = value,
        Some(Err(error)) => problems.push(format!("{field}: {error}")),
    }
}
