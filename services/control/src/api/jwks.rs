//! The public keys of the tokens this deployment signs (RFC 7517), from memory.

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use writ_service_kit::routes::{Access, Routes};

use super::State;

/// A new key signs at once, so nobody may hold on to the list for long.
const FRESH: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// A JSON Web Key Set.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "JsonWebKeySet")]
struct KeySet {
    keys: Vec<Map<String, Value>>,
}

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    to.get_bare("/.well-known/jwks.json", Access::Public, jwks)
        .says(
            "List public keys",
            "Those that agent credentials and delegations are signed with, and former ones whose \
             tokens may still be in use.",
        )
        .answers::<KeySet>(200)
}

async fn jwks(Shared(state): Shared<State>) -> Response {
    let keys = state.keys.signing_keys(state.clock.now_ms());
    let keys = keys.iter().filter_map(|jwk| serde_json::from_str(jwk).ok());
    let body = Json(KeySet {
        keys: keys.collect(),
    });
    ([(header::CACHE_CONTROL, FRESH)], body).into_response()
}
