//! Decisions out.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use writ_contract::{ApprovalId, DecisionId, KeyId, OrgId, PolicyId};
use writ_service_kit::json::{Data, Page};
use writ_service_kit::routes::Authed;

use super::Api;
use super::page::{self, Named, Parameters};
use super::status::Failure;
use crate::error::Error;
use crate::store::{DecisionFilter, DecisionRow};

/// Parameters of the list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wanted {
    agent_id: Option<String>,
    /// As the application names the person the act is for.
    user_id: Option<String>,
    outcome: Option<String>,
    environment: Option<String>,
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

/// `GET /decisions`: latest first.
pub(super) async fn list(
    State(api): State<Api>,
    Authed(caller): Authed,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Response, Failure> {
    let limit = page::limit(wanted.limit)?;
    let micros = |time: chrono::DateTime<chrono::Utc>| time.timestamp_micros();
    let org = OrgId(caller.org_id());
    let filter = DecisionFilter {
        agent_id: wanted.agent_id,
        user_digest: wanted
            .user_id
            .map(|user| api.intake.user_digest(org, &user)),
        outcome: wanted.outcome,
        environment: wanted.environment,
        key: wanted.key_id,
        since: page::time("since", wanted.since.as_deref())?.map(micros),
        until: page::time("until", wanted.until.as_deref())?.map(micros),
        after: page::after(wanted.cursor.as_deref())?,
        limit,
    };
    let rows = api.store.decisions(org, &filter).await?;
    let last = rows
        .last()
        .map(|row| (row.timestamp, row.decision_id.to_string()));
    let last = last.as_ref().map(|(time, id)| (*time, id.as_str(), ""));
    let next = page::next(rows.len(), limit, last);
    let body = Page {
        data: rows.iter().map(Shown::of).collect(),
        next_cursor: next,
    };
    Ok(Json(body).into_response())
}

/// `GET /decisions/{id}`: one decision, by `dec_…` or bare UUID.
pub(super) async fn one(
    State(api): State<Api>,
    Authed(caller): Authed,
    Named(id): Named,
) -> Result<Response, Failure> {
    let id: DecisionId = id.parse().map_err(|_| Error::NotFound("decision"))?;
    let row = api.store.decision(OrgId(caller.org_id()), id).await?;
    let row = row.ok_or(Error::NotFound("decision"))?;
    let data = Shown::of(&row);
    Ok(Json(Data { data }).into_response())
}

/// A decision as it is shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Decision")]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown<'a> {
    id: DecisionId,
    timestamp: String,
    agent_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_uuid: Option<Uuid>,
    environment: &'a str,
    outcome: &'a str,
    reason_code: &'a str,
    risk: u32,
    hits: Vec<Hit<'a>>,
    policy_set_hash: &'a str,
    engine_version: &'a str,
    tools: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_cost: Option<f64>,
    input_digest: &'a str,
    input_length: u64,
    action_digest: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval_request_id: Option<ApprovalId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<KeyId>,
    #[serde(skip_serializing_if = "str::is_empty")]
    person: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    session_id: &'a str,
    edge: &'a str,
    evaluation_us: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    phase: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    tier: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<User<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delegation: Option<Delegation<'a>>,
    kill_seq: u64,
}

/// The person the act is for, by a digest that only this organisation has.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DecisionUser")]
struct User<'a> {
    digest: &'a str,
    verified: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DecisionDelegation")]
#[serde(rename_all = "camelCase")]
struct Delegation<'a> {
    chain: &'a [String],
    depth: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_decision_id: Option<DecisionId>,
    verified: bool,
}

/// A policy that hit.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DecisionHit")]
#[serde(rename_all = "camelCase")]
struct Hit<'a> {
    policy_id: PolicyId,
    policy_version: u64,
    policy_type: &'a str,
    enforcement_mode: &'a str,
    severity: &'a str,
    evidence: &'a [String],
}

impl<'a> Shown<'a> {
    fn of(row: &'a DecisionRow) -> Self {
        #[allow(clippy::cast_precision_loss, reason = "shown, not counted with")]
        let estimated_cost = row.estimated_cost_usd.map(|micros| micros as f64 / 1.0e6);
        Self {
            id: row.decision_id,
            timestamp: page::micros(row.timestamp),
            agent_id: &row.agent_id,
            agent_uuid: row.agent_uuid,
            environment: &row.environment,
            outcome: &row.outcome,
            reason_code: &row.reason_code,
            risk: row.risk,
            hits: hits(row),
            policy_set_hash: &row.policy_set_hash,
            engine_version: &row.engine_version,
            tools: &row.tools,
            estimated_cost,
            input_digest: &row.input_digest,
            input_length: row.input_length,
            action_digest: &row.action_digest,
            approval_request_id: row.approval_id,
            key_id: row.key_id,
            person: &row.person,
            session_id: &row.session_id,
            edge: &row.edge,
            evaluation_us: row.evaluation_us,
            phase: &row.phase,
            tier: &row.tier,
            on_behalf_of: (!row.user_digest.is_empty()).then_some(User {
                digest: &row.user_digest,
                verified: row.user_verified,
            }),
            delegation: delegation(row),
            kill_seq: row.kill_seq,
        }
    }
}

fn delegation(row: &DecisionRow) -> Option<Delegation<'_>> {
    let delegated = row.delegation_depth > 0 || row.parent_decision_id.is_some();
    delegated.then_some(Delegation {
        chain: &row.delegation_chain,
        depth: row.delegation_depth,
        parent_decision_id: row.parent_decision_id,
        verified: row.delegation_verified,
    })
}

/// The table keeps the hits of a decision as columns of equal length.
fn hits(row: &DecisionRow) -> Vec<Hit<'_>> {
    let columns = row
        .hit_policy_id
        .iter()
        .zip(&row.hit_policy_version)
        .zip(&row.hit_policy_type)
        .zip(&row.hit_mode)
        .zip(&row.hit_severity)
        .zip(&row.hit_evidence);
    columns
        .map(
            |(((((id, version), policy_type), mode), severity), evidence)| Hit {
                policy_id: *id,
                policy_version: *version,
                policy_type,
                enforcement_mode: mode,
                severity,
                evidence,
            },
        )
        .collect()
}
