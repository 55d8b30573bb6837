//! A signed statement as it is answered.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use writ_chain::statement::Signed;
use writ_service_kit::ApiError;

/// A statement of the ledger and its signature. `schemas/receipt.v1.json` and
/// `schemas/coverage.v1.json` say what is in it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SignedStatement")]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedDto {
    /// What was signed; `format` says what it is.
    #[schemars(with = "serde_json::Map<String, Value>")]
    statement: Value,
    key_name: String,
    key_id: String,
    /// Ed25519 over the format, a line feed and the statement as canonical JSON; base64.
    signature: String,
}

impl SignedDto {
    /// As it is sent.
    pub(super) fn of<T: Serialize>(signed: Signed<T>) -> Result<Self, ApiError> {
        let statement = serde_json::to_value(&signed.statement);
        Ok(Self {
            statement: statement.map_err(|error| ApiError::internal(&error))?,
            key_name: signed.key_name,
            key_id: signed.key_id,
            signature: signed.signature,
        })
    }
}
