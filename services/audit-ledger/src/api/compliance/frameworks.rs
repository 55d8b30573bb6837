//! `GET /compliance/frameworks`: the catalogues.

use axum::Json;
use axum::extract::State as Shared;
use schemars::JsonSchema;
use serde::Serialize;
use writ_service_kit::json::Data;

use crate::api::State;
use crate::domain::compliance::{Catalogue, Control, Evidence};

/// A framework and its controls, as far as the ledger can bear on them.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ComplianceFramework")]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct FrameworkDto {
    /// Its word in `?framework=`.
    id: String,
    name: String,
    edition: String,
    /// What is in it, and what is shown elsewhere.
    scope: String,
    controls: Vec<ControlDto>,
}

/// What bears on a control.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ComplianceControl")]
#[serde(rename_all = "camelCase")]
struct ControlDto {
    id: String,
    group: String,
    title: String,
    /// Policy types that bear on it: a policy of one of them must be in force.
    policies: Vec<String>,
    /// Whether a policy is enough that only warns or notes; else one must stop or hold acts.
    watching: bool,
    /// What it asks for and no entry can show: it is judged `partly` at most.
    unshown: Option<String>,
    /// Each of these must be found.
    needs: Vec<String>,
    /// Shown, and not needed.
    supports: Vec<String>,
    /// None of these may be found.
    against: Vec<String>,
}

pub(in crate::api) async fn list(Shared(state): Shared<State>) -> Json<Data<Vec<FrameworkDto>>> {
    let data = state.catalogues.all().iter().map(FrameworkDto::from);
    Json(Data {
        data: data.collect(),
    })
}

impl From<&Catalogue> for FrameworkDto {
    fn from(catalogue: &Catalogue) -> Self {
        Self {
            id: catalogue.framework.clone(),
            name: catalogue.name.clone(),
            edition: catalogue.edition.clone(),
            scope: catalogue.scope.clone(),
            controls: catalogue.controls.iter().map(ControlDto::from).collect(),
        }
    }
}

impl From<&Control> for ControlDto {
    fn from(control: &Control) -> Self {
        let words = |list: &[Evidence]| list.iter().map(|it| it.word().to_owned()).collect();
        Self {
            id: control.id.clone(),
            group: control.group.clone(),
            title: control.title.clone(),
            policies: control.policies.clone(),
            watching: control.watching,
            unshown: control.unshown.clone(),
            needs: words(&control.needs),
            supports: words(&control.supports),
            against: words(&control.against),
        }
    }
}
