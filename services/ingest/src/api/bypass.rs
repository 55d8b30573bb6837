//! Reports of clients that acted without a decision.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use writ_contract::OrgId;
use writ_service_kit::json::{DEPTH, check_depth, sanitize};
use writ_service_kit::routes::Authed;

use super::Api;
use super::ingest::Body;
use super::status::Failure;
use crate::domain::{Hopeless, Report};
use crate::error::Error;
use crate::intake::Source;

/// `POST /sdk/bypass-windows`: 200 once everything that is within its bounds is stored on the log,
/// for agents that are registered and for others. 422 only when nothing of it can be recorded: the
/// client never sends such a report again.
pub(super) async fn report(
    State(api): State<Api>,
    Authed(caller): Authed,
    Body(body): Body,
) -> Result<Json<Value>, Failure> {
    let source = Source {
        org: OrgId(caller.org_id()),
        origin: "rest",
        caller: Some(caller),
    };
    let report = read(&body).map_err(Error::Report)?;
    let agent = |name: &str| api.registrar.only(source.org, name);
    let stated = api.facts.bypassed(&source, &report, agent).await;
    stated.map_err(Error::Log)?;
    let mut answer = json!({ "data": {
        "windows": report.windows.len(),
        "dropped": report.dropped.is_some(),
    } });
    if let (false, Some(fields)) = (report.refused.is_empty(), answer.as_object_mut()) {
        let refused = report.refused.iter();
        let refused = refused.map(|(place, why)| json!({ "field": place, "error": why }));
        fields.insert("errors".to_owned(), refused.collect());
    }
    Ok(Json(answer))
}

fn read(body: &[u8]) -> Result<Report, Hopeless> {
    let malformed = |why: &dyn std::fmt::Display| Hopeless::Malformed(why.to_string());
    let text = sanitize(body);
    check_depth(&text, DEPTH).map_err(|deep| malformed(&deep))?;
    let text = std::str::from_utf8(&text).map_err(|wrong| malformed(&wrong))?;
    Report::read(text)
}
