//! gRPC: `writ.v1.ApprovalService`, over the same commands and rows as REST.

use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::Stream;
use futures::stream::unfold;
use http::HeaderMap;
use prost_types::Timestamp;
use tonic::{Request, Response, Status};
use writ_access::Caller;
use writ_contract::{ApprovalId, OrgId};
use writ_service_kit::ApiError;
use writ_service_kit::grpc::{Recheck, caller};
use writ_service_kit::trace::traceparent;

use super::dto::ApprovalDto;
use super::list::{self, ListQuery};
use super::{State, decide, show, status};
use crate::command::{Redeemed, party};
use crate::domain::{Party, Verdict};
use crate::error::Error;

/// Generated from `proto/writ/v1/approval.proto`.
#[allow(
    missing_debug_implementations,
    unreachable_pub,
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated from proto/writ/v1/approval.proto"
)]
pub(crate) mod v1 {
    tonic::include_proto!("writ.v1");
}

/// The encoded descriptors, for reflection.
pub(crate) const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/approval.bin"));

use v1::approval_service_server::ApprovalService;

/// How often a watched request is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[tonic::async_trait]
impl ApprovalService for State {
    async fn get_approval(
        &self,
        request: Request<v1::GetApprovalRequest>,
    ) -> Result<Response<v1::GetApprovalResponse>, Status> {
        let caller = caller(&request)?;
        let approval = Some(get(self, &caller, &request.get_ref().id).await?);
        Ok(Response::new(v1::GetApprovalResponse { approval }))
    }

    async fn list_approvals(
        &self,
        request: Request<v1::ListApprovalsRequest>,
    ) -> Result<Response<v1::ListApprovalsResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.into_inner();
        let said = |text: String| Some(text).filter(|text| !text.is_empty());
        let query = ListQuery {
            status: said(asked.status),
            cursor: said(asked.cursor),
            limit: match asked.limit {
                0 => None,
                limit => Some(u16::try_from(limit).unwrap_or(u16::MAX)),
            },
        };
        let page = list::page(self, &caller, query).await?;
        Ok(Response::new(v1::ListApprovalsResponse {
            approvals: page.data.into_iter().map(message).collect(),
            next_cursor: page.next_cursor.unwrap_or_default(),
        }))
    }

    async fn decide_approval(
        &self,
        request: Request<v1::DecideApprovalRequest>,
    ) -> Result<Response<v1::DecideApprovalResponse>, Status> {
        let caller = caller(&request)?;
        caller
            .require_approver()
            .map_err(|no| Status::permission_denied(no.to_string()))?;
        let traceparent = traceparent(request.metadata().as_ref()).to_owned();
        let asked = request.into_inner();
        let verdict = match asked.verdict() {
            v1::ApprovalVerdict::Approve => Verdict::Grant,
            v1::ApprovalVerdict::Deny => Verdict::Deny,
            v1::ApprovalVerdict::Unspecified => {
                return Err(Status::invalid_argument("verdict must be APPROVE or DENY"));
            }
        };
        let seen = decide::Seen {
            version: asked.version,
            traceparent,
        };
        let ruling = decide::ruling(verdict, Some(asked.reason), None, seen)?;
        let approval = decide::ruled(self, &caller, &asked.id, &ruling).await?;
        Ok(Response::new(v1::DecideApprovalResponse {
            approval: Some(message(approval)),
        }))
    }

    async fn verify_approval(
        &self,
        request: Request<v1::VerifyApprovalRequest>,
    ) -> Result<Response<v1::VerifyApprovalResponse>, Status> {
        let caller = caller(&request)?;
        let by = party(&caller).filter(|by| by.key != Party::NO_KEY);
        let by = by.ok_or_else(|| Status::permission_denied("only a key verifies"))?;
        let asked = request.get_ref();
        let id = parse(&asked.id)?;
        let org = OrgId(caller.org_id());
        let redeemed = self.desk.redeem(org, &by, id, &asked.action_context_json);
        let answer = match redeemed.await.map_err(status::answer)? {
            Redeemed::Valid(certificate) => v1::VerifyApprovalResponse {
                valid: true,
                reason: String::new(),
                certificate_json: serde_json::to_string(&certificate)
                    .map_err(|error| ApiError::internal(&error))?,
            },
            Redeemed::Invalid(refusal) => v1::VerifyApprovalResponse {
                valid: false,
                reason: refusal.to_string(),
                certificate_json: String::new(),
            },
        };
        Ok(Response::new(answer))
    }

    type WatchApprovalStream =
        Pin<Box<dyn Stream<Item = Result<v1::WatchApprovalResponse, Status>> + Send>>;

    async fn watch_approval(
        &self,
        request: Request<v1::WatchApprovalRequest>,
    ) -> Result<Response<Self::WatchApprovalStream>, Status> {
        let caller = caller(&request)?;
        let (metadata, extensions, asked) = request.into_parts();
        let recheck = extensions.get::<Recheck>().cloned();
        let watch = Watch {
            first: Some(get(self, &caller, &asked.id).await?),
            state: self.clone(),
            recheck: recheck.ok_or_else(|| Status::internal("no gate"))?,
            headers: metadata.into_headers(),
            id: asked.id,
            seen: (0, 0),
        };
        let changes = unfold(Some(watch), |watch| async {
            let mut watch = watch?;
            let next = watch.next().await;
            let ended = next.as_ref().map_or(true, is_final);
            let answer = next.map(|approval| v1::WatchApprovalResponse {
                approval: Some(approval),
            });
            Some((answer, (!ended).then_some(watch)))
        });
        Ok(Response::new(Box::pin(changes)))
    }
}

/// Somebody who waits for a decision.
struct Watch {
    state: State,
    /// The key is checked at each look: a stream does not outlive it.
    recheck: Recheck,
    headers: HeaderMap,
    id: String,
    first: Option<v1::Approval>,
    /// Version and status that were told last.
    seen: (u64, i32),
}

impl Watch {
    /// The request as it is at first, then after its next change. What cannot be read for a moment
    /// has not changed.
    async fn next(&mut self) -> Result<v1::Approval, Status> {
        loop {
            let found = match self.first.take() {
                Some(first) => Ok(first),
                None => {
                    tokio::time::sleep(LOOK_EVERY).await;
                    let caller = self.recheck.caller(&self.headers).await?;
                    get(&self.state, &caller, &self.id).await
                }
            };
            match found {
                Ok(found) if (found.version, found.status) != self.seen => {
                    self.seen = (found.version, found.status);
                    return Ok(found);
                }
                Err(gone) if gone.code() != tonic::Code::Unavailable => return Err(gone),
                Ok(_) | Err(_) => {}
            }
        }
    }
}

fn is_final(approval: &v1::Approval) -> bool {
    approval.status() != v1::ApprovalStatus::Pending
}

async fn get(state: &State, caller: &Caller, id: &str) -> Result<v1::Approval, Status> {
    let found = show::found(state, caller, parse(id)?).await;
    let found = found.map_err(status::answer)?;
    let approval = found.ok_or_else(|| status::answer(Error::NotFound))?;
    Ok(message(approval))
}

fn parse(id: &str) -> Result<ApprovalId, ApiError> {
    id.parse().map_err(|_| status::answer(Error::NotFound))
}

fn message(approval: ApprovalDto) -> v1::Approval {
    let status = match approval.status {
        "approved" | "consumed" if approval.sealed => v1::ApprovalStatus::Approved,
        "denied" | "cancelled" => v1::ApprovalStatus::Denied,
        "expired" => v1::ApprovalStatus::Expired,
        _ => v1::ApprovalStatus::Pending,
    };
    let text = |raw: Option<Box<serde_json::value::RawValue>>| {
        raw.map(|raw| raw.get().to_owned()).unwrap_or_default()
    };
    v1::Approval {
        id: approval.id.to_string(),
        status: status.into(),
        version: approval.version,
        agent_id: approval.agent_id,
        agent_uuid: approval.agent_uuid.to_string(),
        environment: approval.environment,
        requested_at: Some(timestamp(approval.requested_at)),
        expires_at: Some(timestamp(approval.expires_at)),
        decided_at: approval.decided_at.map(timestamp),
        decision_reason: approval.decision_reason.unwrap_or_default(),
        certificate_expires_at: approval.certificate_expires_at.map(timestamp),
        used_at: approval.used_at.map(timestamp),
        decision_ids: approval
            .decision_ids
            .iter()
            .map(ToString::to_string)
            .collect(),
        policy_ids: approval
            .policy_ids
            .iter()
            .map(ToString::to_string)
            .collect(),
        action_context_json: text(approval.action_context),
        violations_json: text(approval.violations),
    }
}

fn timestamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: at.timestamp(),
        nanos: i32::try_from(at.timestamp_subsec_nanos()).unwrap_or_default(),
    }
}
