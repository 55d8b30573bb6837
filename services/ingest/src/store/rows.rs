//! Rows as they are written and read. Field names are column names; an id is a text column in the
//! form clients see, except agents and events, which are bare everywhere.

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use writ_contract::{ApprovalId, DecisionId, KeyId, OrgId, PolicyId};

/// A span. Times are milliseconds (`timestamp`) and microseconds (`received_at`) since the Unix
/// epoch, `cost_usd` is in billionths; JSON columns are text, empty when absent.
#[derive(Debug, Clone, PartialEq, Row, Serialize, Deserialize)]
#[allow(missing_docs, reason = "documented in migrations/*_trace_rows*.sql")]
pub(crate) struct TraceRow {
    pub(crate) org_id: OrgId,
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) parent_span_id: String,
    pub(crate) parent_trace_id: String,
    pub(crate) agent_id: String,
    #[serde(with = "clickhouse::serde::uuid::option")]
    pub(crate) agent_uuid: Option<Uuid>,
    pub(crate) environment: String,
    pub(crate) session_id: String,
    pub(crate) user_id: String,
    pub(crate) tier: String,
    pub(crate) delegation_chain: Vec<String>,
    pub(crate) parent_decision_id: Option<DecisionId>,
    pub(crate) timestamp: i64,
    pub(crate) duration_ms: Option<u64>,
    pub(crate) status: String,
    pub(crate) span_kind: String,
    pub(crate) span_name: String,
    pub(crate) span_type: String,
    pub(crate) tool_name: String,
    pub(crate) model_name: String,
    pub(crate) prompt_tokens: Option<u64>,
    pub(crate) completion_tokens: Option<u64>,
    pub(crate) total_tokens: Option<u64>,
    pub(crate) cost_usd: Option<i64>,
    pub(crate) error_type: String,
    pub(crate) error_message: String,
    pub(crate) input: String,
    pub(crate) output: String,
    pub(crate) tags: Vec<String>,
    pub(crate) metadata: String,
    pub(crate) effect_evidence: String,
    pub(crate) extra: String,
    pub(crate) decision_id: Option<DecisionId>,
    pub(crate) decision_link: String,
    pub(crate) identity: String,
    pub(crate) resolution: String,
    pub(crate) input_digest: String,
    pub(crate) origin: String,
    pub(crate) key_id: Option<KeyId>,
    pub(crate) received_at: i64,
    #[serde(with = "clickhouse::serde::uuid")]
    pub(crate) event_id: Uuid,
}

/// A decision. Times are microseconds since the Unix epoch, `estimated_cost_usd` is in millionths.
#[derive(Debug, Clone, PartialEq, Row, Serialize, Deserialize)]
#[allow(missing_docs, reason = "documented in migrations/*_decision_rows*.sql")]
pub(crate) struct DecisionRow {
    pub(crate) org_id: OrgId,
    pub(crate) decision_id: DecisionId,
    pub(crate) timestamp: i64,
    pub(crate) agent_id: String,
    #[serde(with = "clickhouse::serde::uuid::option")]
    pub(crate) agent_uuid: Option<Uuid>,
    pub(crate) environment: String,
    pub(crate) outcome: String,
    pub(crate) reason_code: String,
    pub(crate) risk: u32,
    #[serde(rename = "hits.policy_id")]
    pub(crate) hit_policy_id: Vec<PolicyId>,
    #[serde(rename = "hits.policy_version")]
    pub(crate) hit_policy_version: Vec<u64>,
    #[serde(rename = "hits.policy_type")]
    pub(crate) hit_policy_type: Vec<String>,
    #[serde(rename = "hits.mode")]
    pub(crate) hit_mode: Vec<String>,
    #[serde(rename = "hits.severity")]
    pub(crate) hit_severity: Vec<String>,
    #[serde(rename = "hits.evidence")]
    pub(crate) hit_evidence: Vec<Vec<String>>,
    pub(crate) policy_set_hash: String,
    pub(crate) engine_version: String,
    pub(crate) tools: Vec<String>,
    pub(crate) estimated_cost_usd: Option<i64>,
    pub(crate) input_digest: String,
    pub(crate) input_length: u64,
    pub(crate) action_digest: String,
    pub(crate) approval_id: Option<ApprovalId>,
    pub(crate) key_id: Option<KeyId>,
    pub(crate) person: String,
    pub(crate) session_id: String,
    pub(crate) edge: String,
    pub(crate) evaluation_us: u64,
    pub(crate) phase: String,
    pub(crate) tier: String,
    pub(crate) user_digest: String,
    pub(crate) user_verified: bool,
    pub(crate) delegation_chain: Vec<String>,
    pub(crate) delegation_depth: u32,
    pub(crate) delegation_verified: bool,
    pub(crate) parent_decision_id: Option<DecisionId>,
    pub(crate) kill_seq: u64,
    pub(crate) traceparent: String,
    #[serde(with = "clickhouse::serde::uuid")]
    pub(crate) event_id: Uuid,
    pub(crate) stream_seq: u64,
    pub(crate) stored_at: i64,
}
