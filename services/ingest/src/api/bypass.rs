//! Reports of clients that acted without a decision.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;
use writ_service_kit::json::{DEPTH, check_depth, sanitize};
use writ_service_kit::routes::Authed;
use writ_service_kit::trace::Traced;

use super::Api;
use super::ingest::Body;
use super::status::Failure;
use crate::domain::{Hopeless, Report};
use crate::error::Error;
use crate::intake::Source;

/// Times in which a client acted without a decision.
#[derive(JsonSchema)]
#[schemars(rename = "BypassReport", rename_all = "camelCase")]
#[expect(dead_code, reason = "described, not built")]
pub(super) struct Windows {
    windows: Option<Vec<Window>>,
    dropped: Option<Lost>,
}

/// A time in which a client acted without a decision.
#[derive(JsonSchema)]
#[schemars(rename = "BypassWindow", rename_all = "camelCase")]
#[expect(dead_code, reason = "described, not built")]
struct Window {
    window_id: Uuid,
    agent_id: String,
    /// Such as `network_error`.
    reason: String,
    /// Such as `fail_open_network_error`.
    source: String,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    /// Acts.
    count: u64,
    message: Option<String>,
    /// HTTP status of the last failure.
    status: Option<u16>,
    consecutive_failures: Option<u64>,
}

/// Windows that the client could not keep.
#[derive(JsonSchema)]
#[schemars(rename = "DroppedBypasses", rename_all = "camelCase")]
#[expect(dead_code, reason = "described, not built")]
struct Lost {
    drop_id: Uuid,
    windows: u64,
    bypasses: u64,
    since: Option<DateTime<Utc>>,
}

/// What was recorded.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct Stated {
    data: Recorded,
    /// Absent when everything was recorded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<OutOfBounds>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Recorded {
    windows: usize,
    dropped: bool,
}

/// A part of a report that was not recorded, and why.
#[derive(Debug, Serialize, JsonSchema)]
struct OutOfBounds {
    field: String,
    error: String,
}

/// `POST /sdk/bypass-windows`: 200 once everything that is within its bounds is stored on the log,
/// for agents that are registered and for others. 422 only when nothing of it can be recorded: the
/// client never sends such a report again.
pub(super) async fn report(
    State(api): State<Api>,
    Authed(caller): Authed,
    Traced(traceparent): Traced,
    Body(body): Body,
) -> Result<Json<Stated>, Failure> {
    let source = Source {
        traceparent,
        ..Source::of(caller, "rest")
    };
    let now_us = api.facts.clock.now().timestamp_micros();
    let report = read(&body, now_us).map_err(Error::Report)?;
    let agent = |name: &str| api.registrar.only(source.org, name);
    // It may have been registered a moment ago.
    if report
        .windows
        .iter()
        .any(|it| agent(&it.agent_id).is_none())
    {
        api.registrar.catch_up().await;
    }
    let stated = api.facts.bypassed(&source, &report, agent).await;
    stated.map_err(Error::Log)?;
    let refused = report.refused.iter().map(|(field, error)| OutOfBounds {
        field: field.clone(),
        error: error.clone(),
    });
    Ok(Json(Stated {
        data: Recorded {
            windows: report.windows.len(),
            dropped: report.dropped.is_some(),
        },
        errors: refused.collect(),
    }))
}

fn read(body: &[u8], now_us: i64) -> Result<Report, Hopeless> {
    let malformed = |why: &dyn std::fmt::Display| Hopeless::Malformed(why.to_string());
    let text = sanitize(body);
    check_depth(&text, DEPTH).map_err(|deep| malformed(&deep))?;
    let text = std::str::from_utf8(&text).map_err(|wrong| malformed(&wrong))?;
    Report::read(text, now_us)
}
