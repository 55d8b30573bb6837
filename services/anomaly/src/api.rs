//! REST: what was found, and the incidents people work on.

mod incidents;
mod status;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Shared};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use writ_access::Role;
use writ_contract::FindingId;
use writ_pg::ApiPool;
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Page};
use writ_service_kit::routes::{Access, Authed, Gate, Routes};

use crate::command::Desk;
use crate::error::Error;
use crate::store::{self, FindingRow, Listing};

const DEFAULT_LIMIT: u16 = 50;
const MAX_LIMIT: u16 = 200;

/// What handlers need.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) pool: ApiPool,
    pub(crate) desk: Desk,
}

pub(crate) fn routes(gate: Gate) -> Routes<State> {
    let (read, work) = (Access::Role(Role::Viewer), Access::Role(Role::Developer));
    Routes::new(gate)
        .get("/anomalies", read, list)
        .says(
            "List anomalies",
            "Latest first. They alert; they never stop an act.",
        )
        .answers::<Page<FindingDto>>(200)
        .get("/incidents", read, incidents::list)
        .says(
            "List incidents",
            "Newest first: what one agent did against one policy in one hour, and what else a \
             person has to look at.",
        )
        .answers::<Page<incidents::IncidentDto>>(200)
        .get("/incidents/{id}", read, incidents::get)
        .says("Get an incident", "")
        .answers::<Data<incidents::IncidentDto>>(200)
        .patch("/incidents/{id}", work, incidents::change)
        .says(
            "Change an incident",
            "Acknowledge it, resolve it or open it again; and write a note beside it. What happens \
             after it was resolved opens it again.",
        )
        .answers::<Data<incidents::IncidentDto>>(200)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListQuery {
    agent_id: Option<String>,
    metric: Option<String>,
    severity: Option<String>,
    /// Where to go on: `nextCursor` of the page before.
    cursor: Option<String>,
    /// Rows of a page: 1 to 200, 50 when absent.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u16>,
}

/// Something an agent did otherwise than it used to.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Anomaly")]
#[serde(rename_all = "camelCase")]
struct FindingDto {
    id: FindingId,
    agent_id: String,
    environment: String,
    metric: String,
    value: f64,
    expected: f64,
    score: f64,
    severity: String,
    window_start: DateTime<Utc>,
    window_end: DateTime<Utc>,
}

async fn list(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Page<FindingDto>>, ApiError> {
    let Query(query) = query.map_err(|refused| ApiError::invalid(refused.body_text()))?;
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::invalid("limit must be between 1 and 200"));
    }
    let before = query.cursor.map(|cursor| cursor.parse()).transpose();
    let listing = Listing {
        agent: query.agent_id,
        metric: query.metric,
        severity: query.severity,
        before: before.map_err(|_| ApiError::invalid("cursor is not one this list gave"))?,
        limit: i64::from(limit),
    };
    let found = find(&state.pool, caller.org_id(), &listing)
        .await
        .map_err(status::answer)?;
    let full = found.len() == usize::from(limit);
    let next_cursor = found
        .last()
        .filter(|_| full)
        .map(|last| last.seq.to_string());
    let data = found.into_iter().map(FindingDto::from).collect();
    Ok(Json(Page { data, next_cursor }))
}

async fn find(
    pool: &ApiPool,
    org: uuid::Uuid,
    listing: &Listing,
) -> Result<Vec<FindingRow>, Error> {
    let mut tx = pool.begin(org).await?;
    Ok(store::list(&mut tx, listing).await?)
}

impl From<FindingRow> for FindingDto {
    fn from(row: FindingRow) -> Self {
        Self {
            id: FindingId(row.id),
            agent_id: row.agent,
            environment: row.environment,
            metric: row.metric,
            value: row.value,
            expected: row.expected,
            score: row.score,
            severity: row.severity,
            window_start: row.window_start,
            window_end: row.window_end,
        }
    }
}
