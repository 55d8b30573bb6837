//! REST: `/approvals`; gRPC: `ApprovalService`.

mod decide;
mod dto;
pub(crate) mod grpc;
mod list;
mod show;
mod status;
mod verify;

use std::sync::Arc;

use writ_access::Role;
use writ_service_kit::ReadyLatch;
use writ_service_kit::grpc::Services;
use writ_service_kit::json::{Data, Page};
use writ_service_kit::routes::{Access, Class, Gate, Routes};

use crate::command::Desk;
use grpc::v1::approval_service_server::ApprovalServiceServer;

/// Largest verify request: the action context of a ten megabyte enforce request.
const VERIFY_BYTES: usize = 10 * 1024 * 1024;

/// What handlers need.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) desk: Arc<Desk>,
    pub(crate) ready: ReadyLatch,
}

/// The gRPC service and its name.
pub(crate) fn services(gate: Gate, state: State) -> (axum::Router, Vec<&'static str>) {
    let guard = Access::Role(Role::Viewer)
        .class(Class::Generous)
        .body_limit(VERIFY_BYTES);
    let server = ApprovalServiceServer::new(state).max_decoding_message_size(VERIFY_BYTES);
    Services::new(gate).with(guard, server).build()
}

pub(crate) fn routes(gate: Gate) -> Routes<State> {
    let verify = Access::Role(Role::Viewer)
        .class(Class::Generous)
        .body_limit(VERIFY_BYTES);
    Routes::new(gate)
        .get("/approvals", Access::Role(Role::Viewer), list::list)
        .says(
            "List approvals",
            "Latest first. Whoever may not decide sees those the key asked for itself.",
        )
        .answers::<Page<dto::ApprovalDto>>(200)
        .get(
            "/approvals/{id}",
            Access::Deferred.class(Class::Generous),
            show::show,
        )
        .says(
            "Get an approval",
            "What the SDK polls. Always 200: an id that is not known reads `pending` while it is \
             young, else `denied`.",
        )
        .answers::<Data<show::Answer>>(200)
        .post("/approvals/{id}/approve", Access::Approver, decide::approve)
        .says(
            "Approve a request",
            "Never by the key or the person that asked.",
        )
        .takes::<decide::Reason>()
        .answers::<Data<dto::ApprovalDto>>(200)
        .post("/approvals/{id}/deny", Access::Approver, decide::deny)
        .says("Deny a request", "")
        .takes::<decide::Reason>()
        .answers::<Data<dto::ApprovalDto>>(200)
        .patch(
            "/approvals/{id}/decision",
            Access::Approver,
            decide::decision,
        )
        .says("Decide a request", "Approves or denies, in one route.")
        .answers::<Data<dto::ApprovalDto>>(200)
        .post("/approvals/{id}/verify", verify, verify::verify)
        .says(
            "Verify an approval",
            "Redeems the certificate for the act that was approved: once. A definite no is a 200 \
             with a reason.",
        )
        .answers::<Data<verify::Answer>>(200)
}
