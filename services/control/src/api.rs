//! The REST surface: one table, thin handlers.

mod agent_versions;
mod agents;
mod baselines;
mod billing;
mod credentials;
mod delegations;
mod docs;
mod events;
mod extract;
mod grants;
pub(crate) mod grpc;
mod health;
mod issuers;
mod jwks;
mod keys;
mod members;
mod organization;
mod owning;
mod pauses;
mod policies;
mod privacy;
mod prompts;
mod sockets;
mod status;
mod switches;
mod validators;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use writ_access::Role;
use writ_eventlog::KeyFeed;
use writ_service_kit::routes::{Access, Class, Gate, Routes};
use writ_service_kit::{Clock, ReadyLatch};

use crate::agent_version::AgentVersions;
use crate::baseline::Baselines;
use crate::channel::{Channel, Heartbeats, Sockets};
use crate::identity::Identity;
use crate::issuer::Issuers;
use crate::policy::Policies;
use crate::privacy::Privacy;
use crate::prompt::Prompts;
use crate::registry::Registry;
use crate::signing::Signing;
use crate::usage::Usage;
use crate::validator::Validators;

/// What the handlers work with.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) identity: Identity,
    pub(crate) issuers: Issuers,
    pub(crate) registry: Registry,
    pub(crate) baselines: Baselines,
    pub(crate) prompts: Prompts,
    pub(crate) agent_versions: AgentVersions,
    pub(crate) signing: Signing,
    pub(crate) keys: Arc<KeyFeed>,
    pub(crate) policies: Policies,
    pub(crate) privacy: Privacy,
    pub(crate) validators: Validators,
    pub(crate) channel: Channel,
    /// Owners set their plan and its limits.
    pub(crate) owner_sets_plan: bool,
    pub(crate) usage: Arc<Usage>,
    pub(crate) sockets: Sockets,
    pub(crate) heartbeats: Arc<Heartbeats>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cancel: CancellationToken,
    pub(crate) ready: ReadyLatch,
}

/// Every endpoint of the service.
pub(crate) fn routes(gate: Gate) -> Routes<State> {
    let routes = Routes::new(gate)
        .get_bare(
            "/health",
            Access::Deferred.class(Class::Generous),
            health::health,
        )
        .says(
            "Check health",
            "Up; with credentials, also whether they hold: 401 if not.",
        )
        .answers::<health::Health>(200);
    let routes = docs::routes(routes);
    let routes = agents::routes(routes);
    let routes = jwks::routes(routes);
    let routes = credentials::routes(routes);
    let routes = delegations::routes(routes);
    let routes = grants::routes(routes);
    let routes = switches::routes(routes);
    let routes = agent_versions::routes(routes);
    let routes = prompts::routes(routes);
    let routes = pauses::routes(routes);
    let routes = events::routes(routes);
    let routes = sockets::routes(routes);
    let routes = baselines::routes(routes);
    let routes = policies::routes(routes);
    let routes = validators::routes(routes);
    let routes = members::routes(routes);
    let routes = issuers::routes(routes);
    let routes = keys::routes(routes);
    let routes = privacy::routes(routes);
    let routes = billing::routes(routes);
    organization::routes(routes)
}

/// Who may call, in the words of the table.
const VIEWER: Access = Access::Role(Role::Viewer);
const DEVELOPER: Access = Access::Role(Role::Developer);
const ADMIN: Access = Access::Role(Role::Admin);
const OWNER: Access = Access::Role(Role::Owner);
