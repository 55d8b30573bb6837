//! `POST /approvals/{id}/approve`, `…/deny` and `PATCH /approvals/{id}/decision`.

use axum::Json;
use axum::extract::{FromRequestParts, Path, State as Shared};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, header};
use schemars::JsonSchema;
use serde::Deserialize;
use writ_access::Caller;
use writ_contract::ApprovalId;
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Strict, parse_strict};
use writ_service_kit::openapi::{Input, Part};
use writ_service_kit::routes::{Authed, Once, Repeatable};
use writ_service_kit::trace::traceparent;

use super::dto::ApprovalDto;
use super::{State, status};
use crate::command::{Ruling, party};
use crate::domain::Verdict;
use crate::error::Error;

/// Longest reason, in characters.
const REASON: usize = 2_000;

/// A decision's reason.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "DecisionReason")]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    /// At most 2000 characters.
    reason: Option<String>,
}

/// A decision of a human.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ApprovalDecision")]
#[serde(deny_unknown_fields)]
pub(super) struct Decision {
    decision: Word,
    /// At most 2000 characters.
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
enum Word {
    Approved,
    Denied,
}

pub(super) async fn approve(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    Repeatable(once): Repeatable,
    Path(id): Path<String>,
    seen: Seen,
    body: Bytes,
) -> Result<Response, ApiError> {
    let reason = reason(&body)?;
    let ruling = ruling(Verdict::Grant, reason, once, seen)?;
    rule(&state, &caller, &id, &ruling).await
}

pub(super) async fn deny(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    Repeatable(once): Repeatable,
    Path(id): Path<String>,
    seen: Seen,
    body: Bytes,
) -> Result<Response, ApiError> {
    let reason = reason(&body)?;
    let ruling = ruling(Verdict::Deny, reason, once, seen)?;
    rule(&state, &caller, &id, &ruling).await
}

pub(super) async fn decision(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    Repeatable(once): Repeatable,
    Path(id): Path<String>,
    seen: Seen,
    Strict(body): Strict<Decision>,
) -> Result<Response, ApiError> {
    let verdict = match body.decision {
        Word::Approved => Verdict::Grant,
        Word::Denied => Verdict::Deny,
    };
    let ruling = ruling(verdict, body.reason, once, seen)?;
    rule(&state, &caller, &id, &ruling).await
}

/// A decision needs no words, so it needs no body.
fn reason(body: &[u8]) -> Result<Option<String>, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    Ok(parse_strict::<Reason>(body)?.reason)
}

/// A decision whose words may be kept.
pub(super) fn ruling(
    verdict: Verdict,
    reason: Option<String>,
    once: Option<Once>,
    seen: Seen,
) -> Result<Ruling, ApiError> {
    if reason
        .as_ref()
        .is_some_and(|words| words.chars().count() > REASON)
    {
        let words = format!("reason may have {REASON} characters at most");
        return Err(ApiError::invalid(words));
    }
    Ok(Ruling {
        verdict,
        reason: reason.filter(|words| !words.trim().is_empty()),
        once,
        version: seen.version,
        traceparent: seen.traceparent,
    })
}

async fn rule(
    state: &State,
    caller: &Caller,
    id: &str,
    ruling: &Ruling,
) -> Result<Response, ApiError> {
    let data = ruled(state, caller, id, ruling).await?;
    let tag = format!("\"{}\"", data.version);
    Ok(([(header::ETAG, tag)], Json(Data { data })).into_response())
}

/// Carries a decision out; the request as it is then.
pub(super) async fn ruled(
    state: &State,
    caller: &Caller,
    id: &str,
    ruling: &Ruling,
) -> Result<ApprovalDto, ApiError> {
    let id: ApprovalId = id.parse().map_err(|_| status::answer(Error::NotFound))?;
    let by = party(caller).ok_or_else(|| ApiError::internal(&"a decision without a key"))?;
    let entry = state.desk.rule(caller, &by, id, ruling).await;
    Ok(ApprovalDto::of(
        entry.map_err(status::answer)?,
        state.desk.now(),
    ))
}

/// The version that `If-Match` names, absent or `*` is any; and the request's trace.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) version: Option<u64>,
    pub(super) traceparent: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Seen {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self {
            version: if_match(&parts.headers)?,
            traceparent: traceparent(&parts.headers).to_owned(),
        })
    }
}

impl Part for Seen {
    fn describe(input: &mut Input<'_>) {
        input.header(
            "If-Match",
            "The `ETag` of the state that is decided on; another state is then a 412.",
        );
        input.refuses(412);
    }
}

fn if_match(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text.trim_matches('"').parse();
    version
        .map(Some)
        .map_err(|_| ApiError::invalid("If-Match must be the version in quotes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_optional_and_unknown_fields_are_named() {
        assert_eq!(reason(b" ").unwrap(), None);
        let words = reason(br#"{"reason":"fine"}"#).unwrap();
        assert_eq!(words.as_deref(), Some("fine"));
        let refused = reason(br#"{"raeson":"fine"}"#).unwrap_err();
        assert!(refused.message.contains("raeson"), "{}", refused.message);
    }

    #[test]
    fn if_match_is_a_version_or_anything() {
        let given = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, text.parse().unwrap());
            if_match(&headers)
        };
        assert_eq!(given("\"3\"").unwrap(), Some(3));
        assert_eq!(given("*").unwrap(), None);
        assert!(given("W/\"x\"").is_err());
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), None);
    }
}
