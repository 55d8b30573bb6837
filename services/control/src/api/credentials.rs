//! Agent credentials: short-lived, signed, and kept nowhere.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use chrono::{DateTime, SecondsFormat};
use schemars::JsonSchema;
use serde::Serialize;
use writ_access::agent_token::{self, AgentClaims};
use writ_contract::AgentId;
use writ_service_kit::json::Data;
use writ_service_kit::routes::{Class, Routes};
use writ_service_kit::{ApiError, ids};

use super::extract::{By, InEnvironment};
use super::{DEVELOPER, State};
use crate::error::{Error, Refusal};
use crate::registry::AgentRef;

/// A credential, good for a quarter of an hour.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AgentCredential")]
#[serde(rename_all = "camelCase")]
struct Shown {
    /// `exe_agt_` and a JSON Web Token; its keys are at `/.well-known/jwks.json`.
    credential: String,
    expires_at: String,
    agent_id: AgentId,
}

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    let often = DEVELOPER.class(Class::Generous);
    to.post("/agents/{id}/credential", often, issue)
        .says(
            "Issue an agent credential",
            "Proves to whoever has the public keys that a trace is this agent's.",
        )
        .answers::<Data<Shown>>(200)
}

/// The SDK sends no body, and asks again shortly before `expiresAt`.
async fn issue(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<InEnvironment>,
) -> Result<Json<Data<Shown>>, ApiError> {
    let reference = AgentRef::parse(&id, query.environment.as_deref());
    let agent = state.registry.get(by.org(), &reference).await?;
    by.may_act_in(&agent.environment)?;
    if agent.archived {
        return Err(Refusal::AgentArchived.into());
    }
    let whose = agent_token::Agent {
        org: by.org(),
        id: agent.id,
        external_id: &agent.external_id,
        environment: &agent.environment,
    };
    let (id, now_ms) = (ids::new_v7(&*state.clock), state.clock.now_ms());
    let claims = AgentClaims::new(state.signing.issuer(), whose, id, now_ms);
    let key = state.signing.current()?;
    let credential = claims.sign(&key);
    let credential = credential.map_err(|error| Error::Bug(error.to_string()))?;
    let expires_at = DateTime::from_timestamp(claims.exp, 0).unwrap_or_default();
    let data = Shown {
        credential,
        expires_at: expires_at.to_rfc3339_opts(SecondsFormat::Millis, true),
        agent_id: AgentId(agent.id),
    };
    Ok(Json(Data { data }))
}
