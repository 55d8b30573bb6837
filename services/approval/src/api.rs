//! REST: `/approvals`.

mod decide;
mod dto;
mod list;
mod show;
mod status;
mod verify;

use std::sync::Arc;

use writ_access::Role;
use writ_service_kit::ReadyLatch;
use writ_service_kit::routes::{Access, Class, Gate, Routes};

use crate::command::Desk;

/// Largest verify request: the action context of a ten megabyte enforce request.
const VERIFY_BYTES: usize = 10 * 1024 * 1024;

/// What handlers need.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) desk: Arc<Desk>,
    pub(crate) ready: ReadyLatch,
}

pub(crate) fn routes(gate: Gate) -> Routes<State> {
    let verify = Access::Role(Role::Viewer)
        .class(Class::Generous)
        .body_limit(VERIFY_BYTES);
    Routes::new(gate)
        .get("/approvals", Access::Role(Role::Viewer), list::list)
        .get(
            "/approvals/{id}",
            Access::Deferred.class(Class::Generous),
            show::show,
        )
        .post(
            "/approvals/{id}/approve",
            Access::Role(Role::Admin),
            decide::approve,
        )
        .post(
            "/approvals/{id}/deny",
            Access::Role(Role::Admin),
            decide::deny,
        )
        .patch(
            "/approvals/{id}/decision",
            Access::Role(Role::Admin),
            decide::decision,
        )
        .post("/approvals/{id}/verify", verify, verify::verify)
}
