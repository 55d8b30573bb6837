//! What became of an act, learnt after its trace.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use tokio::time::{Instant, sleep};
use writ_contract::{OrgId, ResolutionId};
use writ_service_kit::ids::new_v7;
use writ_service_kit::json::{Data, Lenient};
use writ_service_kit::routes::{Authed, Once, Repeatable};
use writ_service_kit::trace::Traced;

use super::Api;
use super::page::Named;
use super::status::Failure;
use crate::domain::{About, Observed, Resolution};
use crate::error::Error;
use crate::intake::Source;
use crate::publish::derived_id;
use crate::store::TraceRow;

/// How long a trace that is not there yet is waited for: one that was just taken in is on its way
/// to the table.
const PATIENCE: Duration = Duration::from_secs(3);
const EVERY: Duration = Duration::from_millis(250);

/// `POST /traces/{id}/resolutions`: 201 once it is stored on the log. The trace's own status stays.
pub(super) async fn resolve(
    State(api): State<Api>,
    Authed(caller): Authed,
    Repeatable(once): Repeatable,
    Traced(traceparent): Traced,
    Named(id): Named,
    Lenient(observed): Lenient<Observed>,
) -> Result<(StatusCode, Json<Data<Resolution>>), Failure> {
    let org = OrgId(caller.org_id());
    let trace = find(&api, org, &id).await?;
    if !caller.allows_environment(&trace.environment) {
        return Err(Error::Environment(trace.environment).into());
    }
    let about = About {
        trace_id: &id,
        agent_id: &trace.agent_id,
        environment: &trace.environment,
    };
    let name = name(&api, org, once.as_ref());
    let resolution = observed.about(about, name, api.facts.clock.now());
    let resolution = resolution.map_err(Error::from)?;
    let source = Source {
        traceparent,
        ..Source::of(caller, "rest")
    };
    let agent = trace.agent_uuid.map(writ_contract::AgentId);
    api.intake.resolve(&source, agent, &resolution).await?;
    let stated = api.facts.resolved(&source, agent, &resolution).await;
    stated.map_err(Error::Log)?;
    Ok((StatusCode::CREATED, Json(Data { data: resolution })))
}

/// A request that is sent again under its key is the resolution it was before.
fn name(api: &Api, org: OrgId, once: Option<&Once>) -> ResolutionId {
    let derived =
        |once: &Once| derived_id(&[org.0.as_bytes(), once.key.as_bytes(), &once.request]).0;
    ResolutionId(once.map_or_else(|| new_v7(api.facts.clock.as_ref()), derived))
}

/// The trace's first span, from a store that may be away for a moment.
async fn find(api: &Api, org: OrgId, id: &str) -> Result<TraceRow, Error> {
    let until = Instant::now() + PATIENCE;
    loop {
        let rows = api.store.trace(org, id).await;
        let missing = match rows.map(|rows| rows.into_iter().next()) {
            Ok(Some(row)) => return Ok(row),
            Ok(None) => Error::NotFound("trace"),
            Err(away) => away.into(),
        };
        if Instant::now() + EVERY > until {
            return Err(missing);
        }
        sleep(EVERY).await;
    }
}
