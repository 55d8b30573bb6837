//! What a message of the log is in the tables.

use prost::Message as _;
use uuid::Uuid;
use writ_chain::merkle::leaf_hash;
use writ_contract::topology::GateLeaf;
use writ_contract::{
    AgentId, ApprovalId, DecisionId, Envelope, KeyId, OrgId, PolicyId, Record, wire,
};
use writ_eventlog::{Content, Delivered};

use super::sink::{Entry, Found, Plan};
use crate::domain::{Resolution, Trace};
use crate::store::{DECISION_ROWS, DecisionRow, TRACE_ROWS, TraceRow};

/// Accepted traces.
pub(crate) fn traces() -> Plan<TraceRow> {
    Plan {
        durable: "ingest_traces",
        table: TRACE_ROWS,
        manifests: true,
        read: |delivered| records(delivered, trace_row),
    }
}

/// Decisions; pauses and used certificates of the same stream are passed over.
pub(crate) fn decisions() -> Plan<DecisionRow> {
    Plan {
        durable: "ingest_decisions",
        table: DECISION_ROWS,
        manifests: false,
        read: |delivered| {
            if delivered
                .subject
                .ends_with(&format!(".{}", GateLeaf::Decision))
            {
                records(delivered, decision_row)
            } else {
                Found {
                    entries: Vec::new(),
                    broken: Vec::new(),
                }
            }
        },
    }
}

fn records<R>(
    delivered: &Delivered,
    row: fn(&Record, &Delivered) -> Result<R, String>,
) -> Found<R> {
    let (mut entries, mut broken) = (Vec::new(), Vec::new());
    match &delivered.content {
        Content::Packed(packed) => {
            for record in &packed.records {
                match row(record, delivered) {
                    Ok(row) => entries.push(Entry {
                        org: record.org,
                        event_id: record.event_id,
                        leaf: leaf_hash(&record.envelope),
                        row,
                    }),
                    Err(why) => broken.push(format!("record {}: {why}", record.event_id)),
                }
            }
        }
        Content::Fact(fact) => broken.push(format!("{} is no packed message", fact.kind)),
        Content::Unreadable(why) => broken.push(why.to_string()),
    }
    Found { entries, broken }
}

fn trace_row(record: &Record, _: &Delivered) -> Result<TraceRow, String> {
    let input = wire::TraceInput::decode(record.envelope.as_slice()).map_err(|e| e.to_string())?;
    if OrgId::from_bytes(&input.org_id) != Ok(record.org) {
        return Err("the record is of another organisation than its frame".to_owned());
    }
    let trace = if input.resolution_json.is_empty() {
        let text = std::str::from_utf8(&input.trace_json).map_err(|e| e.to_string())?;
        Trace::read(text).map_err(|e| e.to_string())?
    } else {
        let resolution: Result<Resolution, _> = serde_json::from_slice(&input.resolution_json);
        resolved(resolution.map_err(|e| e.to_string())?)
    };
    Ok(row_of(record, &input, trace))
}

/// A resolution lies beside the spans of its trace, under an identity of its own.
fn resolved(resolution: Resolution) -> Trace {
    Trace {
        timestamp_ms: Some(resolution.observed_ms()),
        trace_id: resolution.trace_id,
        span_id: resolution.id.to_string(),
        agent_id: resolution.agent_id,
        environment: resolution.environment,
        status: resolution.resolved_status,
        ..Trace::default()
    }
}

fn row_of(record: &Record, input: &wire::TraceInput, trace: Trace) -> TraceRow {
    let identity = trace.identity().to_owned();
    let link = if trace.decision_id.is_some() {
        "exact"
    } else {
        "none"
    };
    TraceRow {
        org_id: record.org,
        trace_id: trace.trace_id,
        span_id: trace.span_id,
        parent_span_id: trace.parent_span_id,
        parent_trace_id: trace.parent_trace_id,
        agent_id: trace.agent_id,
        agent_uuid: agent(&input.agent_id),
        environment: trace.environment,
        session_id: trace.session_id,
        user_id: trace.user_id,
        tier: trace.tier,
        delegation_chain: trace.delegation_chain,
        parent_decision_id: trace.parent_decision_id,
        timestamp: trace.timestamp_ms.unwrap_or(input.received_at_us / 1000),
        duration_ms: trace.duration_ms,
        status: trace.status,
        span_kind: trace.span_kind,
        span_name: trace.span_name,
        span_type: trace.span_type,
        tool_name: trace.tool_name,
        model_name: trace.model_name,
        prompt_tokens: trace.prompt_tokens,
        completion_tokens: trace.completion_tokens,
        total_tokens: trace.total_tokens,
        cost_usd: trace.cost_nanos,
        error_type: trace.error_type,
        error_message: trace.error_message,
        input: trace.input,
        output: trace.output,
        tags: trace.tags,
        metadata: trace.metadata,
        effect_evidence: trace.effect_evidence,
        extra: trace.extra,
        decision_id: trace.decision_id,
        decision_link: link.to_owned(),
        identity,
        resolution: String::from_utf8_lossy(&input.resolution_json).into_owned(),
        input_digest: hex::encode(&input.input_digest),
        origin: input.origin.clone(),
        key_id: KeyId::from_bytes(&input.key_id).ok(),
        received_at: input.received_at_us,
        event_id: record.event_id.0,
    }
}

fn decision_row(record: &Record, delivered: &Delivered) -> Result<DecisionRow, String> {
    let envelope = Envelope::decode(&record.envelope).map_err(|e| e.to_string())?;
    if envelope.org != record.org {
        return Err("the record is of another organisation than its frame".to_owned());
    }
    let decision: wire::Decision = envelope.open().map_err(|e| e.to_string())?;
    let decision_id = DecisionId::from_bytes(&decision.decision_id)
        .map_err(|wrong| format!("decision_id: {wrong}"))?;
    let outcome = outcome(&decision)?;
    let cost = decision.estimated_cost_micros;
    let user = decision.user.unwrap_or_default();
    let delegation = decision.delegation.unwrap_or_default();
    let hits = &decision.hits;
    let texts = |field: fn(&wire::Hit) -> &String| hits.iter().map(|h| field(h).clone()).collect();
    Ok(DecisionRow {
        org_id: envelope.org,
        decision_id,
        timestamp: envelope.occurred_at_us,
        agent_uuid: agent(&decision.agent_id),
        outcome: outcome.to_owned(),
        hit_policy_id: hits.iter().map(policy).collect(),
        hit_policy_version: hits.iter().map(|hit| hit.policy_version).collect(),
        hit_policy_type: texts(|hit| &hit.policy_type),
        hit_mode: texts(|hit| &hit.enforcement_mode),
        hit_severity: texts(|hit| &hit.severity),
        hit_evidence: hits.iter().map(|hit| hit.evidence.clone()).collect(),
        policy_set_hash: hex::encode(&decision.policy_set_hash),
        estimated_cost_usd: cost.map(|micros| i64::try_from(micros).unwrap_or(i64::MAX)),
        input_digest: hex::encode(&decision.input_digest),
        action_digest: hex::encode(&decision.action_digest),
        approval_id: ApprovalId::from_bytes(&decision.approval_id).ok(),
        key_id: KeyId::from_bytes(&decision.key_id).ok(),
        agent_id: decision.external_agent_id,
        environment: decision.environment,
        reason_code: decision.reason_code,
        risk: decision.risk,
        engine_version: decision.engine_version,
        tools: decision.tools,
        input_length: decision.input_length,
        person: decision.person,
        session_id: decision.session_id,
        edge: decision.edge,
        evaluation_us: decision.evaluation_us,
        phase: decision.phase,
        tier: decision.tier,
        user_digest: hex::encode(&user.digest),
        user_verified: user.verified,
        delegation_chain: delegation.chain,
        delegation_depth: delegation.depth,
        delegation_verified: delegation.verified,
        parent_decision_id: DecisionId::from_bytes(&delegation.parent_decision_id).ok(),
        kill_seq: decision.kill_seq,
        traceparent: envelope.traceparent,
        event_id: record.event_id.0,
        stream_seq: delivered.sequence,
        stored_at: delivered.stored_at_us,
    })
}

fn outcome(decision: &wire::Decision) -> Result<&'static str, String> {
    match decision.outcome() {
        wire::Outcome::Allow => Ok("allow"),
        wire::Outcome::Hold => Ok("hold"),
        wire::Outcome::Deny => Ok("deny"),
        wire::Outcome::Unspecified => Err("the decision has no outcome".to_owned()),
    }
}

fn agent(bytes: &[u8]) -> Option<Uuid> {
    AgentId::from_bytes(bytes).ok().map(|id| id.0)
}

/// The nil id where none is named: every column of the hits has as many entries.
fn policy(hit: &wire::Hit) -> PolicyId {
    PolicyId::from_bytes(&hit.policy_id).unwrap_or(PolicyId(Uuid::nil()))
}
