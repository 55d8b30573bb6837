//! What a policy says, in the fields of the API.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;
use writ_contract::PolicyId;
use writ_policy::model::{ChainTrigger, Mode, OnError, PolicyType, Selectors, Severity};

use super::exception::Exception;

/// What one version of a policy says.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Said<'a> {
    pub(super) name: &'a str,
    pub(super) description: Option<&'a str>,
    pub(super) policy_type: PolicyType,
    pub(super) enforcement_mode: Mode,
    /// The rule; its shape is in `GET /policies/types`.
    #[schemars(with = "Map<String, Value>")]
    pub(super) rule_definition: &'a Value,
    /// Agent UUIDs; empty means all agents.
    pub(super) applies_to_agents: &'a [Uuid],
    pub(super) selectors: &'a Selectors,
    pub(super) is_active: bool,
    /// Smaller is judged first.
    pub(super) evaluation_order: u32,
    pub(super) severity: Severity,
    /// What an error of the rule means; null is the mode's default.
    pub(super) on_error: Option<OnError>,
    /// Policies that are judged before this one.
    pub(super) prerequisites: Vec<PolicyId>,
    pub(super) chain_trigger: ChainTrigger,
    /// The author's own notes.
    pub(super) metadata: Option<&'a Value>,
    pub(super) deleted: bool,
    /// Agents it is not judged for, and until when.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) exceptions: &'a [Exception],
}
