//! Requests as clients see them.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use writ_contract::{AgentId, ApprovalId, DecisionId, KeyId, PolicyId};

use crate::domain::{Party, Status};
use crate::store::Entry;

/// A request and its card.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Approval")]
#[serde(rename_all = "camelCase")]
pub(super) struct ApprovalDto {
    pub(super) id: ApprovalId,
    /// `pending`, `approved`, `denied`, `expired`, `cancelled` or `consumed`.
    pub(super) status: &'static str,
    /// True once the ledger has sealed the grant, which is when the certificate begins.
    pub(super) sealed: bool,
    /// Counts its changes; the `ETag`.
    pub(super) version: u64,
    /// The application's own id of the agent.
    pub(super) agent_id: String,
    pub(super) agent_uuid: AgentId,
    pub(super) environment: String,
    requested_by: Vec<PartyDto>,
    pub(super) requested_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
    decided_by: Option<PartyDto>,
    pub(super) decided_at: Option<DateTime<Utc>>,
    pub(super) decision_reason: Option<String>,
    pub(super) certificate_expires_at: Option<DateTime<Utc>>,
    pub(super) used_at: Option<DateTime<Utc>>,
    pub(super) decision_ids: Vec<DecisionId>,
    pub(super) policy_ids: Vec<PolicyId>,
    /// The act that waits.
    pub(super) action_context: Option<Box<RawValue>>,
    /// Why it waits.
    pub(super) violations: Option<Box<RawValue>>,
    /// The body of the held action was gone before it was read.
    context_missing: bool,
}

/// Who asked or decided.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ApprovalParty")]
#[serde(rename_all = "camelCase")]
struct PartyDto {
    /// Absent of who signed in without one.
    key_id: Option<KeyId>,
    person: Option<String>,
}

impl ApprovalDto {
    /// The request as it stands at `now`.
    pub(super) fn of(entry: Entry, now: DateTime<Utc>) -> Self {
        let status = entry.state.status_at(now);
        let (state, card) = (entry.state, entry.card);
        let decided_at = state.decided.as_ref().map(|decided| decided.at);
        Self {
            id: state.id,
            status: status.as_str(),
            sealed: state.certified.is_some(),
            version: entry.version,
            agent_id: state.external_agent,
            agent_uuid: state.agent,
            environment: state.environment,
            requested_by: state.requesters.into_iter().map(PartyDto::from).collect(),
            requested_at: state.requested_at,
            expires_at: state.expires_at,
            decided_by: state.decided.map(|decided| decided.by.into()),
            decided_at,
            decision_reason: card.reason.or_else(|| stock_reason(status)),
            certificate_expires_at: state.certified.map(|certified| certified.expires_at),
            used_at: state.used.map(|used| used.at),
            decision_ids: state.decisions,
            policy_ids: state.policies,
            action_context: raw(card.action_context),
            violations: raw(card.violations),
            context_missing: card.context_missing,
        }
    }
}

impl From<Party> for PartyDto {
    fn from(party: Party) -> Self {
        Self {
            key_id: (party.key != Party::NO_KEY).then_some(party.key),
            person: party.person,
        }
    }
}

/// What is said where nobody gave a reason.
fn stock_reason(status: Status) -> Option<String> {
    let words = match status {
        Status::Denied => "an approver denied the request",
        Status::Cancelled => {
            "nobody waits for it: the agent was archived, or the prompt was deployed or asked for anew"
        }
        Status::Expired => "nobody decided in time",
        Status::Pending | Status::Approved | Status::Consumed => return None,
    };
    Some(words.to_owned())
}

fn raw(text: Option<String>) -> Option<Box<RawValue>> {
    text.and_then(|text| RawValue::from_string(text).ok())
}
