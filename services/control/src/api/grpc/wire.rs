//! The messages of `proto/writ/v1/control.proto`.

use chrono::{DateTime, Utc};
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Timestamp};
use serde_json::Value;
use uuid::Uuid;
use writ_contract::{Pause, PolicyId, Scope};
use writ_service_kit::ApiError;

use super::super::State;
use crate::channel::{Receipt, Switch};
use crate::policy::Policy;

/// As generated.
#[allow(
    missing_debug_implementations,
    unreachable_pub,
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated from proto/writ/v1/control.proto"
)]
pub(super) mod v1 {
    tonic::include_proto!("writ.v1");
}

/// The encoded descriptors, for reflection.
pub(crate) const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/control.bin"));

impl From<&Switch> for v1::Agent {
    fn from(switch: &Switch) -> Self {
        let status = match switch.status() {
            "active" => v1::AgentStatus::Active,
            "paused" => v1::AgentStatus::Paused,
            _ => v1::AgentStatus::Archived,
        };
        let paused_by = switch.covered.iter().map(|pause| pause.id.to_string());
        Self {
            id: switch.agent.to_string(),
            agent_id: switch.external_id.clone(),
            name: switch.name.clone(),
            environment: switch.environment.clone(),
            tags: switch.tags.clone(),
            status: status.into(),
            pause_reason: switch.why().unwrap_or_default(),
            paused_by: paused_by.collect(),
        }
    }
}

pub(super) fn pause(state: &State, org: Uuid, pause: &Pause) -> v1::Pause {
    let scope = match pause.scope {
        Scope::Organization => v1::PauseScope::Organization,
        Scope::Tag => v1::PauseScope::Tag,
        Scope::Environment => v1::PauseScope::Environment,
        Scope::Tool => v1::PauseScope::Tool,
        Scope::Agent => v1::PauseScope::Agent,
    };
    let covered = state.channel.switches().covered(org, pause).len();
    v1::Pause {
        id: pause.id.to_string(),
        scope: scope.into(),
        value: pause.value.clone(),
        reason: pause.reason.clone(),
        created_at: Some(timestamp(pause.since_us)),
        expires_at: pause.expires_at_us.map(timestamp),
        agents: u32::try_from(covered).unwrap_or(u32::MAX),
    }
}

pub(super) fn scope(scope: v1::PauseScope) -> Option<Scope> {
    match scope {
        v1::PauseScope::Organization => Some(Scope::Organization),
        v1::PauseScope::Tag => Some(Scope::Tag),
        v1::PauseScope::Environment => Some(Scope::Environment),
        v1::PauseScope::Tool => Some(Scope::Tool),
        v1::PauseScope::Agent => Some(Scope::Agent),
        v1::PauseScope::Unspecified => None,
    }
}

pub(super) fn receipt(receipt: Receipt) -> v1::Receipt {
    let at = receipt.acknowledged_at.timestamp_micros();
    v1::Receipt {
        sequence: receipt.sequence,
        acknowledged_at: Some(timestamp(at)),
    }
}

pub(super) fn policy(policy: &Policy) -> v1::Policy {
    let agents = policy.applies_to_agents.iter().map(Uuid::to_string);
    v1::Policy {
        id: PolicyId(policy.id).to_string(),
        name: policy.name.clone(),
        policy_type: policy.policy_type.as_str().to_owned(),
        enforcement_mode: policy.mode.as_str().to_owned(),
        rule_definition: match value(&policy.rule_definition).kind {
            Some(Kind::StructValue(rule)) => Some(rule),
            _ => None,
        },
        applies_to_agents: agents.collect(),
        is_active: policy.is_active,
        version: policy.version,
    }
}

/// A time of the wire.
pub(super) fn time(at: Timestamp) -> Result<DateTime<Utc>, ApiError> {
    let nanos = u32::try_from(at.nanos).ok();
    let time = nanos.and_then(|nanos| DateTime::from_timestamp(at.seconds, nanos));
    time.ok_or_else(|| ApiError::invalid("expires_at: not a time"))
}

fn timestamp(us: i64) -> Timestamp {
    let nanos = us.rem_euclid(1_000_000) * 1_000;
    Timestamp {
        seconds: us.div_euclid(1_000_000),
        nanos: i32::try_from(nanos).unwrap_or_default(),
    }
}

fn value(json: &Value) -> prost_types::Value {
    let kind = match json {
        Value::Null => Kind::NullValue(0),
        Value::Bool(yes) => Kind::BoolValue(*yes),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(items) => Kind::ListValue(ListValue {
            values: items.iter().map(value).collect(),
        }),
        Value::Object(fields) => Kind::StructValue(Struct {
            fields: fields
                .iter()
                .map(|(name, item)| (name.clone(), value(item)))
                .collect(),
        }),
    };
    prost_types::Value { kind: Some(kind) }
}
