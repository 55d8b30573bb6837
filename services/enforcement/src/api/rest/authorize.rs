//! `POST /agents/authorize`. The SDK reads the status: 200, or 403 for every "no".

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use writ_contract::{DecisionId, GrantId};
use writ_service_kit::ApiError;
use writ_service_kit::json::Lenient;
use writ_service_kit::routes::Authed;
use writ_service_kit::trace::Traced;

use crate::answer::{Answer, Given};
use crate::api::plan_spent;
use crate::domain::{Call, Refusal, WireViolation};
use crate::enforce::Enforcer;

/// The SDK says caller and callee, the product's pages source and target.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "AuthorizeRequest")]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Body {
    /// Who wants to ask: UUID, or the application's own id. Also `sourceAgentId`.
    #[serde(alias = "sourceAgentId")]
    caller_agent_id: Option<String>,
    /// Who would be asked. Also `targetAgentId`.
    #[serde(alias = "targetAgentId")]
    callee_agent_id: Option<String>,
    /// `execute`, `read`, `write`, `delete`, `invoke`, `query`, `subscribe` or `delegate`.
    action: Option<String>,
    /// Of agents registered in several; the caller's own is looked in first.
    environment: Option<String>,
}

pub(super) async fn authorize(
    State(enforcer): State<Arc<Enforcer>>,
    Authed(caller): Authed,
    Traced(traceparent): Traced,
    Lenient(body): Lenient<Body>,
) -> Result<Response, ApiError> {
    let answer = match body.read() {
        Ok(call) => {
            enforcer
                .authorize(&caller, call, "rest", &traceparent)
                .await
        }
        // What names no call is a "no" too: the SDK takes another status for a failure of the server's.
        Err(wrong) => Ok(Enforcer::refuse(&Refusal::Unreadable(
            wrong.message.into_owned(),
        ))),
    };
    let answer = answer
        .map_err(|error| ApiError::unavailable(error.to_string()).with_ref(error.reference()))?;
    Ok(match answer {
        Answer::Allowed(given) => (StatusCode::OK, Json(told(&given, true))).into_response(),
        Answer::Denied(given) | Answer::Held(given, _) => {
            (StatusCode::FORBIDDEN, Json(told(&given, false))).into_response()
        }
        Answer::PlanSpent(spent) => plan_spent(spent).into_response(),
    })
}

impl Body {
    fn read(self) -> Result<Call, ApiError> {
        let said = [
            ("callerAgentId", self.caller_agent_id),
            ("calleeAgentId", self.callee_agent_id),
            ("action", self.action),
        ];
        let [caller, callee, action] = said.map(|(name, value)| {
            value
                .filter(|text| !text.is_empty())
                .ok_or_else(|| ApiError::invalid(format!("{name}: is required")))
        });
        Ok(Call {
            caller: caller?,
            callee: callee?,
            action: action?,
            environment: self.environment.filter(|text| !text.is_empty()),
        })
    }
}

/// The answer's body, at the top level as the SDK reads it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuthorizeAnswer")]
#[serde(rename_all = "camelCase")]
pub(super) struct Told<'a> {
    /// Whether the call may be made now.
    allowed: bool,
    /// The grant that allows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_id: Option<GrantId>,
    /// When the grant ends; null when it does not.
    expires_at: Option<String>,
    decision_id: Option<DecisionId>,
    /// Why it may not be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    violations: Option<&'a [WireViolation]>,
    /// The same in the form of every error.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Why<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuthorizeError")]
struct Why<'a> {
    /// A stable word, such as `NOT_GRANTED` or `AGENT_PAUSED`.
    code: Option<&'a str>,
    message: &'a str,
}

fn told(given: &Given, allowed: bool) -> Told<'_> {
    let grant = given.grant;
    let why = given.violations.first().map(|violation| Why {
        code: violation.code.as_deref(),
        message: &violation.message,
    });
    Told {
        allowed,
        grant_id: grant.map(|grant| grant.id),
        expires_at: grant.and_then(|grant| grant.expires_at_us).map(moment),
        decision_id: given.decision,
        violations: (!allowed).then_some(&given.violations),
        error: why,
    }
}

/// An instant of a fact, in RFC 3339.
pub(in crate::api) fn moment(us: i64) -> String {
    DateTime::from_timestamp_micros(us)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Call, ApiError> {
        let body: Body = writ_service_kit::json::parse_lenient(body.as_bytes())?;
        body.read()
    }

    #[test]
    fn both_spellings_say_the_same_and_two_at_once_are_refused() {
        let sdk = r#"{"callerAgentId":"a","calleeAgentId":"b","action":"invoke","x":1}"#;
        let product = r#"{"sourceAgentId":"a","targetAgentId":"b","action":"invoke"}"#;
        assert_eq!(read(sdk).unwrap(), read(product).unwrap());
        let both = r#"{"callerAgentId":"a","sourceAgentId":"c","calleeAgentId":"b","action":"x"}"#;
        assert!(read(both).is_err());
        assert!(read(r#"{"callerAgentId":"a","calleeAgentId":null}"#).is_err());
    }
}
