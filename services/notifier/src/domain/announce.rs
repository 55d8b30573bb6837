//! Facts as notices.

use chrono::DateTime;
use serde_json::{Value, json};
use uuid::Uuid;
use writ_contract::wire::{self, BudgetMark, BudgetUnit, Decision, Finding, Hit, Kill, Outcome};
use writ_contract::{
    ApprovalId, DecisionId, Envelope, Fact, FindingId, PauseId, PolicyId, PrivacyRequestId,
    Unreadable,
};

use super::{Notice, Topic};

/// What a fact is worth telling; nothing for facts of other kinds.
///
/// # Errors
/// [`Unreadable`] when the fact is of a kind that should be told but cannot be read.
pub fn announce(envelope: &Envelope) -> Result<Vec<Notice>, Unreadable> {
    match envelope.kind.aggregate() {
        Decision::AGGREGATE => Ok(decision(envelope, &envelope.open()?)),
        Kill::AGGREGATE => Ok(vec![kill(envelope, &envelope.open()?)]),
        wire::Pause::AGGREGATE => Ok(vec![pause(envelope, &envelope.open()?)]),
        Finding::AGGREGATE => Ok(vec![finding(envelope, &envelope.open()?)]),
        wire::PrivacyRequest::AGGREGATE if envelope.kind.verb() == "due" => {
            Ok(vec![due(envelope, &envelope.open()?)])
        }
        _ => Ok(Vec::new()),
    }
}

fn notice(envelope: &Envelope, id: String, topic: Topic, data: Value) -> Notice {
    let at = DateTime::from_timestamp_micros(envelope.occurred_at_us).unwrap_or_default();
    Notice {
        id,
        topic,
        org: envelope.org,
        at,
        data,
    }
}

fn event_id(envelope: &Envelope) -> String {
    format!("evt_{}", envelope.event_id.0.as_simple())
}

fn decision(envelope: &Envelope, decision: &Decision) -> Vec<Notice> {
    let mut notices = Vec::new();
    if !decision.hits.is_empty() {
        let data = json!({
            "decisionId": DecisionId::from_bytes(&decision.decision_id).ok(),
            "agentId": decision.external_agent_id,
            "environment": decision.environment,
            "outcome": outcome(decision.outcome()),
            "violations": decision.hits.iter().map(violation).collect::<Vec<_>>(),
            "approvalRequestId": ApprovalId::from_bytes(&decision.approval_id).ok(),
            "risk": decision.risk,
        });
        notices.push(notice(
            envelope,
            event_id(envelope),
            Topic::PolicyViolated,
            data,
        ));
    }
    notices.extend(
        decision
            .budget_marks
            .iter()
            .filter_map(|mark| budget(envelope, decision, mark)),
    );
    notices
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "allowed",
        Outcome::Hold => "held",
        Outcome::Deny => "denied",
        Outcome::Unspecified => "unknown",
    }
}

fn violation(hit: &Hit) -> Value {
    json!({
        "policyId": PolicyId::from_bytes(&hit.policy_id).ok(),
        "policyVersion": hit.policy_version,
        "policyType": hit.policy_type,
        "enforcementMode": hit.enforcement_mode,
        "severity": hit.severity,
        "evidence": hit.evidence,
    })
}

/// A budget of money is told of once a period when it first passes its warning threshold, and once
/// when it is exceeded: the id follows from policy, counter and level, so later decisions repeat it
/// and are dropped.
fn budget(envelope: &Envelope, decision: &Decision, mark: &BudgetMark) -> Option<Notice> {
    match mark.unit() {
        BudgetUnit::MicroUsd | BudgetUnit::Unspecified => {}
        BudgetUnit::Calls | BudgetUnit::Records => return None,
    }
    let level = match (mark.exceeded, mark.warned) {
        (true, _) => "exceeded",
        (false, true) => "warning",
        (false, false) => return None,
    };
    // A policy may keep a counter for each agent, user or workspace.
    let counter = if mark.counter.is_empty() {
        &mark.period
    } else {
        &mark.counter
    };
    let policy = Uuid::from_slice(&mark.policy_id).ok()?;
    let id = format!("evt_{}_{}_{level}", policy.as_simple(), word(counter));
    let data = json!({
        "policyId": PolicyId(policy),
        "agentId": decision.external_agent_id,
        "environment": decision.environment,
        "period": mark.period,
        "level": level,
        "spentUsd": dollars(mark.total),
        "capUsd": dollars(mark.cap),
    });
    Some(notice(envelope, id, Topic::CostThreshold, data))
}

/// A period as part of an id: letters, digits, `-` and `_` only.
fn word(text: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    text.chars().map(plain).collect()
}

#[allow(
    clippy::cast_precision_loss,
    reason = "amounts lie far below 2^53 millionths"
)]
fn dollars(micros: u64) -> f64 {
    micros as f64 / 1_000_000.0
}

fn kill(envelope: &Envelope, kill: &Kill) -> Notice {
    let topic = if kill.paused {
        Topic::AgentPaused
    } else {
        Topic::AgentResumed
    };
    let data = json!({
        "agentId": kill.external_id,
        "agentUuid": Uuid::from_slice(&kill.agent_id).ok(),
        "environment": kill.environment,
        "reason": kill.reason,
    });
    notice(envelope, event_id(envelope), topic, data)
}

/// A wider pause is told once, not for each agent that it covers.
fn pause(envelope: &Envelope, pause: &wire::Pause) -> Notice {
    let topic = match (&*pause.scope, pause.ended) {
        ("tool", false) => Topic::ToolPaused,
        ("tool", true) => Topic::ToolResumed,
        (_, false) => Topic::AgentPaused,
        (_, true) => Topic::AgentResumed,
    };
    let time = |micros| DateTime::from_timestamp_micros(micros).unwrap_or_default();
    let data = json!({
        "pauseId": PauseId::from_bytes(&pause.pause_id).ok(),
        "scope": pause.scope,
        "value": (!pause.value.is_empty()).then_some(&pause.value),
        "reason": pause.reason,
        "expiresAt": pause.expires_at_us.map(time),
    });
    notice(envelope, event_id(envelope), topic, data)
}

fn finding(envelope: &Envelope, finding: &Finding) -> Notice {
    let time = |micros| DateTime::from_timestamp_micros(micros).unwrap_or_default();
    let data = json!({
        "findingId": FindingId::from_bytes(&finding.finding_id).ok(),
        "agentId": finding.external_agent_id,
        "environment": finding.environment,
        "metric": finding.metric,
        "value": finding.value,
        "expected": finding.expected,
        "score": finding.score,
        "severity": finding.severity,
        "windowStart": time(finding.window_start_us),
        "windowEnd": time(finding.window_end_us),
    });
    notice(envelope, event_id(envelope), Topic::TraceAnomaly, data)
}

/// Whom the request is about is asked for where people may know it.
fn due(envelope: &Envelope, request: &wire::PrivacyRequest) -> Notice {
    let data = json!({
        "requestId": PrivacyRequestId::from_bytes(&request.request_id).ok(),
        "type": request.kind,
        "due": request.due,
        "dueAt": DateTime::from_timestamp_micros(request.due_at_us).unwrap_or_default(),
        "legalHold": request.legal_hold,
    });
    notice(envelope, event_id(envelope), Topic::PrivacyDue, data)
}

#[cfg(test)]
mod tests;
