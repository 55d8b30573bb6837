//! The stored form of a request.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use writ_contract::{AgentId, ApprovalId, DecisionId, EventId, KeyId, OrgId, PolicyId};
use writ_pg::PgError;

use crate::domain::{Certified, Decided, Party, State, Status, Used};

/// The columns of [`Row`].
pub(super) const COLUMNS: &str = "org_id, approval_id, seq, agent_id, external_agent_id,
    environment, action_digest, policy_ids, policy_set_hash, decision_ids, requester_keys,
    requester_persons, requested_at, expires_at, status, version, decided_by_key,
    decided_by_person, decided_at, reason_digest, grant_event, certificate, certified_at,
    certificate_expires_at, use_event, used_at, action_context, violations, context_missing,
    reason, subject, traceparent";

/// A request with what belongs to its row and not to the domain.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) state: State,
    /// Of the last fact about it.
    pub(crate) version: u64,
    /// Its place in the list.
    pub(crate) seq: i64,
    /// Event id of the grant, which the ledger seals.
    pub(crate) grant_event: Option<EventId>,
    /// The signed certificate as JSON.
    pub(crate) certificate: Option<String>,
    /// Keyed digest of the decision's reason.
    pub(crate) reason_digest: Option<Vec<u8>>,
    pub(crate) card: Card,
    /// Of the act that was held, for the facts about it; empty when there was none.
    pub(crate) traceparent: String,
}

/// What a person decides by. Erasable: no fact holds any of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Card {
    /// JSON text of the held action's context.
    pub(crate) action_context: Option<String>,
    /// JSON text of the violations.
    pub(crate) violations: Option<String>,
    /// The body could not be read back.
    pub(crate) context_missing: bool,
    /// The words of the decision.
    pub(crate) reason: Option<String>,
    /// Keyed digest of the person the act is for.
    pub(crate) subject: Option<Vec<u8>>,
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    org_id: Uuid,
    approval_id: Uuid,
    seq: i64,
    agent_id: Uuid,
    external_agent_id: String,
    environment: String,
    action_digest: Vec<u8>,
    policy_ids: Vec<Uuid>,
    policy_set_hash: Vec<u8>,
    decision_ids: Vec<Uuid>,
    requester_keys: Vec<Uuid>,
    requester_persons: Vec<String>,
    requested_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    status: String,
    version: i64,
    decided_by_key: Option<Uuid>,
    decided_by_person: Option<String>,
    decided_at: Option<DateTime<Utc>>,
    reason_digest: Option<Vec<u8>>,
    grant_event: Option<Uuid>,
    certificate: Option<String>,
    certified_at: Option<DateTime<Utc>>,
    certificate_expires_at: Option<DateTime<Utc>>,
    use_event: Option<Uuid>,
    used_at: Option<DateTime<Utc>>,
    action_context: Option<String>,
    violations: Option<String>,
    context_missing: bool,
    reason: Option<String>,
    subject: Option<Vec<u8>>,
    traceparent: String,
}

impl Row {
    pub(super) fn read(self) -> Result<Entry, PgError> {
        let decided = self.decided_by_key.zip(self.decided_at);
        let certified = self.certified_at.zip(self.certificate_expires_at);
        let state = State {
            id: ApprovalId(self.approval_id),
            org: OrgId(self.org_id),
            agent: AgentId(self.agent_id),
            external_agent: self.external_agent_id,
            environment: self.environment,
            action_digest: self
                .action_digest
                .try_into()
                .map_err(|_| unreadable("action_digest"))?,
            policies: self.policy_ids.into_iter().map(PolicyId).collect(),
            policy_set_hash: self.policy_set_hash,
            decisions: self.decision_ids.into_iter().map(DecisionId).collect(),
            requesters: self
                .requester_keys
                .into_iter()
                .zip(self.requester_persons)
                .map(|(key, person)| party(key, Some(person)))
                .collect(),
            requested_at: self.requested_at,
            expires_at: self.expires_at,
            status: Status::parse(&self.status).ok_or_else(|| unreadable("status"))?,
            decided: decided.map(|(key, at)| Decided {
                by: party(key, self.decided_by_person),
                at,
            }),
            certified: certified.map(|(not_before, expires_at)| Certified {
                not_before,
                expires_at,
            }),
            used: self.use_event.zip(self.used_at).map(|(event, at)| Used {
                event: EventId(event),
                at,
            }),
        };
        Ok(Entry {
            state,
            version: u64::try_from(self.version).map_err(|_| unreadable("version"))?,
            seq: self.seq,
            grant_event: self.grant_event.map(EventId),
            certificate: self.certificate,
            reason_digest: self.reason_digest,
            card: Card {
                action_context: self.action_context,
                violations: self.violations,
                context_missing: self.context_missing,
                reason: self.reason,
                subject: self.subject,
            },
            traceparent: self.traceparent,
        })
    }
}

fn party(key: Uuid, person: Option<String>) -> Party {
    Party {
        key: KeyId(key),
        person: person.filter(|person| !person.is_empty()),
    }
}

/// Keys and persons as two columns.
pub(super) fn parties(parties: &[Party]) -> (Vec<Uuid>, Vec<String>) {
    parties
        .iter()
        .map(|party| (party.key.0, party.person.clone().unwrap_or_default()))
        .unzip()
}

fn unreadable(column: &str) -> PgError {
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: "not a value this build knows".into(),
    }
    .into()
}
