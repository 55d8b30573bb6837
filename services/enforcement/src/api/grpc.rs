//! `writ.v1.EnforcementService`. Every decision is an OK answer; a status says that there is none.

mod authorize;
mod json;
mod read;

use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use http::HeaderMap;
use tonic::{Request, Response, Status, Streaming};
use writ_access::{Caller, delegation, issuer};
use writ_service_kit::ApiError;
use writ_service_kit::grpc::{Recheck, caller};
use writ_service_kit::trace::traceparent;

use super::plan_spent;
use crate::answer::{Answer, Explanation, Given};
use crate::beside::LARGE;
use crate::domain::WireViolation;
use crate::enforce::{Enforcer, Tokens};
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

/// Acts of one stream that are judged at the same time.
const AT_A_TIME: usize = 64;

impl Server {
    async fn judge(
        &self,
        caller: &Caller,
        request: v1::EnforceRequest,
        headers: &HeaderMap,
    ) -> Result<v1::EnforceResponse, Status> {
        let mut ask = if prost::Message::encoded_len(&request) > LARGE {
            match self.0.beside.run(move || read(request)).await {
                Ok(ask) => ask?,
                Err(busy) => return respond(Enforcer::refuse(&busy)),
            }
        } else {
            read(request)?
        };
        let token = |name| headers.get(name).map(|it| it.to_str().unwrap_or("?"));
        let tokens = Tokens {
            delegation: token(delegation::HEADER),
            person: token(issuer::HEADER),
        };
        self.0.show(caller, &mut ask, tokens);
        traceparent(headers).clone_into(&mut ask.traceparent);
        let answer = self.0.enforce(caller, &ask).await;
        respond(answer.map_err(none)?)
    }
}

#[tonic::async_trait]
impl EnforcementService for Server {
    async fn enforce(
        &self,
        request: Request<v1::EnforceRequest>,
    ) -> Result<Response<v1::EnforceResponse>, Status> {
        let caller = caller(&request)?;
        let (metadata, _, request) = request.into_parts();
        let headers = metadata.into_headers();
        let answer = self.judge(&caller, request, &headers).await;
        answer.map(Response::new)
    }

    type EnforceStreamStream =
        Pin<Box<dyn Stream<Item = Result<v1::EnforceStreamResponse, Status>> + Send>>;

    async fn enforce_stream(
        &self,
        request: Request<Streaming<v1::EnforceStreamRequest>>,
    ) -> Result<Response<Self::EnforceStreamStream>, Status> {
        let (metadata, extensions, acts) = request.into_parts();
        let recheck = extensions.get::<Recheck>().cloned();
        let recheck = recheck.ok_or_else(|| Status::internal("no gate"))?;
        let (server, headers) = (self.clone(), Arc::new(metadata.into_headers()));
        let answers = acts.map(move |act| {
            let (server, recheck, headers) = (server.clone(), recheck.clone(), headers.clone());
            async move {
                let act = act?;
                let judged = match recheck.caller(&headers).await {
                    Ok(caller) => {
                        let request = act.request.unwrap_or_default();
                        server.judge(&caller, request, &headers).await
                    }
                    Err(refused) => Err(refused),
                };
                Ok(streamed(act.correlation_id, judged))
            }
        });
        Ok(Response::new(Box::pin(answers.buffer_unordered(AT_A_TIME))))
    }

    async fn check_tool_output(
        &self,
        request: Request<v1::CheckToolOutputRequest>,
    ) -> Result<Response<v1::CheckToolOutputResponse>, Status> {
        let caller = caller(&request)?;
        let (metadata, _, asked) = request.into_parts();
        let headers = metadata.into_headers();
        let output = v1::ToolOutput {
            name: asked.tool.clone(),
            input: asked.input,
            output: asked.output,
        };
        let request = v1::EnforceRequest {
            agent_id: asked.agent_id,
            input: format!("tool_output:{}", asked.tool),
            environment: asked.environment,
            metadata: asked.metadata,
            tool_outputs: vec![output],
            session_id: asked.session_id,
            phase: v1::Phase::Post.into(),
            ..v1::EnforceRequest::default()
        };
        let decision = Some(self.judge(&caller, request, &headers).await?);
        Ok(Response::new(v1::CheckToolOutputResponse { decision }))
    }

    async fn authorize(
        &self,
        request: Request<v1::AuthorizeRequest>,
    ) -> Result<Response<v1::AuthorizeResponse>, Status> {
        let caller = caller(&request)?;
        let (metadata, _, asked) = request.into_parts();
        let headers = metadata.into_headers();
        let call = authorize::read(asked)?;
        let trace = traceparent(&headers);
        let answer = self.0.authorize(&caller, call, "grpc", trace).await;
        let answer = answer.map_err(none)?;
        authorize::respond(answer).map(Response::new)
    }
}

fn streamed(
    correlation_id: String,
    judged: Result<v1::EnforceResponse, Status>,
) -> v1::EnforceStreamResponse {
    use v1::enforce_stream_response::Result as Answer;
    let result = match judged {
        Ok(response) => Answer::Response(response),
        Err(status) => Answer::Error(v1::EnforceStreamError {
            code: status.code().into(),
            message: status.message().to_owned(),
        }),
    };
    v1::EnforceStreamResponse {
        correlation_id,
        result: Some(result),
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
