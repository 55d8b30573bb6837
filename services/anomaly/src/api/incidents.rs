//! Incidents: listed, shown, worked on.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::header;
use http::request::Parts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use writ_contract::{DecisionId, IncidentId, PolicyId};
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Page, Strict};
use writ_service_kit::openapi::{Input, Part};
use writ_service_kit::routes::{Authed, Repeatable};
use writ_service_kit::trace::traceparent;

use super::{DEFAULT_LIMIT, MAX_LIMIT, State, status};
use crate::command::{Asker, Wanted};
use crate::domain::incident::{Gravity, Progress, What};
use crate::error::{Error, Refusal};
use crate::store::{IncidentRow, Incidents};

/// Longest note, in bytes.
const NOTE: usize = 4 * 1024;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListQuery {
    /// `open`, `acknowledged` or `resolved`.
    state: Option<String>,
    /// `low`, `medium`, `high` or `critical`.
    severity: Option<String>,
    /// `policy`, `refusal`, `finding`, `bypass`, `certificate`, `forgery` or `leak`.
    kind: Option<String>,
    /// The id the application chose, or the agent's UUID.
    agent_id: Option<String>,
    policy_id: Option<String>,
    /// Where to go on: `nextCursor` of the page before.
    cursor: Option<String>,
    /// Rows of a page: 1 to 200, 50 when absent.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u16>,
}

/// A change of an incident; what is absent stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "IncidentChange")]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    /// `open`, `acknowledged` or `resolved`.
    #[serde(default)]
    state: Option<String>,
    /// Words for those who work on it; kept out of the audit log.
    #[serde(default)]
    note: Option<String>,
}

/// The version that `If-Match` names, and the request's trace.
#[derive(Debug)]
pub(super) struct Seen {
    if_match: Option<u64>,
    traceparent: String,
}

impl Part for Seen {
    fn describe(input: &mut Input<'_>) {
        input.header(
            "If-Match",
            "The `ETag` of the state that is to be changed; another state is then a 412.",
        );
        input.refuses(412);
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Seen {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let text = |name: &str| {
            let value = parts.headers.get(name)?;
            value.to_str().ok().map(str::trim).map(str::to_owned)
        };
        let if_match = match text(header::IF_MATCH.as_str()).as_deref() {
            None | Some("*") => None,
            Some(tag) => {
                let version = tag.trim_start_matches("W/").trim_matches('"').parse();
                Some(version.map_err(|_| {
                    ApiError::invalid("If-Match: expected the ETag of an earlier answer")
                })?)
            }
        };
        Ok(Self {
            if_match,
            traceparent: traceparent(&parts.headers).to_owned(),
        })
    }
}

/// `GET /incidents`: newest first.
pub(super) async fn list(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Page<IncidentDto>>, ApiError> {
    let Query(query) = query.map_err(|refused| ApiError::invalid(refused.body_text()))?;
    let listing = listing(query)?;
    let found = state.desk.list(caller.org_id(), &listing).await;
    let found = found.map_err(status::answer)?;
    let full = i64::try_from(found.len()).is_ok_and(|count| count == listing.limit);
    Ok(Json(Page {
        next_cursor: found.last().filter(|_| full).map(|row| row.seq.to_string()),
        data: found.into_iter().map(IncidentDto::from).collect(),
    }))
}

/// `GET /incidents/{id}`.
pub(super) async fn get(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let found = async { state.desk.get(caller.org_id(), parse(&id)?).await };
    Ok(answer(found.await.map_err(status::answer)?))
}

/// `PATCH /incidents/{id}`: the state, the note beside it, or both.
pub(super) async fn change(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    Repeatable(once): Repeatable,
    seen: Seen,
    Path(id): Path<String>,
    Strict(body): Strict<Body>,
) -> Result<Response, ApiError> {
    let wanted = body.wanted()?;
    let asker = Asker {
        caller,
        traceparent: seen.traceparent,
        once,
        if_match: seen.if_match,
    };
    let changed = async { state.desk.change(&asker, parse(&id)?, &wanted).await };
    Ok(answer(changed.await.map_err(status::answer)?))
}

impl Body {
    fn wanted(self) -> Result<Wanted, ApiError> {
        if self.state.is_none() && self.note.is_none() {
            return Err(ApiError::invalid("expected a state, a note or both"));
        }
        if self.note.as_ref().is_some_and(|note| note.len() > NOTE) {
            return Err(ApiError::invalid(format!("note: at most {NOTE} bytes")));
        }
        let progress: Option<Progress> = word("state", self.state, STATES)?;
        Ok(Wanted {
            progress,
            note: self.note,
        })
    }
}

const STATES: &str = "open, acknowledged or resolved";

fn listing(query: ListQuery) -> Result<Incidents, ApiError> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::invalid("limit must be between 1 and 200"));
    }
    let before = query.cursor.map(|cursor| cursor.parse()).transpose();
    let policy = query.policy_id.map(|id| id.parse::<PolicyId>()).transpose();
    let states: Option<Progress> = word("state", query.state, STATES)?;
    let severities = "low, medium, high or critical";
    let severity: Option<Gravity> = word("severity", query.severity, severities)?;
    let kinds = "policy, refusal, finding, bypass, certificate, forgery or leak";
    let kind: Option<What> = word("kind", query.kind, kinds)?;
    Ok(Incidents {
        agent: query.agent_id,
        state: states.map(|word| word.to_string()),
        severity: severity.map(|word| word.to_string()),
        kind: kind.map(|word| word.to_string()),
        policy: policy
            .map_err(|wrong| ApiError::invalid(format!("policyId: {wrong}")))?
            .map(|id| id.0),
        before: before.map_err(|_| ApiError::invalid("cursor is not one this list gave"))?,
        limit: i64::from(limit),
    })
}

fn word<T: std::str::FromStr>(
    field: &str,
    given: Option<String>,
    expected: &str,
) -> Result<Option<T>, ApiError> {
    let read = given.map(|word| word.parse()).transpose();
    read.map_err(|_| ApiError::invalid(format!("{field}: expected {expected}")))
}

/// An id that is none belongs to no incident.
fn parse(id: &str) -> Result<IncidentId, Error> {
    id.parse().map_err(|_| Refusal::NotFound.into())
}

fn answer(row: IncidentRow) -> Response {
    let tag = format!("\"{}\"", row.version);
    let data = IncidentDto::from(row);
    ([(header::ETAG, tag)], Json(Data { data })).into_response()
}

/// What a person has to look at.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Incident")]
#[serde(rename_all = "camelCase")]
pub(super) struct IncidentDto {
    id: IncidentId,
    /// `policy`, `refusal`, `finding`, `bypass`, `certificate`, `forgery` or `leak`.
    kind: String,
    /// As the application names the agent; empty when none is known.
    agent_id: String,
    agent_uuid: Option<Uuid>,
    environment: String,
    policy_id: Option<PolicyId>,
    /// Type of the policy, reason of the refusal or bypass, metric of the finding, id of the key.
    subject: String,
    /// The first decision behind it.
    decision_id: Option<DecisionId>,
    /// `low`, `medium`, `high` or `critical`: the gravest occurrence.
    severity: String,
    /// `open`, `acknowledged` or `resolved`.
    state: String,
    occurrences: i64,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    note: String,
    /// When a person last changed it.
    changed_at: Option<DateTime<Utc>>,
    /// Who did, as the audit log names them.
    changed_by: String,
    version: i64,
}

impl From<IncidentRow> for IncidentDto {
    fn from(row: IncidentRow) -> Self {
        Self {
            id: IncidentId(row.id),
            kind: row.kind,
            agent_id: row.agent,
            agent_uuid: row.agent_uuid,
            environment: row.environment,
            policy_id: row.policy_id.map(PolicyId),
            subject: row.subject,
            decision_id: row.decision_id.map(DecisionId),
            severity: row.severity,
            state: row.state,
            occurrences: row.occurrences,
            first_at: row.first_at,
            last_at: row.last_at,
            note: row.note,
            changed_at: row.moved_at,
            changed_by: row.moved_by,
            version: row.version,
        }
    }
}
