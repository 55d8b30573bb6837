//! The caller's organisation and its settings.

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::header;
use schemars::JsonSchema;
use serde::Serialize;
use writ_contract::OrgId;
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Strict};
use writ_service_kit::routes::Routes;

use super::agents::etag;
use super::extract::{By, IfMatch};
use super::{ADMIN, State, VIEWER};
use crate::identity::{Organization, Settings};

/// The caller's organisation.
#[derive(Debug, Serialize, JsonSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of the API"
)]
#[schemars(rename = "Organization")]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: OrgId,
    name: String,
    /// What enforce does when a plan limit is spent: `govern` goes on, `refuse` answers 402.
    on_plan_limit: String,
    /// Unknown agents are refused.
    registration_required: bool,
    /// The control bundle of an agent's autonomy level is applied.
    tiered_governance: bool,
    /// Agents keep versions of themselves.
    version_registry: bool,
    /// A prompt is deployed only once somebody has approved it.
    prompt_approval: bool,
    /// Traces need the credential of their agent.
    credential_required: bool,
    /// Nothing is allowed.
    suspended: bool,
    /// Empty when there is none.
    plan: String,
    /// Null is unlimited, as in the other limits.
    max_agents: Option<u64>,
    max_policies: Option<u64>,
    max_users: Option<u64>,
    max_traces_per_month: Option<u64>,
    /// Null is for ever.
    retention_days: Option<u32>,
    /// Counts its changes; the `ETag`.
    version: u64,
    created_at: DateTime<Utc>,
}

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    to.get("/organization", VIEWER, get)
        .says("Get the organization", "The one the key belongs to.")
        .answers::<Data<Shown>>(200)
        .get("/organization/settings", VIEWER, get)
        .says("Get settings", "The same as the organization.")
        .answers::<Data<Shown>>(200)
        .patch("/organization/settings", ADMIN, update)
        .says("Change settings", "Fields that are absent stay.")
        .answers::<Data<Shown>>(200)
}

async fn get(Shared(state): Shared<State>, by: By) -> Result<Response, ApiError> {
    Ok(answer(&state.identity.organization(by.org()).await?))
}

async fn update(
    Shared(state): Shared<State>,
    by: By,
    IfMatch(if_match): IfMatch,
    Strict(settings): Strict<Settings>,
) -> Result<Response, ApiError> {
    if settings.changes_plan() {
        by.may_change_plan(state.owner_sets_plan)?;
    }
    let changed = state.identity.settings(&by.actor, if_match, &settings);
    Ok(answer(&changed.await?))
}

fn answer(organization: &Organization) -> Response {
    let (switches, limits) = (organization.switches, organization.limits);
    let data = Shown {
        id: OrgId(organization.id),
        name: organization.name.clone(),
        on_plan_limit: organization.on_plan_limit.clone(),
        registration_required: switches.registration_required,
        tiered_governance: switches.tiered_governance,
        version_registry: switches.version_registry,
        prompt_approval: switches.prompt_approval,
        credential_required: switches.credential_required,
        suspended: organization.suspended,
        plan: organization.plan.clone(),
        max_agents: limits.agents,
        max_policies: limits.policies,
        max_users: limits.users,
        max_traces_per_month: limits.traces,
        retention_days: organization.retention_days,
        version: organization.version,
        created_at: organization.created_at,
    };
    let tag = [(header::ETAG, etag(organization.version))];
    (tag, Json(Data { data })).into_response()
}
