//! `GET /compliance/reports`: puts a report together, signs it, and shows it in one of three forms.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Shared};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;
use writ_chain::statement::{Signed, sign};
use writ_service_kit::ApiError;
use writ_service_kit::json::Data;
use writ_service_kit::routes::Authed;

use super::report::{
    ControlReport, FORMAT, FrameworkOf, LedgerOf, NOTE, RecordingOf, Report, Sample,
    SignedReportDto, Summary, instant,
};
use super::{oscal, page};
use crate::api::recorded::Recording;
use crate::api::{State, status};
use crate::domain::compliance::{
    Assessment, Catalogue, Control, Judged, Window, assess, not_before,
};
use crate::error::Error;
use crate::store;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct ReportQuery {
    /// Which catalogue: `GET /compliance/frameworks` lists them.
    framework: String,
    /// First day (UTC), as YYYY-MM-DD; when absent 90 days before the end, or the day the record began
    /// if that is later. It must not be in the future.
    from: Option<String>,
    /// Last day (UTC), likewise; today when absent. A day that is not over is judged up to now.
    to: Option<String>,
    /// `json`, `html`, `oscal` or `all`; when absent, `html` for `Accept: text/html`, else `json`.
    format: Option<Form>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Form {
    Json,
    Html,
    Oscal,
    /// One report in all three.
    All,
}

/// One report in three forms: `report` is signed and counts.
#[derive(Debug, Serialize)]
struct AllForms {
    report: SignedReportDto,
    html: String,
    oscal: Value,
}

pub(in crate::api) async fn show(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    headers: HeaderMap,
    query: Result<Query<ReportQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(|refused| ApiError::invalid(refused.body_text()))?;
    let catalogue = state.catalogues.find(&query.framework).ok_or_else(|| {
        let known = state.catalogues.words();
        ApiError::invalid(format!("framework must be one of: {known}"))
    })?;
    let (from, to) = (query.from.as_deref(), query.to.as_deref());
    let window = Window::parse(from, to, state.clock.now()).map_err(ApiError::invalid)?;
    let report = report(&state, caller.org_id(), catalogue, window)
        .await
        .map_err(status::answer)?
        .ok_or_else(status::nothing_sealed)?;
    let signed = sign(report, &state.keys.export)
        .map_err(|_| status::answer(Error::Damaged("the report".to_owned())))?;
    let signed = SignedReportDto::from(signed);
    Ok(match query.format.unwrap_or_else(|| accepted(&headers)) {
        Form::Json => Json(Data { data: signed }).into_response(),
        Form::Html => {
            let policy = [(header::CONTENT_SECURITY_POLICY, page::policy())];
            (policy, Html(page::page(&signed))).into_response()
        }
        Form::Oscal => Json(oscal::results(&signed)).into_response(),
        Form::All => {
            let data = AllForms {
                html: page::page(&signed),
                oscal: oscal::results(&signed),
                report: signed,
            };
            Json(Data { data }).into_response()
        }
    })
}

fn accepted(headers: &HeaderMap) -> Form {
    let kinds = headers.get(header::ACCEPT);
    let kinds = kinds.and_then(|value| value.to_str().ok());
    if kinds.is_some_and(|kinds| kinds.trim_start().starts_with("text/html")) {
        Form::Html
    } else {
        Form::Json
    }
}

/// The report over what is sealed; `None` before anything is.
async fn report(
    state: &State,
    org: Uuid,
    catalogue: &Catalogue,
    window: Window,
) -> Result<Option<Report>, Error> {
    let mut tx = state.pool.begin(org).await?;
    let Some(signed) = store::signed(&mut tx).await? else {
        return Ok(None);
    };
    let Some(recording) = Recording::of(&mut tx, org).await? else {
        return Ok(None);
    };
    let window = window.begun(recording.began.date_naive());
    let mut found = store::found(&mut tx, window).await?;
    let late = window.begins_before(recording.began);
    found.unrecorded = late.then_some(recording.began);
    let judged: Vec<(&Control, Judged)> = catalogue
        .controls
        .iter()
        .map(|control| (control, assess(control, &found)))
        .collect();
    // What is not under the checkpoint yet has no receipt.
    let sealed = |seq: &i64| u64::try_from(*seq).is_ok_and(|seq| seq < signed.size);
    let cited = judged.iter().flat_map(|(_, it)| it.samples.iter().copied());
    let cited = store::cited(&mut tx, cited.filter(sealed).collect()).await?;
    let samples = cited.iter().map(|it| Sample::of(org, it));
    let samples = samples.collect::<Result<Vec<_>, _>>()?;
    let begins_before = recording.began > window.start();
    let recording_of = RecordingOf::of(recording, window);
    Ok(Some(Report {
        format: FORMAT,
        note: NOTE,
        org,
        framework: FrameworkOf {
            id: catalogue.framework.clone(),
            name: catalogue.name.clone(),
            edition: catalogue.edition.clone(),
            scope: catalogue.scope.clone(),
        },
        window: window.into(),
        gaps: begins_before
            .then(|| {
                let (text, part) = (not_before(recording.began), recording_of.part());
                format!("{text}: {part} of the window are recorded")
            })
            .into_iter()
            .collect(),
        recording: recording_of,
        generated_at: instant(state.clock.now()),
        ledger: LedgerOf {
            size: signed.size,
            root_hash: BASE64.encode(&signed.root),
            checkpoint: signed.note,
        },
        summary: summary(&judged),
        controls: judged
            .into_iter()
            .map(|(control, judged)| control_report(control, judged, &samples))
            .collect(),
    }))
}

fn summary(judged: &[(&Control, Judged)]) -> Summary {
    let count = |assessment| {
        let of = judged.iter().filter(|(_, it)| it.assessment == assessment);
        of.count()
    };
    Summary {
        operated: count(Assessment::Operated),
        partly: count(Assessment::Partly),
        no_evidence: count(Assessment::NoEvidence),
    }
}

fn control_report(control: &Control, judged: Judged, samples: &[Sample]) -> ControlReport {
    let sample = |seq: &i64| samples.iter().find(|it| it.seq == *seq).cloned();
    ControlReport {
        id: control.id.clone(),
        group: control.group.clone(),
        title: control.title.clone(),
        assessment: judged.assessment.word(),
        rule: judged.rule,
        policies: judged.policies.into_iter().map(Into::into).collect(),
        evidence: judged.evidence.into_iter().map(Into::into).collect(),
        samples: judged.samples.iter().filter_map(sample).collect(),
        gaps: judged.gaps,
        recommendations: judged.recommendations,
    }
}

impl From<Signed<Report>> for SignedReportDto {
    fn from(signed: Signed<Report>) -> Self {
        Self {
            statement: signed.statement,
            key_name: signed.key_name,
            key_id: signed.key_id,
            signature: signed.signature,
        }
    }
}
