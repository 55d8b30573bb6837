//! Facts, appended in the transaction that changes the rows they speak of.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use writ_contract::Envelope;

use crate::error::PgError;

/// A fact and the subject it will be published on.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// From `Topology::fact`.
    pub subject: String,
    /// The fact with who, when and which version.
    pub envelope: Envelope,
}

/// Largest encoded fact: what a stream of facts takes, less room for headers. A larger one would
/// be committed and never get out, and hold up what comes after it.
pub const FACT_BYTES: usize = 256 * 1024;

/// Appends facts. They are on the log only after the relay has published them.
///
/// # Errors
/// [`PgError::Conflict`] on `events_version` when another transaction has already written that
/// version of the aggregate: reload and decide again. [`PgError::Refused`] for a fact over
/// [`FACT_BYTES`]: nothing may be committed.
pub async fn append(connection: &mut PgConnection, events: &[NewEvent]) -> Result<(), PgError> {
    for event in events {
        let envelope = &event.envelope;
        let encoded = envelope.encode();
        if encoded.len() > FACT_BYTES {
            let why = format!("{} has {} bytes", envelope.kind, encoded.len());
            return Err(PgError::Refused(sqlx::Error::Encode(why.into())));
        }
        let occurred: DateTime<Utc> =
            DateTime::from_timestamp_micros(envelope.occurred_at_us).unwrap_or_default();
        sqlx::query(
            "insert into events (event_id, org_id, aggregate, aggregate_id, version, type,
                                 subject, envelope, occurred_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(envelope.event_id.0)
        .bind(envelope.org.0)
        .bind(envelope.kind.aggregate())
        .bind(&envelope.aggregate_id)
        .bind(i64::try_from(envelope.version).unwrap_or(i64::MAX))
        .bind(envelope.kind.as_str())
        .bind(&event.subject)
        .bind(encoded)
        .bind(occurred)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
