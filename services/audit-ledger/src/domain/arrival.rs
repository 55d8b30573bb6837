//! Messages of the log as the facts they state.

use writ_chain::leaf::{EntryBody, Source, Window};
use writ_contract::{
    AgentId, DecisionId, Envelope, EventId, Fact, OrgId, Packed, Record, Service, wire,
};
use writ_eventlog::{Content, Delivered};

use super::compliance::{Bearing, Evidence};

/// A fact on its way into the ledger.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arrival {
    pub(crate) org: OrgId,
    pub(crate) event_id: EventId,
    /// A message of its own, not a record of a packed one: a `sealed` fact names it.
    pub(crate) single: bool,
    /// The bytes the entry's digest commits to.
    pub(crate) envelope: Vec<u8>,
    /// The entry, its digest still empty.
    pub(crate) body: EntryBody,
    pub(crate) index: Index,
    pub(crate) bearing: Bearing,
    pub(crate) number: Option<Number>,
}

/// What an entry can be found by beside its body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) agent_id: Option<String>,
    pub(crate) agent_external_id: Option<String>,
    /// The agent's.
    pub(crate) environment: Option<String>,
    pub(crate) decision_id: Option<String>,
}

/// A dense number and what numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) source: String,
    pub(crate) seq: u64,
}

impl Arrival {
    /// Leaves of a fact that it was there, and its digest: the store cannot hold what it says.
    pub(crate) fn forget(&mut self) {
        self.body = unreadable(self.body.source.clone(), self.body.occurred_at);
        self.index = Index::default();
        self.bearing = Bearing::of(Evidence::EntriesUnreadable);
        self.number = self.number.take().filter(|it| !it.source.contains('\0'));
    }
}

/// The facts of one message. `None` when it states none: not readable, or about another
/// organisation than its subject says.
pub(crate) fn arrivals(delivered: &Delivered, stream: &str) -> Option<Vec<Arrival>> {
    match &delivered.content {
        Content::Fact(envelope) if names(&delivered.subject, envelope.org) => {
            Some(vec![single(envelope, delivered, stream)])
        }
        Content::Packed(packed) => Some(records(packed, delivered, stream)),
        Content::Fact(_) | Content::Unreadable(_) => None,
    }
}

/// Facts of one owner carry their organisation in the subject
/// (`<prefix>.evt.<owner>.<aggregate>.<org>.<key>`); those of the gate (five tokens) do not.
fn names(subject: &str, org: OrgId) -> bool {
    let mut tokens = subject.split('.').skip(4);
    match (tokens.next(), tokens.next()) {
        (Some(named), Some(_)) => named == org.to_string(),
        (Some(_) | None, _) => true,
    }
}

fn single(envelope: &Envelope, delivered: &Delivered, stream: &str) -> Arrival {
    let source = Source {
        stream: stream.to_owned(),
        subject: delivered.subject.clone(),
        emitter: delivered.owner.to_string(),
        emitter_seq: None,
        version: (envelope.version > 0).then_some(envelope.version),
    };
    let number = is_versioned(delivered.owner, envelope).then(|| Number {
        source: format!(
            "aggregate:{}/{}",
            envelope.kind.aggregate(),
            envelope.aggregate_id
        ),
        seq: envelope.version,
    });
    Arrival {
        org: envelope.org,
        event_id: envelope.event_id,
        // Nobody waits for the seal of a heartbeat.
        single: envelope.kind.aggregate() != wire::Presence::AGGREGATE,
        envelope: envelope.encode(),
        body: body(envelope, source),
        index: index(envelope),
        bearing: Bearing::fact(envelope),
        number,
    }
}

/// Whether the fact carries its aggregate's state and a dense version: those of control and
/// approval do, but for a certificate's use, which happens once.
fn is_versioned(owner: Service, envelope: &Envelope) -> bool {
    let owner = matches!(owner, Service::Control | Service::Approval);
    owner && envelope.version > 0 && envelope.kind.aggregate() != wire::Consumed::AGGREGATE
}

fn records(packed: &Packed, delivered: &Delivered, stream: &str) -> Vec<Arrival> {
    let incarnation = incarnation(packed);
    let arrival = |record: &Record| {
        let source = Source {
            stream: stream.to_owned(),
            subject: delivered.subject.clone(),
            emitter: packed.incarnation.to_string(),
            emitter_seq: Some(record.emitter_seq),
            version: None,
        };
        let envelope = Envelope::decode(&record.envelope).ok();
        let envelope = envelope.filter(|it| it.org == record.org && it.event_id == record.event_id);
        let (body, index, bearing) = match &envelope {
            Some(envelope) => (
                body(envelope, source),
                index(envelope),
                Bearing::fact(envelope),
            ),
            None => (
                unreadable(source, delivered.stored_at_us),
                Index::default(),
                Bearing::of(Evidence::EntriesUnreadable),
            ),
        };
        Arrival {
            org: record.org,
            event_id: record.event_id,
            single: false,
            envelope: record.envelope.clone(),
            body,
            index,
            bearing,
            number: Some(Number {
                source: incarnation.clone(),
                seq: record.emitter_seq,
            }),
        }
    };
    packed.records.iter().map(arrival).collect()
}

/// How an emitter's life is called among the sources of numbers.
pub(crate) fn incarnation(packed: &Packed) -> String {
    format!("incarnation:{}", packed.incarnation)
}

/// What is recorded of a fact whose content cannot be: that it was there, and its digest.
pub(crate) fn unreadable(source: Source, at_us: i64) -> EntryBody {
    EntryBody {
        kind: "ledger.unreadable_recorded.v1".to_owned(),
        occurred_at: at_us,
        actor: Some(format!("system:{}", crate::NAME)),
        action: Some("ledger.unreadable".to_owned()),
        target: None,
        aggregate_id: None,
        on_behalf_of: Vec::new(),
        outcome: Some("failed".to_owned()),
        reason_code: Some("UNREADABLE".to_owned()),
        policy_set_hash: None,
        trace_id: None,
        window: None,
        source,
        digest: String::new(),
    }
}

fn body(envelope: &Envelope, source: Source) -> EntryBody {
    let audit = &envelope.audit;
    EntryBody {
        kind: envelope.kind.to_string(),
        occurred_at: envelope.occurred_at_us,
        actor: filled(&audit.actor),
        action: filled(&audit.action),
        target: filled(&audit.target),
        aggregate_id: filled(&envelope.aggregate_id),
        on_behalf_of: audit.on_behalf_of.clone(),
        outcome: filled(&audit.outcome),
        reason_code: filled(&audit.reason_code),
        policy_set_hash: policy_set_hash(envelope),
        trace_id: trace_id(&envelope.traceparent),
        window: window(envelope),
        source,
        digest: String::new(),
    }
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn policy_set_hash(envelope: &Envelope) -> Option<String> {
    let hash = match envelope.kind.aggregate() {
        wire::Decision::AGGREGATE => envelope.open::<wire::Decision>().ok()?.policy_set_hash,
        wire::Approval::AGGREGATE => envelope.open::<wire::Approval>().ok()?.policy_set_hash,
        _ => return None,
    };
    (!hash.is_empty()).then(|| hex::encode(hash))
}

/// The time a report is about: of acts without decisions, of lost reports, of an agent that was heard of.
fn window(envelope: &Envelope) -> Option<Window> {
    match envelope.kind.aggregate() {
        wire::BypassWindow::AGGREGATE => {
            let report = envelope.open::<wire::BypassWindow>().ok()?;
            Some(Window {
                from: report.first_at_us,
                to: report.last_at_us.max(report.first_at_us),
                count: report.count,
            })
        }
        wire::BypassDrop::AGGREGATE => {
            let report = envelope.open::<wire::BypassDrop>().ok()?;
            Some(Window {
                from: report.since_us.unwrap_or(envelope.occurred_at_us),
                to: envelope.occurred_at_us,
                count: report.windows,
            })
        }
        wire::Presence::AGGREGATE => {
            let heard = envelope.open::<wire::Presence>().ok()?;
            Some(Window {
                from: heard.first_at_us,
                to: heard.last_at_us.max(heard.first_at_us),
                count: heard.count,
            })
        }
        _ => None,
    }
}

/// The second field of a W3C traceparent.
pub(crate) fn trace_id(traceparent: &str) -> Option<String> {
    let id = traceparent.split('-').nth(1)?;
    let whole = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    whole.then(|| id.to_owned())
}

fn decision(id: &[u8]) -> Option<String> {
    DecisionId::from_bytes(id).ok().map(|id| id.to_string())
}

fn of(agent: &[u8], external: &str) -> Index {
    Index {
        agent_id: AgentId::from_bytes(agent).ok().map(|id| id.to_string()),
        agent_external_id: filled(external),
        ..Index::default()
    }
}

fn index(envelope: &Envelope) -> Index {
    let found = match envelope.kind.aggregate() {
        wire::Agent::AGGREGATE => envelope.open::<wire::Agent>().map(|it| Index {
            environment: filled(&it.environment),
            ..of(&it.agent_id, &it.external_id)
        }),
        wire::Baseline::AGGREGATE => envelope
            .open::<wire::Baseline>()
            .map(|it| of(&it.agent_id, "")),
        wire::Grant::AGGREGATE => envelope
            .open::<wire::Grant>()
            .map(|it| of(&it.agent_id, "")),
        wire::PromptVersion::AGGREGATE => envelope
            .open::<wire::PromptVersion>()
            .map(|it| of(&it.agent_id, &it.external_agent_id)),
        wire::AgentVersions::AGGREGATE => envelope
            .open::<wire::AgentVersions>()
            .map(|it| of(&it.agent_id, "")),
        wire::DelegationState::AGGREGATE => envelope
            .open::<wire::DelegationState>()
            .map(|it| of(&it.agent_id, "")),
        wire::ForgedCredential::AGGREGATE => envelope
            .open::<wire::ForgedCredential>()
            .map(|it| of(&it.agent_id, &it.external_agent_id)),
        wire::Kill::AGGREGATE => envelope
            .open::<wire::Kill>()
            .map(|it| of(&it.agent_id, &it.external_id)),
        wire::Approval::AGGREGATE => envelope
            .open::<wire::Approval>()
            .map(|it| of(&it.agent_id, &it.external_agent_id)),
        wire::Consumed::AGGREGATE => envelope
            .open::<wire::Consumed>()
            .map(|it| of(&it.agent_id, "")),
        wire::Finding::AGGREGATE => envelope
            .open::<wire::Finding>()
            .map(|it| of(&[], &it.external_agent_id)),
        wire::Incident::AGGREGATE => envelope
            .open::<wire::Incident>()
            .map(|it| of(&it.agent_id, &it.external_agent_id)),
        wire::BypassWindow::AGGREGATE => envelope
            .open::<wire::BypassWindow>()
            .map(|it| of(&it.agent_id, &it.external_agent_id)),
        wire::Presence::AGGREGATE => envelope
            .open::<wire::Presence>()
            .map(|it| of(&it.agent_id, &it.external_id)),
        wire::Resolution::AGGREGATE => envelope
            .open::<wire::Resolution>()
            .map(|it| of(&it.agent_id, &it.external_agent_id)),
        wire::FalsePositive::AGGREGATE => envelope.open::<wire::FalsePositive>().map(|it| Index {
            decision_id: decision(&it.decision_id),
            ..Index::default()
        }),
        wire::Decision::AGGREGATE => envelope.open::<wire::Decision>().map(|it| Index {
            decision_id: decision(&it.decision_id),
            ..of(&it.agent_id, &it.external_agent_id)
        }),
        _ => return Index::default(),
    };
    found.unwrap_or_default()
}

#[cfg(test)]
mod tests;
