//! The REST surface: one table, thin handlers.

mod agents;
mod baselines;
mod billing;
mod extract;
mod health;
mod keys;
mod organization;
mod policies;
mod status;
mod switches;
mod validators;

use std::sync::Arc;

use writ_access::Role;
use writ_service_kit::routes::{Access, Class, Gate, Routes};
use writ_service_kit::{Clock, ReadyLatch};

use crate::baseline::Baselines;
use crate::channel::{Channel, Heartbeats};
use crate::identity::Identity;
use crate::policy::Policies;
use crate::registry::Registry;
use crate::usage::Usage;
use crate::validator::Validators;

const BASELINE: &str = "/tool-integrity/agents/{id}/baseline";

/// What the handlers work with.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) identity: Identity,
    pub(crate) registry: Registry,
    pub(crate) baselines: Baselines,
    pub(crate) policies: Policies,
    pub(crate) validators: Validators,
    pub(crate) channel: Channel,
    /// Owners set their plan and its limits.
    pub(crate) owner_sets_plan: bool,
    pub(crate) usage: Arc<Usage>,
    pub(crate) heartbeats: Arc<Heartbeats>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ready: ReadyLatch,
}

/// Every endpoint of the service.
pub(crate) fn routes(gate: Gate) -> Routes<State> {
    let viewer = Access::Role(Role::Viewer);
    let developer = Access::Role(Role::Developer);
    let admin = Access::Role(Role::Admin);
    let polled = viewer.class(Class::Generous);
    Routes::new(gate)
        .get_bare(
            "/health",
            Access::Deferred.class(Class::Generous),
            health::health,
        )
        .get("/agents", viewer, agents::list)
        .post(
            "/agents",
            developer.class(Class::Generous),
            agents::register,
        )
        .get("/agents/discover", viewer, agents::discover)
        .get("/agents/{id}", viewer, agents::get)
        .patch("/agents/{id}", developer, agents::update)
        .post("/agents/{id}/transfer", developer, agents::transfer)
        .patch(
            "/agents/{id}/pause",
            developer.class(Class::Generous),
            switches::pause,
        )
        .patch(
            "/agents/{id}/resume",
            developer.class(Class::Generous),
            switches::resume,
        )
        .get("/agents/{id}/status-poll", polled, switches::status_poll)
        .post("/agents/{id}/heartbeat", polled, switches::heartbeat)
        .get(BASELINE, viewer, baselines::get)
        .post(BASELINE, developer, baselines::pin)
        .delete(BASELINE, admin, baselines::remove)
        .get("/policies", viewer, policies::list)
        .post("/policies", developer, policies::create)
        .get("/policies/types", viewer, policies::types)
        .get("/policies/{id}", viewer, policies::get)
        .patch("/policies/{id}", developer, policies::update)
        .delete("/policies/{id}", developer, policies::delete)
        .get("/policies/{id}/versions", viewer, policies::versions)
        .get("/validators", admin, validators::list)
        .post("/validators", admin, validators::register)
        .get("/validators/{id}", admin, validators::get)
        .patch("/validators/{id}", admin, validators::update)
        .delete("/validators/{id}", admin, validators::delete)
        .get("/keys", admin, keys::list)
        .post("/keys", admin, keys::issue)
        .delete("/keys/{id}", admin, keys::revoke)
        .get("/billing/usage", viewer, billing::usage)
        .get("/organization", viewer, organization::get)
        .get("/organization/settings", viewer, organization::get)
        .patch("/organization/settings", admin, organization::update)
}
