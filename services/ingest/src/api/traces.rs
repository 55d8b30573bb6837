//! Traces out.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;
use writ_contract::{DecisionId, KeyId, OrgId};
use writ_service_kit::json::{Data, Page};
use writ_service_kit::routes::Authed;

use super::Api;
use super::page::{self, Named, Parameters};
use super::status::Failure;
use crate::domain::Resolution;
use crate::error::Error;
use crate::store::{TraceFilter, TraceRow};

/// Parameters of the list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wanted {
    agent_id: Option<String>,
    /// As traces name the user.
    user_id: Option<String>,
    status: Option<String>,
    environment: Option<String>,
    decision_id: Option<String>,
    /// Only what came with this key, `key_…`.
    key_id: Option<KeyId>,
    /// Not before this RFC 3339 time.
    since: Option<String>,
    /// Before this RFC 3339 time.
    until: Option<String>,
    /// Where to go on: `nextCursor` of the page before.
    cursor: Option<String>,
    /// Rows of a page: 1 to 200, 50 when absent.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
}

/// `GET /traces`: latest first, without inputs and outputs.
pub(super) async fn list(
    State(api): State<Api>,
    Authed(caller): Authed,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Response, Failure> {
    let limit = page::limit(wanted.limit)?;
    let millis = |time: chrono::DateTime<chrono::Utc>| time.timestamp_millis();
    let filter = TraceFilter {
        agent_id: wanted.agent_id,
        user_id: wanted.user_id,
        status: wanted.status,
        environment: wanted.environment,
        decision_id: wanted.decision_id.as_deref().map(decision).transpose()?,
        key: wanted.key_id,
        since: page::time("since", wanted.since.as_deref())?.map(millis),
        until: page::time("until", wanted.until.as_deref())?.map(millis),
        after: page::after(wanted.cursor.as_deref())?,
        limit,
    };
    let org = OrgId(caller.org_id());
    let mut rows = api.store.traces(org, &filter).await?;
    api.store.infer(org, &mut rows).await?;
    let last = rows
        .last()
        .map(|row| (row.timestamp, row.trace_id.as_str(), row.span_id.as_str()));
    let next = page::next(rows.len(), limit, last);
    let body = Page {
        data: rows.iter().map(|row| Shown::of(row, false)).collect(),
        next_cursor: next,
    };
    Ok(Json(body).into_response())
}

/// `GET /traces/{id}`: every span of a trace, and what was learnt of it later.
pub(super) async fn one(
    State(api): State<Api>,
    Authed(caller): Authed,
    Named(id): Named,
) -> Result<Response, Failure> {
    let org = OrgId(caller.org_id());
    let mut rows = api.store.trace(org, &id).await?;
    if rows.is_empty() {
        return Err(Error::NotFound("trace").into());
    }
    api.store.infer(org, &mut rows).await?;
    let resolutions = api.store.resolutions(org, &id).await?;
    let data = Whole {
        trace_id: &id,
        spans: rows.iter().map(|row| Shown::of(row, true)).collect(),
        resolutions: resolutions
            .iter()
            .filter_map(|text| json_of(text))
            .collect(),
    };
    Ok(Json(Data { data }).into_response())
}

/// JSON text as it was stored; nothing when it was absent.
fn json_of(text: &str) -> Option<&RawValue> {
    serde_json::from_str(text).ok()
}

fn decision(id: &str) -> Result<DecisionId, Error> {
    let (field, expected) = ("decisionId", "a decision's id");
    id.parse().map_err(|_| Error::Parameter { field, expected })
}

/// Every span of a trace.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WholeTrace")]
#[serde(rename_all = "camelCase")]
pub(super) struct Whole<'a> {
    trace_id: &'a str,
    spans: Vec<Shown<'a>>,
    /// What was learnt of it later.
    #[schemars(with = "Vec<Resolution>")]
    resolutions: Vec<&'a RawValue>,
}

/// A span as it is shown; what was absent stays absent.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Trace")]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown<'a> {
    trace_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    span_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    parent_span_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    parent_trace_id: &'a str,
    agent_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_uuid: Option<Uuid>,
    environment: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    session_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    user_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    tier: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    delegation: Option<Delegation<'a>>,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    status: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    span_kind: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    span_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    span_type: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    tool_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    model_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_usd: Option<f64>,
    #[serde(skip_serializing_if = "str::is_empty")]
    error_type: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    error_message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a RawValue>,
    tags: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect_evidence: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra: Option<&'a RawValue>,
    decision: Link<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    identity: &'a str,
    origin: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<KeyId>,
    received_at: String,
}

/// The decision a trace belongs to, and how that is known.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DecisionLink")]
struct Link<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<DecisionId>,
    /// `exact`, `inferred` or `none`.
    link: &'a str,
}

/// How the act came down from agent to agent, as the trace says.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TraceDelegation")]
#[serde(rename_all = "camelCase")]
struct Delegation<'a> {
    chain: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_decision_id: Option<DecisionId>,
}

fn delegation(row: &TraceRow) -> Option<Delegation<'_>> {
    let delegated = !row.delegation_chain.is_empty() || row.parent_decision_id.is_some();
    delegated.then_some(Delegation {
        chain: &row.delegation_chain,
        parent_decision_id: row.parent_decision_id,
    })
}

impl<'a> Shown<'a> {
    fn of(row: &'a TraceRow, whole: bool) -> Self {
        let json = json_of;
        let body = |text: &'a str| json_of(text).filter(|_| whole);
        #[allow(clippy::cast_precision_loss, reason = "shown, not counted with")]
        let cost_usd = row.cost_usd.map(|nanos| nanos as f64 / 1.0e9);
        Self {
            trace_id: &row.trace_id,
            span_id: &row.span_id,
            parent_span_id: &row.parent_span_id,
            parent_trace_id: &row.parent_trace_id,
            agent_id: &row.agent_id,
            agent_uuid: row.agent_uuid,
            environment: &row.environment,
            session_id: &row.session_id,
            user_id: &row.user_id,
            tier: &row.tier,
            delegation: delegation(row),
            timestamp: page::millis(row.timestamp),
            duration_ms: row.duration_ms,
            status: &row.status,
            span_kind: &row.span_kind,
            span_name: &row.span_name,
            span_type: &row.span_type,
            tool_name: &row.tool_name,
            model_name: &row.model_name,
            prompt_tokens: row.prompt_tokens,
            completion_tokens: row.completion_tokens,
            total_tokens: row.total_tokens,
            cost_usd,
            error_type: &row.error_type,
            error_message: &row.error_message,
            input: body(&row.input),
            output: body(&row.output),
            tags: &row.tags,
            metadata: json(&row.metadata),
            effect_evidence: json(&row.effect_evidence),
            extra: json(&row.extra),
            decision: Link {
                id: row.decision_id,
                link: &row.decision_link,
            },
            identity: &row.identity,
            origin: &row.origin,
            key_id: row.key_id,
            received_at: page::micros(row.received_at),
        }
    }
}
