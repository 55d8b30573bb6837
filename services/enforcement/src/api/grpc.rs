//! `writ.v1.EnforcementService`. Every decision is an OK answer; a status says that there is none.

mod authorize;
mod json;
mod read;

use std::sync::Arc;

use tonic::{Request, Response, Status};
use writ_service_kit::ApiError;
use writ_service_kit::grpc::caller;

use super::plan_spent;
use crate::answer::{Answer, Explanation, Given};
use crate::beside::LARGE;
use crate::domain::WireViolation;
use crate::enforce::Enforcer;
use crate::error::Error;
use read::read;

/// Generated from `proto/writ/v1/enforcement.proto`.
#[allow(
    missing_debug_implementations,
    unreachable_pub,
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated from proto/writ/v1/enforcement.proto"
)]
pub mod v1 {
    tonic::include_proto!("writ.v1");
}

/// The encoded descriptors, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/enforcement.bin"));

use v1::enforcement_service_server::EnforcementService;

/// The service over the engine.
#[derive(Debug, Clone)]
pub struct Server(pub Arc<Enforcer>);

#[tonic::async_trait]
impl EnforcementService for Server {
    async fn enforce(
        &self,
        request: Request<v1::EnforceRequest>,
    ) -> Result<Response<v1::EnforceResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let ask = if prost::Message::encoded_len(&request) > LARGE {
            match self.0.beside.run(move || read(request)).await {
                Ok(ask) => ask?,
                Err(busy) => return respond(Enforcer::refuse(&busy)).map(Response::new),
            }
        } else {
            read(request)?
        };
        let answer = self.0.enforce(&caller, &ask).await;
        let answer = answer.map_err(none)?;
        respond(answer).map(Response::new)
    }

    async fn authorize(
        &self,
        request: Request<v1::AuthorizeRequest>,
    ) -> Result<Response<v1::AuthorizeResponse>, Status> {
        let caller = caller(&request)?;
        let call = authorize::read(request.into_inner())?;
        let answer = self.0.authorize(&caller, call, "grpc").await;
        let answer = answer.map_err(none)?;
        authorize::respond(answer).map(Response::new)
    }
}

/// There is no decision.
fn none(error: Error) -> Status {
    Status::from(ApiError::unavailable(error.to_string()).with_ref(error.reference()))
}

fn respond(answer: Answer) -> Result<v1::EnforceResponse, Status> {
    let (outcome, given, approval) = match answer {
        Answer::Allowed(given) => (v1::Outcome::Allowed, given, None),
        Answer::Held(given, approval) => (v1::Outcome::ApprovalRequired, given, Some(approval)),
        Answer::Denied(given) => (v1::Outcome::Denied, given, None),
        Answer::PlanSpent(spent) => return Err(plan_spent(spent).into()),
    };
    let Given {
        decision,
        violations,
        warnings,
        redacted_input,
        risk,
        policy_set_hash,
        explanation,
        grant: _,
    } = given;
    Ok(v1::EnforceResponse {
        outcome: outcome.into(),
        decision_id: decision.map(|d| d.to_string()).unwrap_or_default(),
        violations: violations.into_iter().map(violation).collect(),
        warnings: warnings.into_iter().map(violation).collect(),
        approval_request_id: approval.map(|a| a.to_string()).unwrap_or_default(),
        redacted_input: redacted_input.unwrap_or_default(),
        risk: u32::from(risk),
        policy_set_hash: policy_set_hash.map(hex::encode).unwrap_or_default(),
        explanation: explanation.map(explained),
    })
}

fn explained(explanation: Explanation) -> v1::Explanation {
    let considered = explanation.considered.into_iter().map(|it| v1::Considered {
        policy_id: it.policy_id,
        version: it.version,
        order: it.order,
        judged: it.judged,
        applied: it.applied,
        failed: it.failed,
        degraded: it.degraded,
        why: it.why,
        cost: it.cost,
    });
    v1::Explanation {
        considered: considered.collect(),
        engine_version: explanation.engine_version.to_owned(),
    }
}

fn violation(hit: WireViolation) -> v1::Violation {
    v1::Violation {
        policy_id: hit.policy_id,
        policy_name: hit.policy_name,
        policy_type: hit.policy_type,
        severity: hit.severity.to_owned(),
        enforcement_mode: hit.enforcement_mode.to_owned(),
        message: hit.message,
        code: hit.code.unwrap_or_default(),
        degraded: hit.degraded,
    }
}
