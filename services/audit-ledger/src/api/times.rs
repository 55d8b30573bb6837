//! Instants that callers ask for.

use chrono::{DateTime, Datelike as _, Utc};
use writ_service_kit::ApiError;

/// Refuses what no ledger can hold and no store can compare.
pub(super) fn plausible(field: &str, at: Option<DateTime<Utc>>) -> Result<(), ApiError> {
    match at {
        Some(at) if !(2000..=9999).contains(&at.year()) => Err(ApiError::invalid(format!(
            "{field} must be between the years 2000 and 9999"
        ))),
        Some(_) | None => Ok(()),
    }
}
