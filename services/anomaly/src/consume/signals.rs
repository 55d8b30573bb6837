//! Facts of other services as signals.

use writ_contract::{AgentId, DecisionId, Envelope, Fact, OrgId, Packed, PolicyId, wire};
use writ_eventlog::{Content, Delivered};

use crate::domain::incident::{Gravity, Group, Signal, What};

/// What a message of the log has to say; nothing when it is about something else. One that cannot be
/// read was answered for where it is enforced.
pub(super) fn signals(delivered: &Delivered) -> Vec<Signal> {
    match &delivered.content {
        Content::Packed(packed) => decisions(packed),
        Content::Fact(envelope) => fact(envelope).into_iter().collect(),
        Content::Unreadable(_) => Vec::new(),
    }
}

fn decisions(packed: &Packed) -> Vec<Signal> {
    let envelopes = packed.records.iter();
    let envelopes = envelopes.filter_map(|record| Envelope::decode(&record.envelope).ok());
    envelopes
        .filter_map(|envelope| Some(decision(&envelope, &envelope.open().ok()?)))
        .flatten()
        .collect()
}

/// One signal for each policy that hit, in whatever mode, and one for a refusal without any.
fn decision(envelope: &Envelope, decision: &wire::Decision) -> Vec<Signal> {
    let group = |what, policy, subject: &str| Group {
        org: envelope.org,
        what,
        agent: decision.external_agent_id.clone(),
        environment: decision.environment.clone(),
        policy,
        subject: subject.to_owned(),
    };
    let signal = |group, gravity| Signal {
        group,
        agent_uuid: AgentId::from_bytes(&decision.agent_id).ok().map(|id| id.0),
        decision: DecisionId::from_bytes(&decision.decision_id).ok(),
        gravity,
        at_us: envelope.occurred_at_us,
        count: 1,
        traceparent: envelope.traceparent.clone(),
    };
    if decision.hits.is_empty() {
        let refused = decision.outcome() == wire::Outcome::Deny;
        let refusal = || {
            let group = group(What::Refusal, None, &decision.reason_code);
            signal(group, Gravity::Low)
        };
        return refused.then(refusal).into_iter().collect();
    }
    let hit = |hit: &wire::Hit| {
        let policy = PolicyId::from_bytes(&hit.policy_id).ok();
        let group = group(What::Policy, policy, &hit.policy_type);
        signal(group, hit.severity.parse().unwrap_or(Gravity::Medium))
    };
    decision.hits.iter().map(hit).collect()
}

fn fact(envelope: &Envelope) -> Option<Signal> {
    match envelope.kind.aggregate() {
        wire::BypassWindow::AGGREGATE => Some(bypass(envelope, &envelope.open().ok()?)),
        wire::BypassDrop::AGGREGATE => Some(dropped(envelope, &envelope.open().ok()?)),
        wire::Approval::AGGREGATE if envelope.kind.verb() == "mismatched" => {
            Some(mismatch(envelope, &envelope.open().ok()?))
        }
        wire::ForgedCredential::AGGREGATE => Some(forgery(envelope, &envelope.open().ok()?)),
        wire::ApiKey::AGGREGATE => leak(envelope, &envelope.open().ok()?),
        _ => None,
    }
}

fn bypass(envelope: &Envelope, window: &wire::BypassWindow) -> Signal {
    Signal {
        agent_uuid: AgentId::from_bytes(&window.agent_id).ok().map(|id| id.0),
        count: window.count,
        ..of(
            envelope,
            What::Bypass,
            &window.external_agent_id,
            &window.reason,
        )
    }
}

fn dropped(envelope: &Envelope, dropped: &wire::BypassDrop) -> Signal {
    Signal {
        count: dropped.bypasses.max(1),
        ..of(envelope, What::Bypass, "", "reports_dropped")
    }
}

fn mismatch(envelope: &Envelope, approval: &wire::Approval) -> Signal {
    let what = What::Certificate;
    let mut signal = of(
        envelope,
        what,
        &approval.external_agent_id,
        "action_context_mismatch",
    );
    signal.group.environment.clone_from(&approval.environment);
    signal.agent_uuid = AgentId::from_bytes(&approval.agent_id).ok().map(|id| id.0);
    signal.decision = approval
        .decision_ids
        .first()
        .and_then(|id| DecisionId::from_bytes(id).ok());
    signal
}

fn forgery(envelope: &Envelope, forged: &wire::ForgedCredential) -> Signal {
    let agent = &forged.external_agent_id;
    let mut signal = of(envelope, What::Forgery, agent, "forged_credential");
    signal.group.environment.clone_from(&forged.environment);
    signal.agent_uuid = AgentId::from_bytes(&forged.agent_id).ok().map(|id| id.0);
    signal.count = forged.traces.max(1);
    signal
}

/// Told once: a key that leaked does not change any more.
fn leak(envelope: &Envelope, key: &wire::ApiKey) -> Option<Signal> {
    let signal = of(envelope, What::Leak, "", &envelope.aggregate_id);
    key.leaked.then_some(Signal {
        gravity: Gravity::Critical,
        ..signal
    })
}

fn of(envelope: &Envelope, what: What, agent: &str, subject: &str) -> Signal {
    let org: OrgId = envelope.org;
    Signal {
        group: Group {
            org,
            what,
            agent: agent.to_owned(),
            environment: String::new(),
            policy: None,
            subject: subject.to_owned(),
        },
        agent_uuid: None,
        decision: None,
        gravity: Gravity::High,
        at_us: envelope.occurred_at_us,
        count: 1,
        traceparent: envelope.traceparent.clone(),
    }
}
