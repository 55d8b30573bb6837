//! Requests of data subjects.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::header;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use writ_contract::{PersonId, PrivacyRequestId};
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Page, Strict};
use writ_service_kit::routes::Routes;

use super::agents::etag;
use super::extract::{By, IfMatch, ListQuery, cursor};
use super::status::status_of;
use super::{ADMIN, State};
use crate::error::{PrivacyRefusal, Refusal};
use crate::privacy::{Change, Person, Receive, Refuse, Request, Stage};

/// A request of a data subject.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PrivacyRequest")]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: PrivacyRequestId,
    /// `access`, `rectification`, `erasure` or `portability`.
    r#type: &'static str,
    /// `open`, `erasing`, `completed` or `refused`.
    status: &'static str,
    /// The ids and addresses of the subject; empty once they are erased.
    subjects: Vec<String>,
    /// The member the subject is or was.
    person: Option<PersonId>,
    note: Option<String>,
    /// Why nothing may be erased.
    legal_hold: Option<String>,
    /// Who still has to erase.
    awaiting: Vec<String>,
    received_at: DateTime<Utc>,
    /// 30 days after it came in.
    due_at: DateTime<Utc>,
    /// Open, and past `dueAt`.
    overdue: bool,
    closed_at: Option<DateTime<Utc>>,
    /// Counts its changes; the `ETag`.
    version: u64,
}

/// What control holds about a data subject.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PrivacyData")]
#[serde(rename_all = "camelCase")]
struct Held {
    request: Shown,
    members: Vec<HeldMember>,
}

/// A member who is the subject.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PrivacyMember")]
#[serde(rename_all = "camelCase")]
struct HeldMember {
    id: PersonId,
    name: String,
    email: Option<String>,
    role: String,
    created_at: DateTime<Utc>,
    removed_at: Option<DateTime<Utc>>,
}

/// Which requests.
#[derive(Debug, Default, Deserialize, JsonSchema)]
struct InState {
    /// `open`, `erasing`, `completed` or `refused`; all when absent.
    status: Option<String>,
}

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    to.get("/privacy/requests", ADMIN, list)
        .says("List privacy requests", "Requests of data subjects, in the order they came in.")
        .answers::<Page<Shown>>(200)
        .post("/privacy/requests", ADMIN, receive)
        .says(
            "Receive a privacy request",
            "Needs `type` and `subject`. It is due 30 days after it came in.",
        )
        .makes::<Data<Shown>>()
        .get("/privacy/requests/{id}", ADMIN, get)
        .says("Get a privacy request", "")
        .answers::<Data<Shown>>(200)
        .patch("/privacy/requests/{id}", ADMIN, change)
        .says(
            "Change a privacy request",
            "Its note, or a legal hold: while one stands nothing is erased. Fields that are absent stay.",
        )
        .answers::<Data<Shown>>(200)
        .get("/privacy/requests/{id}/data", ADMIN, held)
        .says(
            "Get the data of a privacy request",
            "What control holds about the subject. Traces and decisions come from `GET /traces` and \
             `GET /decisions` with `userId`; `writ privacy export` puts them together.",
        )
        .answers::<Data<Held>>(200)
        .post("/privacy/requests/{id}/complete", ADMIN, complete)
        .says(
            "Complete a privacy request",
            "Says that it was answered. An erasure begins here: it is `erasing` until every service \
             has erased what it holds, then `completed`. Refused under a legal hold.",
        )
        .answers::<Data<Shown>>(200)
        .post("/privacy/requests/{id}/refuse", ADMIN, refuse)
        .says("Refuse a privacy request", "Needs a `reason`, for the subject.")
        .answers::<Data<Shown>>(200)
}

async fn receive(
    Shared(state): Shared<State>,
    by: By,
    Strict(body): Strict<Receive>,
) -> Result<Response, ApiError> {
    let (request, is_new) = state.privacy.receive(&by.actor, &body).await?;
    let status = status_of(is_new);
    Ok((status, answer(&state, &request)).into_response())
}

async fn list(
    Shared(state): Shared<State>,
    by: By,
    Query(query): Query<ListQuery>,
    Query(which): Query<InState>,
) -> Result<Json<Page<Shown>>, ApiError> {
    let stage = which.status.as_deref().map(|word| {
        Stage::read(word)
            .ok_or_else(|| ApiError::invalid("status: open, erasing, completed or refused"))
    });
    let page = state.privacy.list(
        by.org(),
        stage.transpose()?,
        query.after_id()?,
        query.limit(),
    );
    let (requests, next) = page.await?;
    let now = state.clock.now();
    Ok(Json(Page {
        data: requests.iter().map(|it| shown(it, now)).collect(),
        next_cursor: next.map(|id| cursor(0, id)),
    }))
}

async fn get(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let found = state.privacy.get(by.org(), parse(&id)?).await?;
    Ok(answer(&state, &found))
}

async fn held(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
) -> Result<Json<Data<Held>>, ApiError> {
    let (request, people) = state.privacy.held(by.org(), parse(&id)?).await?;
    let member = |person: Person| HeldMember {
        id: PersonId(person.person_id),
        name: person.name,
        email: person.email,
        role: person.role,
        created_at: person.created_at,
        removed_at: person.removed_at,
    };
    let data = Held {
        request: shown(&request, state.clock.now()),
        members: people.into_iter().map(member).collect(),
    };
    Ok(Json(Data { data }))
}

async fn change(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    IfMatch(if_match): IfMatch,
    Strict(body): Strict<Change>,
) -> Result<Response, ApiError> {
    let id = parse(&id)?;
    let changed = state.privacy.change(&by.actor, id, if_match, &body).await?;
    Ok(answer(&state, &changed))
}

async fn complete(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let completed = state.privacy.complete(&by.actor, parse(&id)?).await?;
    Ok(answer(&state, &completed))
}

async fn refuse(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Strict(body): Strict<Refuse>,
) -> Result<Response, ApiError> {
    let refused = state.privacy.refuse(&by.actor, parse(&id)?, &body).await?;
    Ok(answer(&state, &refused))
}

/// An id that is none belongs to no request.
fn parse(id: &str) -> Result<Uuid, Refusal> {
    let id = id.parse::<PrivacyRequestId>();
    id.map(|id| id.0)
        .map_err(|_| PrivacyRefusal::NotFound.into())
}

fn answer(state: &State, request: &Request) -> Response {
    let body = Json(Data {
        data: shown(request, state.clock.now()),
    });
    ([(header::ETAG, etag(request.version))], body).into_response()
}

fn shown(request: &Request, now: DateTime<Utc>) -> Shown {
    Shown {
        id: PrivacyRequestId(request.id),
        r#type: request.wish.as_str(),
        status: request.stage.as_str(),
        subjects: request.names.clone(),
        person: request.person.map(PersonId),
        note: request.note.clone(),
        legal_hold: request.hold.clone(),
        awaiting: request.awaiting.clone(),
        received_at: request.received_at,
        due_at: request.due_at,
        overdue: request.stage == Stage::Open && now >= request.due_at,
        closed_at: request.closed_at,
        version: request.version,
    }
}
