//! `POST /approvals/{id}/verify`: the client asks to do what was approved.
//!
//! A definite no is a 200 with a reason; any other status reads as "could not be verified", which
//! halts the client too, and is kept for trouble.

use axum::Json;
use axum::extract::{Path, State as Shared};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use writ_chain::certificate::SignedCertificate;
use writ_contract::{ApprovalId, OrgId};
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Lenient};
use writ_service_kit::routes::Authed;

use super::{State, status};
use crate::command::{Redeemed, party};
use crate::domain::{Party, Refusal};

/// The act that is about to happen.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "VerifyRequest")]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    /// The same fields as in the enforce request that was held.
    // Kept as text: it is hashed as it was sent.
    action_context: Box<RawValue>,
}

/// Whether the act may happen now.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VerifyAnswer")]
#[serde(untagged)]
pub(super) enum Answer {
    Valid {
        valid: bool,
        /// The signed certificate.
        #[schemars(with = "Map<String, Value>")]
        certificate: Box<SignedCertificate>,
    },
    Invalid {
        valid: bool,
        reason: String,
    },
}

pub(super) async fn verify(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    Path(id): Path<String>,
    body: Result<Lenient<Request>, ApiError>,
) -> Result<Json<Data<Answer>>, ApiError> {
    let request = match body {
        Ok(Lenient(request)) => request,
        // No action context at all is not the one that was approved.
        Err(error) if error.status == StatusCode::BAD_REQUEST => {
            return Ok(invalid(Refusal::Mismatch));
        }
        Err(error) => return Err(error),
    };
    let Ok(id) = id.parse::<ApprovalId>() else {
        return Ok(invalid(Refusal::Unanchored));
    };
    let Some(by) = party(&caller).filter(|by| by.key != Party::NO_KEY) else {
        return Ok(invalid(Refusal::OtherRequester));
    };
    let org = OrgId(caller.org_id());
    let context = request.action_context.get();
    match state.desk.redeem(org, &by, id, context).await {
        Ok(Redeemed::Valid(certificate)) => Ok(Json(Data {
            data: Answer::Valid {
                valid: true,
                certificate,
            },
        })),
        Ok(Redeemed::Invalid(refusal)) => Ok(invalid(refusal)),
        Err(error) => Err(status::answer(error)),
    }
}

fn invalid(refusal: Refusal) -> Json<Data<Answer>> {
    let reason = refusal.to_string();
    Json(Data {
        data: Answer::Invalid {
            valid: false,
            reason,
        },
    })
}
