//! `Authorize` over gRPC.

use tonic::Status;

use super::{v1, violation};
use crate::answer::Answer;
use crate::api::plan_spent;
use crate::api::rest::moment;
use crate::domain::Call;

use super::json::storable;

pub(super) fn read(request: v1::AuthorizeRequest) -> Result<Call, Status> {
    let call = Call {
        caller: storable(request.caller_agent_id),
        callee: storable(request.callee_agent_id),
        action: storable(request.action),
        environment: Some(storable(request.environment)).filter(|text| !text.is_empty()),
    };
    for (name, text) in [
        ("caller_agent_id", &call.caller),
        ("callee_agent_id", &call.callee),
        ("action", &call.action),
    ] {
        if text.is_empty() {
            return Err(Status::invalid_argument(format!("{name}: is required")));
        }
    }
    Ok(call)
}

pub(super) fn respond(answer: Answer) -> Result<v1::AuthorizeResponse, Status> {
    let (allowed, given) = match answer {
        Answer::Allowed(given) => (true, given),
        Answer::Held(given, _) | Answer::Denied(given) => (false, given),
        Answer::PlanSpent(spent) => return Err(plan_spent(spent).into()),
    };
    let expires_at = given.grant.and_then(|grant| grant.expires_at_us);
    Ok(v1::AuthorizeResponse {
        allowed,
        grant_id: given.grant.map(|g| g.id.to_string()).unwrap_or_default(),
        expires_at: expires_at.map(moment).unwrap_or_default(),
        decision_id: given.decision.map(|d| d.to_string()).unwrap_or_default(),
        violations: given.violations.into_iter().map(violation).collect(),
    })
}
