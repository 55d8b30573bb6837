//! `GET /approvals/{id}`: what the client polls while its act is held.
//!
//! Any other status than 200 makes adapters run the act, so the answer is always 200: "pending"
//! while nobody can tell, "denied" where there is nothing to wait for, "approved" only under a seal
//! of the ledger (ruling 4).

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State as Shared};
use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;
use writ_access::Caller;
use writ_contract::{ApprovalId, OrgId};
use writ_service_kit::ApiError;
use writ_service_kit::json::Data;
use writ_service_kit::routes::Attempt;

use super::State;
use super::dto::ApprovalDto;
use crate::command::party;
use crate::domain::{self, Status};
use crate::error::Error;
use crate::store::{self, Entry};

/// How long an id may be ahead of its row.
const YOUNG: TimeDelta = TimeDelta::seconds(60);
/// How long the store may take; a poll that is cut off un-gates as well.
const PATIENCE: Duration = Duration::from_secs(2);

/// A request; or what is said of an id under which there is none.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ApprovalAnswer")]
#[serde(untagged)]
pub(super) enum Answer {
    Known(Box<ApprovalDto>),
    Other {
        id: String,
        status: &'static str,
        #[serde(rename = "decisionReason", skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

pub(super) async fn show(
    Shared(state): Shared<State>,
    Attempt(attempt): Attempt,
    id: Result<Path<String>, PathRejection>,
) -> Json<Data<Answer>> {
    // A path that is no text names nothing.
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let data = match attempt {
        Ok(caller) => look(&state, &caller, id).await,
        Err(error) if may_pass(&state, &error) => pending(id),
        Err(error) => denied(id, error.message.into_owned()),
    };
    Json(Data { data })
}

/// Too many calls, or keys that have not all been read yet: the next poll may know more.
fn may_pass(state: &State, error: &ApiError) -> bool {
    error.status == StatusCode::TOO_MANY_REQUESTS || !state.ready.is_ready()
}

async fn look(state: &State, caller: &Caller, text: String) -> Answer {
    let Ok(id) = text.parse::<ApprovalId>() else {
        return denied(text, "this is no approval id".to_owned());
    };
    let now = state.desk.now();
    let found = tokio::time::timeout(PATIENCE, find(state, caller, id)).await;
    match found {
        Ok(Ok(Some(entry))) if may_see(caller, &entry) => {
            Answer::Known(Box::new(known(entry, now)))
        }
        Ok(Ok(Some(entry))) => stands(text, &entry, now),
        Ok(Ok(None)) if is_young(id.0, now) => pending(text),
        Ok(Ok(None)) => denied(text, "no such approval request".to_owned()),
        Ok(Err(error)) => {
            tracing::warn!(%error, %id, "a request cannot be read, so it is pending");
            pending(text)
        }
        Err(_) => {
            tracing::warn!(%id, "the store is slow, so a request is pending");
            pending(text)
        }
    }
}

async fn find(state: &State, caller: &Caller, id: ApprovalId) -> Result<Option<Entry>, Error> {
    let mut tx = state.desk.pools.api.begin(caller.org_id()).await?;
    Ok(store::find(&mut tx, OrgId(caller.org_id()), id).await?)
}

fn may_see(caller: &Caller, entry: &Entry) -> bool {
    let asked = party(caller).is_some_and(|party| {
        let mut requesters = entry.state.requesters.iter();
        requesters.any(|requester| requester.same_as(&party))
    });
    asked || caller.require_approver().is_ok()
}

/// Where a request of somebody else in the organisation stands, and nothing of what it is.
fn stands(id: String, entry: &Entry, now: DateTime<Utc>) -> Answer {
    Answer::Other {
        id,
        status: word(&entry.state, now).as_str(),
        reason: Some("only who asked and approvers see more of it".to_owned()),
    }
}

/// The request under an id, for a caller who may see it.
pub(super) async fn found(
    state: &State,
    caller: &Caller,
    id: ApprovalId,
) -> Result<Option<ApprovalDto>, Error> {
    let entry = find(state, caller, id).await?;
    let visible = entry.filter(|entry| may_see(caller, entry));
    Ok(visible.map(|entry| known(entry, state.desk.now())))
}

/// The words the client knows: a grant waits for its seal, a withdrawn request is over.
fn word(state: &domain::State, now: DateTime<Utc>) -> Status {
    let sealed = state.certified.is_some();
    match state.status_at(now) {
        Status::Approved | Status::Consumed if sealed => Status::Approved,
        Status::Pending | Status::Approved | Status::Consumed => Status::Pending,
        Status::Denied | Status::Cancelled => Status::Denied,
        Status::Expired => Status::Expired,
    }
}

fn known(entry: Entry, now: DateTime<Utc>) -> ApprovalDto {
    let status = word(&entry.state, now);
    let mut dto = ApprovalDto::of(entry, now);
    dto.status = status.as_str();
    dto
}

fn is_young(id: Uuid, now: DateTime<Utc>) -> bool {
    let made = id
        .get_timestamp()
        .filter(|_| id.get_version_num() == 7)
        .and_then(|stamp| DateTime::from_timestamp(i64::try_from(stamp.to_unix().0).ok()?, 0));
    made.is_some_and(|made| now.signed_duration_since(made).abs() < YOUNG)
}

fn pending(id: String) -> Answer {
    Answer::Other {
        id,
        status: Status::Pending.as_str(),
        reason: None,
    }
}

fn denied(id: String, reason: String) -> Answer {
    Answer::Other {
        id,
        status: Status::Denied.as_str(),
        reason: Some(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_v7_id_of_the_last_minute_is_young() {
        let now = DateTime::from_timestamp(1_700_000_100, 0).unwrap();
        let made = |secs| {
            let stamp = uuid::Timestamp::from_unix(uuid::NoContext, secs, 0);
            is_young(Uuid::new_v7(stamp), now)
        };
        assert!(made(1_700_000_100) && made(1_700_000_041));
        assert!(!made(1_700_000_040) && !made(1_800_000_000));
        assert!(!is_young(Uuid::from_u128(7), now));
    }
}
