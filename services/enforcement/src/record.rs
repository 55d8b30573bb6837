//! A decision as a fact: ids, enums, lengths and keyed digests; no input, no output, no names.

mod authorization;
mod behind;

use prost::Message as _;
use writ_access::Caller;
use writ_contract::digest::OrgDigestKey;
use writ_contract::{
    AgentId, ApprovalId, Audit, DecisionId, Envelope, EventId, KeyId, Kind, OrgId, PolicyId, wire,
};
use writ_policy::{Decision, ENGINE_VERSION, Outcome, Violation};

use crate::domain::{Ask, Verdict};

/// Names of tools kept in a fact, and the length of each.
const TOOLS: usize = 16;
const TOOL_CHARS: usize = 128;

/// Everything a record is made from.
#[derive(Debug)]
pub struct Parts<'a> {
    /// Identity of the decision and of its record.
    pub id: DecisionId,
    /// Who asked.
    pub caller: &'a Caller,
    /// What was asked.
    pub ask: &'a Ask,
    /// The agent, when it is known.
    pub agent: Option<AgentId>,
    /// Its external id, when it is known.
    pub external_id: Option<&'a str>,
    /// The agent it would call, when that is what it asks and it is known.
    pub callee: Option<AgentId>,
    /// What came of it.
    pub verdict: &'a Verdict,
    /// The fence it was evaluated under.
    pub kill_seq: u64,
    /// For digests.
    pub key: &'a OrgDigestKey,
    /// Set on a held decision.
    pub approval: Option<ApprovalId>,
    /// Where a held action's context is.
    pub body: Option<wire::BodyRef>,
    /// What was reserved.
    pub marks: Vec<wire::BudgetMark>,
    /// Microseconds since the Unix epoch.
    pub now_us: i64,
    /// How long judging took, in microseconds.
    pub evaluation_us: u64,
}

/// The encoded envelope of the decision.
#[must_use]
pub fn envelope(parts: Parts<'_>) -> Vec<u8> {
    let org = OrgId(parts.caller.org_id());
    let audit = audit(&parts);
    let (id, now_us) = (parts.id, parts.now_us);
    let traceparent = parts.ask.traceparent.clone();
    let fact = fact(parts);
    Envelope {
        event_id: EventId(id.0),
        kind: Kind::of::<wire::Decision>("made"),
        org,
        aggregate_id: id.to_string(),
        version: 0,
        occurred_at_us: now_us,
        audit,
        fact: fact.encode_to_vec(),
        traceparent,
    }
    .encode()
}

fn audit(parts: &Parts<'_>) -> Audit {
    let actor = match (parts.agent, parts.caller.key_id()) {
        (Some(agent), _) => format!("agent:{agent}"),
        (None, Some(key)) => format!("key:{}", KeyId(key)),
        (None, None) => "system:enforcement".to_owned(),
    };
    Audit {
        actor,
        action: "decision.make".to_owned(),
        target: format!("decision:{}", parts.id),
        on_behalf_of: behind::nearest_first(&parts.ask.request, parts.key, parts.caller.person()),
        outcome: outcome_word(parts.verdict.outcome()).to_owned(),
        reason_code: reason_code(parts.verdict),
    }
}

fn fact(parts: Parts<'_>) -> wire::Decision {
    let ask = parts.ask;
    let judged = match parts.verdict {
        Verdict::Judged(decision) => Some(decision),
        Verdict::Refused(_) | Verdict::Granted(_) => None,
    };
    let authorization = authorization::authorization(&parts);
    let hits = judged.into_iter().flat_map(|decision| {
        let hits = decision.violations.iter().chain(&decision.warnings);
        hits.map(|violation| hit(decision, violation))
    });
    let considered = judged.into_iter().flat_map(|decision| &decision.considered);
    let excepted = considered.filter(|policy| policy.excepted);
    wire::Decision {
        excepted_policy_ids: excepted
            .map(|policy| PolicyId(policy.policy_id).to_bytes())
            .collect(),
        decision_id: parts.id.to_bytes(),
        agent_id: parts.agent.map(AgentId::to_bytes).unwrap_or_default(),
        external_agent_id: parts.external_id.map(str::to_owned).unwrap_or_default(),
        environment: cut(ask.environment()),
        outcome: outcome(parts.verdict.outcome()).into(),
        hits: hits.collect(),
        policy_set_hash: judged
            .map(|d| d.policy_set_hash.to_vec())
            .unwrap_or_default(),
        engine_version: ENGINE_VERSION.to_owned(),
        input_digest: parts.key.digest(ask.request.input.as_bytes()).to_vec(),
        input_length: ask.request.input.len() as u64,
        action_digest: parts.key.digest(&ask.context).to_vec(),
        tools: ask
            .request
            .tools
            .iter()
            .take(TOOLS)
            .map(|t| cut(t))
            .collect(),
        estimated_cost_micros: ask.request.estimated_cost.map(micros),
        kill_seq: parts.kill_seq,
        key_id: parts
            .caller
            .key_id()
            .map(|k| KeyId(k).to_bytes())
            .unwrap_or_default(),
        person: parts.caller.person().unwrap_or_default().to_owned(),
        approval_id: parts.approval.map(ApprovalId::to_bytes).unwrap_or_default(),
        body: parts.body,
        risk: risk(parts.verdict),
        reason_code: reason_code(parts.verdict),
        budget_marks: parts.marks,
        session_id: cut(&ask.request.session_id),
        edge: ask.edge.to_owned(),
        evaluation_us: parts.evaluation_us,
        phase: ask.request.phase.to_string(),
        tier: ask.request.tier.map(|t| t.to_string()).unwrap_or_default(),
        user: behind::user(&ask.request, parts.key),
        delegation: ask.request.delegation.as_ref().map(behind::delegation),
        authorization,
    }
}

fn hit(decision: &Decision, violation: &Violation) -> wire::Hit {
    let mut judged = decision.considered.iter();
    let judged = judged.find(|considered| considered.policy_id == violation.policy_id);
    let mut evidence: Vec<String> = violation
        .evidence
        .iter()
        .map(|e| format!("{}:{}", violation.policy_type.as_str(), e.kind))
        .collect();
    evidence.dedup();
    evidence.truncate(TOOLS);
    wire::Hit {
        policy_id: PolicyId(violation.policy_id).to_bytes(),
        policy_version: judged.map_or(0, |considered| considered.version),
        policy_type: violation.policy_type.as_str().to_owned(),
        enforcement_mode: violation.enforcement_mode.as_str().to_owned(),
        severity: violation.severity.as_str().to_owned(),
        evidence,
    }
}

fn outcome(outcome: Outcome) -> wire::Outcome {
    match outcome {
        Outcome::Allow => wire::Outcome::Allow,
        Outcome::Hold => wire::Outcome::Hold,
        Outcome::Block => wire::Outcome::Deny,
    }
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "allowed",
        Outcome::Hold => "held",
        Outcome::Block => "denied",
    }
}

fn risk(verdict: &Verdict) -> u32 {
    match verdict {
        Verdict::Refused(_) => 100,
        Verdict::Granted(_) => 0,
        Verdict::Judged(decision) => u32::from(decision.risk),
    }
}

fn reason_code(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Refused(refusal) => refusal.code().to_owned(),
        Verdict::Granted(_) => "GRANTED".to_owned(),
        Verdict::Judged(decision) => match decision.outcome {
            Outcome::Allow => String::new(),
            Outcome::Hold => "APPROVAL_REQUIRED".to_owned(),
            Outcome::Block => "POLICY_BLOCKED".to_owned(),
        },
    }
}

fn cut(text: &str) -> String {
    text.chars().take(TOOL_CHARS).collect()
}

/// US dollars as millionths; what cannot be a cost is 0.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what fits before the cast"
)]
fn micros(dollars: f64) -> u64 {
    (dollars * 1e6).round().clamp(0.0, 9e15) as u64
}
