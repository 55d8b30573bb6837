//! `POST /policies/enforce`. The SDK's adapters run the tool after any 4xx but a 403 that says
//! `"allowed": false`, so every refusal is one of those (ruling 1), but the 402 of an
//! organisation that asked for it (ruling 2) and where `refusals = "http"` is set.

mod authorize;
mod shown;

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Extension, Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use writ_access::Role;
use writ_chain::action::context_of_request;
use writ_contract::{ApprovalId, DecisionId};
use writ_policy::{Delegation, Mode, OnBehalfOf, Phase, Request, Tier, ToolDescriptor, ToolOutput};
use writ_service_kit::ApiError;
use writ_service_kit::json::{check_depth, sanitize};
use writ_service_kit::routes::{Access, Attempt, Class, Gate, Routes};

pub(super) use authorize::moment;
use shown::Shown;

use super::{BODY_LIMIT, latest, plan_spent, text_of};
use crate::answer::{Answer, Explanation, Given};
use crate::beside::LARGE;
use crate::config::Refusals;
use crate::domain::{Ask, Proof, Refusal, WireViolation};
use crate::enforce::Enforcer;

/// Levels of nesting a request may have.
const DEPTH: usize = 64;

/// The routes of this service.
#[must_use]
pub fn routes(gate: Gate) -> Routes<Arc<Enforcer>> {
    let guard = Access::Deferred
        .class(Class::Enforce)
        .body_limit(BODY_LIMIT);
    let asked = Access::Role(Role::Developer).class(Class::Enforce);
    Routes::new(gate)
        .post("/agents/authorize", asked, authorize::authorize)
        .says(
            "Authorize a call",
            "Whether one agent may ask another. 403 with `allowed: false` is every kind of no: no \
             grant, another direction, an agent that is paused, archived or unknown.",
        )
        .answers::<authorize::Told<'_>>(200)
        .answers::<authorize::Told<'_>>(403)
        .post("/policies/enforce", guard, enforce)
        .says(
            "Enforce policies",
            "Asks whether an act may happen. 200: it may. 202: a human is asked first; poll the \
             approval. 403: it may not, and that is also the answer to a bad key or a body that \
             cannot be read. Any other answer is no decision.",
        )
        .takes::<Body>()
        .answers::<Told<'_>>(200)
        .answers::<Told<'_>>(202)
        .answers::<Told<'_>>(403)
}

/// An act that is about to happen. Unknown fields are ignored, explicit nulls read as absent.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "EnforceRequest")]
#[serde(rename_all = "camelCase", default, expecting = "a JSON object")]
struct Body {
    /// The application's own id of the agent, or its UUID.
    agent_id: Option<String>,
    /// What the agent was told or is about to do: text, or any JSON.
    input: Option<Value>,
    /// `production` when absent.
    environment: Option<String>,
    #[schemars(with = "Option<Map<String, Value>>")]
    metadata: Option<Value>,
    /// US dollars.
    estimated_cost: Option<f64>,
    /// Names of the tools the act uses.
    tools: Option<Vec<String>>,
    /// Messages so far; the latest 50 are read.
    conversation_history: Option<Vec<Value>>,
    tool_outputs: Option<Vec<ToolOutput>>,
    tool_descriptors: Option<Vec<ToolDescriptor>>,
    /// What came of the act, in the phase `post`.
    output: Option<Value>,
    phase: Option<Phase>,
    on_behalf_of: Option<OnBehalfOf>,
    tier: Option<Tier>,
    delegation: Option<Delegation>,
    session_id: Option<String>,
    /// Whether a human is to decide, also where no policy holds the act.
    require_approval: Option<bool>,
    /// Whether the answer names every policy in scope.
    explain: Option<bool>,
}

/// `?explain=true`, for callers that cannot change the body.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Parameters {
    /// Whether the answer names every policy in scope.
    explain: bool,
}

async fn enforce(
    State(enforcer): State<Arc<Enforcer>>,
    Extension(Attempt(caller)): Extension<Attempt>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    shown: Shown,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let caller = match caller {
        Ok(caller) => caller,
        Err(error) => {
            let (code, message) = (error.code.into_owned(), error.message.into_owned());
            let refusal = Refusal::Unauthenticated { code, message };
            let answered = answer(&Enforcer::refuse(&refusal), Refusals::Sdk);
            return plainly(answered, enforcer.refusals, error.status);
        }
    };
    let ask = match body {
        Ok(body) if body.len() > LARGE => {
            let reading = enforcer.beside.run(move || read(&body)).await;
            reading.and_then(|ask| ask)
        }
        Ok(body) => read(&body),
        Err(rejection) => Err(Refusal::Unreadable(unreceived(&rejection))),
    };
    let mut ask = match ask {
        Ok(ask) => ask,
        Err(refusal) => return answer(&Enforcer::refuse(&refusal), enforcer.refusals),
    };
    enforcer.show(&caller, &mut ask, shown.tokens());
    ask.traceparent = shown.traceparent;
    ask.explain |= parameters.is_ok_and(|Query(parameters)| parameters.explain);
    match enforcer.enforce(&caller, &ask).await {
        Ok(given) => answer(&given, enforcer.refusals),
        Err(error) => ApiError::unavailable(error.to_string())
            .with_ref(error.reference())
            .into_response(),
    }
}

/// Why there is no body: too long, badly compressed, cut off.
fn unreceived(rejection: &BytesRejection) -> String {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return format!("the request body is larger than {BODY_LIMIT} bytes");
    }
    let why = rejection.body_text();
    format!("the request body could not be read: {why}")
}

/// Reads the request: characters no store takes are replaced first, before anything is hashed
/// (ruling 7); a key that stands twice would be read differently by different readers.
fn read(body: &[u8]) -> Result<Ask, Refusal> {
    let bytes = body.len();
    let unreadable = |why: &dyn std::fmt::Display| {
        Refusal::Unreadable(format!("the request body is not valid: {why}"))
    };
    let text = sanitize(if body.is_empty() { b"{}" } else { body });
    let text = std::str::from_utf8(&text).map_err(|_| unreadable(&"it is not UTF-8"))?;
    check_depth(text.as_bytes(), DEPTH).map_err(|e| unreadable(&e))?;
    let body: Body = serde_json::from_str(text).map_err(|e| unreadable(&e))?;
    let context = context_of_request(text).map_err(|e| unreadable(&e))?;
    let mut request = Request {
        input: body.input.map(text_of).unwrap_or_default(),
        environment: body.environment.unwrap_or_default(),
        metadata: body.metadata,
        estimated_cost: body.estimated_cost,
        tools: body.tools.unwrap_or_default(),
        conversation_history: latest(body.conversation_history.unwrap_or_default()),
        tool_outputs: body.tool_outputs.unwrap_or_default(),
        tool_descriptors: body.tool_descriptors.unwrap_or_default(),
        output: body.output.map(text_of),
        phase: body.phase.unwrap_or_default(),
        on_behalf_of: body.on_behalf_of,
        tier: body.tier,
        delegation: body.delegation,
        session_id: body.session_id.unwrap_or_default(),
        require_approval: body.require_approval.unwrap_or_default(),
        ..Request::default()
    };
    request.read_metadata().map_err(|e| unreadable(&e))?;
    Ok(Ask {
        agent: body.agent_id.unwrap_or_default(),
        request,
        context,
        edge: "rest",
        bytes,
        explain: body.explain.unwrap_or_default(),
        call: None,
        proof: Proof::None,
        traceparent: String::new(),
    })
}

/// The answer with HTTP's own status, where that is asked for.
fn plainly(mut answer: Response, refusals: Refusals, status: StatusCode) -> Response {
    if refusals == Refusals::Http {
        *answer.status_mut() = status;
    }
    answer
}

/// HTTP's own status of a denial: 403, unless it is a refusal of Writ's own that has another.
fn denial_status(given: &Given, refusals: Refusals) -> StatusCode {
    let code = given.violations.first().and_then(|hit| hit.code.as_deref());
    match (refusals, code) {
        (Refusals::Http, Some("INVALID_REQUEST")) => StatusCode::BAD_REQUEST,
        (Refusals::Http, Some("AGENT_NOT_FOUND")) => StatusCode::NOT_FOUND,
        (Refusals::Http, Some("AGENT_ARCHIVED")) => StatusCode::CONFLICT,
        (Refusals::Http, Some("REQUEST_TOO_LARGE")) => StatusCode::PAYLOAD_TOO_LARGE,
        (Refusals::Http, Some("OVERLOADED")) => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::FORBIDDEN,
    }
}

/// The answer's body, at the top level as the SDK reads it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EnforceAnswer")]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    /// Whether the act may happen now.
    allowed: bool,
    /// `allow`, `monitor` or `warn`: the strongest mode that hit and let the act pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    /// `writ:` and the decision; put into a trace it links the two.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// What stopped or held the act; absent when it may happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    violations: Option<&'a [WireViolation]>,
    /// What hit and was only noted.
    warnings: &'a [WireViolation],
    /// 0 to 100.
    risk: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    requires_approval: Option<bool>,
    /// What to poll, with 202.
    #[serde(skip_serializing_if = "Option::is_none")]
    approval_request_id: Option<ApprovalId>,
    /// The input with found values replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    redacted_input: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision_id: Option<DecisionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'a Explanation>,
}

fn answer(answer: &Answer, refusals: Refusals) -> Response {
    let (status, body) = match answer {
        Answer::Allowed(given) => (StatusCode::OK, allowed(given)),
        Answer::Held(given, approval) => {
            let held = Told {
                requires_approval: Some(true),
                approval_request_id: Some(*approval),
                ..refused(given)
            };
            (StatusCode::ACCEPTED, held)
        }
        Answer::Denied(given) => (denial_status(given, refusals), refused(given)),
        Answer::PlanSpent(spent) => return plan_spent(*spent).into_response(),
    };
    (status, Json(body)).into_response()
}

fn allowed(given: &Given) -> Told<'_> {
    Told {
        allowed: true,
        mode: Some(mode(&given.warnings)),
        source: given.decision.map(|decision| format!("writ:{decision}")),
        violations: None,
        ..refused(given)
    }
}

fn refused(given: &Given) -> Told<'_> {
    Told {
        allowed: false,
        mode: None,
        source: None,
        violations: Some(&given.violations),
        warnings: &given.warnings,
        risk: given.risk,
        requires_approval: None,
        approval_request_id: None,
        redacted_input: given.redacted_input.as_deref(),
        decision_id: given.decision,
        explanation: given.explanation.as_ref(),
    }
}

/// The strongest mode that hit and let the act pass.
fn mode(warnings: &[WireViolation]) -> &'static str {
    if warnings.is_empty() {
        return "allow";
    }
    let only_noted = |hit: &WireViolation| hit.enforcement_mode == Mode::Monitor.as_str();
    let mode = if warnings.iter().all(only_noted) {
        Mode::Monitor
    } else {
        Mode::Warn
    };
    mode.as_str()
}

#[cfg(test)]
mod tests;
