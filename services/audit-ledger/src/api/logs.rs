//! `GET /audit-logs`: entries, newest first.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Shared};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use writ_service_kit::ApiError;
use writ_service_kit::json::Page;
use writ_service_kit::routes::Authed;

use super::{State, status};
use crate::domain::When;
use crate::error::Error;
use crate::store::{self, Listing, LogRow};

const DEFAULT_LIMIT: u16 = 50;
const MAX_LIMIT: u16 = 200;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListQuery {
    action: Option<String>,
    actor: Option<String>,
    agent_id: Option<String>,
    /// A day (UTC), or an instant (RFC 3339).
    #[schemars(with = "Option<String>")]
    since: Option<When>,
    /// Before that day or instant.
    #[schemars(with = "Option<String>")]
    until: Option<When>,
    /// Where to go on: `nextCursor` of the page before.
    cursor: Option<String>,
    /// Rows of a page: 1 to 200, 50 when absent.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u16>,
}

/// Something that happened.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditEntry")]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryDto {
    id: Uuid,
    /// Its place in the ledger.
    seq: i64,
    /// Of its leaf, hexadecimal.
    hash: String,
    /// A signed checkpoint covers it.
    sealed: bool,
    r#type: String,
    action: Option<String>,
    actor: Option<String>,
    target: Option<String>,
    outcome: Option<String>,
    reason_code: Option<String>,
    agent_id: Option<String>,
    agent_external_id: Option<String>,
    decision_id: Option<String>,
    occurred_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
}

pub(super) async fn list(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Page<EntryDto>>, ApiError> {
    let Query(query) = query.map_err(|refused| ApiError::invalid(refused.body_text()))?;
    let listing = listing(query)?;
    let found = find(&state, caller.org_id(), &listing)
        .await
        .map_err(status::answer)?;
    let full = i64::try_from(found.len()).is_ok_and(|count| count == listing.limit);
    let next_cursor = found
        .last()
        .filter(|_| full)
        .map(|last| last.seq.to_string());
    let data = found.into_iter().map(EntryDto::from).collect();
    Ok(Json(Page { data, next_cursor }))
}

fn listing(query: ListQuery) -> Result<Listing, ApiError> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::invalid("limit must be between 1 and 200"));
    }
    let before = query.cursor.map(|cursor| cursor.parse()).transpose();
    Ok(Listing {
        action: query.action,
        actor: query.actor,
        agent: query.agent_id,
        since: query.since.map(When::start),
        until: query.until.map(When::start),
        before: before.map_err(|_| ApiError::invalid("cursor is not one this list gave"))?,
        limit: i64::from(limit),
    })
}

async fn find(state: &State, org: Uuid, listing: &Listing) -> Result<Vec<LogRow>, Error> {
    let mut tx = state.pool.begin(org).await?;
    store::list(&mut tx, listing).await
}

impl From<LogRow> for EntryDto {
    fn from(row: LogRow) -> Self {
        Self {
            id: row.event_id,
            seq: row.seq,
            hash: hex::encode(row.leaf_hash),
            sealed: row.sealed,
            r#type: row.r#type,
            action: row.action,
            actor: row.actor,
            target: row.target,
            outcome: row.outcome,
            reason_code: row.reason_code,
            agent_id: row.agent_id,
            agent_external_id: row.agent_external_id,
            decision_id: row.decision_id,
            occurred_at: row.occurred_at,
            recorded_at: row.recorded_at,
        }
    }
}
