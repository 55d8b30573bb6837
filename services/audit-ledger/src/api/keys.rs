//! `GET /.well-known/writ-keys.json`: public keys, in the form `writ audit verify --keys` reads.

use axum::Json;
use axum::extract::State as Shared;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::State;
use crate::keys::{Published, Use};

/// Keys by use, `name+id+key` each (a verifier key of C2SP signed-note), and what is to be known of
/// them.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PublicKeys")]
#[serde(rename_all = "camelCase")]
pub(super) struct KeysDto {
    /// For checkpoints.
    keys: Vec<String>,
    /// For receipts, coverage and exports.
    export_keys: Vec<String>,
    /// For certificates of approvals.
    certificate_keys: Vec<String>,
    /// For cosignatures of checkpoints.
    witness_keys: Vec<String>,
    details: Vec<KeyDto>,
}

/// A public key.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PublicKey")]
#[serde(rename_all = "camelCase")]
struct KeyDto {
    /// `checkpoint`, `export`, `certificate` or `witness`.
    r#use: &'static str,
    name: String,
    /// Hexadecimal.
    id: String,
    algorithm: &'static str,
    /// Base64.
    public_key: String,
    /// SHA-256 of the public key, hexadecimal: what an operator publishes elsewhere.
    fingerprint: String,
    /// Whether it signs today; one that does not is good for what it signed.
    active: bool,
}

pub(super) async fn list(Shared(state): Shared<State>) -> Json<KeysDto> {
    let published = state.keys.published();
    let of = |usage: Use| {
        let keys = published.iter().filter(|one| one.usage == usage);
        keys.map(|one| one.key.to_string()).collect()
    };
    Json(KeysDto {
        keys: of(Use::Checkpoint),
        export_keys: of(Use::Export),
        certificate_keys: of(Use::Certificate),
        witness_keys: of(Use::Witness),
        details: published.iter().map(details).collect(),
    })
}

fn details(one: &Published) -> KeyDto {
    let (algorithm, public) = one.key.public_key();
    KeyDto {
        r#use: one.usage.as_str(),
        name: one.key.name().to_owned(),
        id: hex::encode(one.key.id()),
        algorithm,
        public_key: BASE64.encode(public),
        fingerprint: hex::encode(Sha256::digest(public)),
        active: one.active,
    }
}
