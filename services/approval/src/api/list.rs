//! `GET /approvals`: the queue. Whoever may not decide sees what its key asked for.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Shared};
use schemars::JsonSchema;
use serde::Deserialize;
use writ_access::Caller;
use writ_service_kit::ApiError;
use writ_service_kit::json::Page;
use writ_service_kit::routes::Authed;

use super::dto::ApprovalDto;
use super::{State, status};
use crate::domain::Status;
use crate::error::Error;
use crate::store::{self, Entry, Listing};

const DEFAULT_LIMIT: u16 = 50;
const MAX_LIMIT: u16 = 200;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Only those, e.g. `pending`.
    pub(super) status: Option<String>,
    /// Where to go on: `nextCursor` of the page before.
    pub(super) cursor: Option<String>,
    /// Rows of a page: 1 to 200, 50 when absent.
    #[schemars(range(min = 1, max = 200))]
    pub(super) limit: Option<u16>,
}

pub(super) async fn list(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Page<ApprovalDto>>, ApiError> {
    let Query(query) = query.map_err(|refused| ApiError::invalid(refused.body_text()))?;
    page(&state, &caller, query).await.map(Json)
}

/// One page of the queue.
pub(super) async fn page(
    state: &State,
    caller: &Caller,
    query: ListQuery,
) -> Result<Page<ApprovalDto>, ApiError> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::invalid("limit must be between 1 and 200"));
    }
    let before = query.cursor.map(|cursor| cursor.parse()).transpose();
    let wanted = query.status.as_deref().map(parse_status).transpose()?;
    let now = state.desk.now();
    let listing = Listing {
        status: wanted.map(Status::as_str),
        // Who signed in without a key has asked for nothing.
        asked_by: caller
            .require_approver()
            .err()
            .map(|_| caller.key_id().unwrap_or_default()),
        before: before.map_err(|_| ApiError::invalid("cursor is not one this list gave"))?,
        limit: i64::from(limit),
        now,
    };
    let found = find(state, caller.org_id(), &listing)
        .await
        .map_err(status::answer)?;
    let full = found.len() == usize::from(limit);
    let last = found.last().filter(|_| full);
    Ok(Page {
        next_cursor: last.map(|entry| entry.seq.to_string()),
        data: found
            .into_iter()
            .map(|entry| ApprovalDto::of(entry, now))
            .collect(),
    })
}

async fn find(state: &State, org: uuid::Uuid, listing: &Listing) -> Result<Vec<Entry>, Error> {
    let mut tx = state.desk.pools.api.begin(org).await?;
    Ok(store::list(&mut tx, listing).await?)
}

fn parse_status(text: &str) -> Result<Status, ApiError> {
    Status::parse(text).ok_or_else(|| {
        let names = Status::ALL.map(Status::as_str).join(", ");
        ApiError::invalid(format!("status must be one of {names}"))
    })
}
