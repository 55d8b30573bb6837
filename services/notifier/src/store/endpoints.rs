//! Endpoints and their secrets.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;
use writ_contract::{OrgId, WebhookId};
use writ_pg::{PgError, TenantTx, WriterPool, WriterTx};

use crate::domain::Topic;
use crate::domain::endpoint::{Endpoint, Reason, State};
use writ_seal::Sealed;

/// An endpoint as listed.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct EndpointRow {
    pub(crate) id: Uuid,
    pub(crate) seq: i64,
    pub(crate) version: i64,
    pub(crate) url: String,
    pub(crate) description: String,
    pub(crate) topics: Vec<String>,
    pub(crate) state: String,
    pub(crate) disabled_reason: String,
    pub(crate) created_at: DateTime<Utc>,
}

/// What a new endpoint has beside its state.
#[derive(Debug)]
pub(crate) struct NewEndpoint<'a> {
    pub(crate) url: &'a str,
    pub(crate) description: &'a str,
    pub(crate) created_at: DateTime<Utc>,
}

impl EndpointRow {
    /// As the domain sees it.
    pub(crate) fn endpoint(&self) -> Endpoint {
        let topics: BTreeSet<Topic> = self.topics.iter().filter_map(|t| t.parse().ok()).collect();
        let state = match (self.state.as_str(), self.disabled_reason.as_str()) {
            ("enabled", _) => State::Enabled,
            ("disabled", "gone") => State::Disabled(Reason::Gone),
            ("disabled", _) => State::Disabled(Reason::Failing),
            _ => State::Deleted,
        };
        let version = u64::try_from(self.version).unwrap_or_default();
        Endpoint {
            id: WebhookId(self.id),
            version,
            topics,
            state,
        }
    }
}

/// One request of an organisation at a time from here to the end of the transaction.
pub(crate) async fn take_turns(tx: &mut TenantTx) -> Result<(), PgError> {
    sqlx::query("select pg_advisory_xact_lock(hashtext('notifier.endpoints'), hashtext($1))")
        .bind(tx.org().to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// How many endpoints the organisation has.
pub(crate) async fn count(tx: &mut TenantTx) -> Result<i64, PgError> {
    let found = sqlx::query_scalar(
        "select count(*) from endpoints where org_id = $1 and state <> 'deleted'",
    )
    .bind(tx.org())
    .fetch_one(&mut **tx)
    .await?;
    Ok(found)
}

/// Writes a new endpoint and returns its place in the list.
pub(crate) async fn insert_endpoint(
    tx: &mut TenantTx,
    endpoint: &Endpoint,
    new: &NewEndpoint<'_>,
) -> Result<(), PgError> {
    let topics: Vec<&str> = endpoint.topics.iter().map(|topic| topic.as_str()).collect();
    sqlx::query(
        "insert into endpoints (id, org_id, version, url, description, topics, state,
                                disabled_reason, created_at)
         values ($1, $2, $3, $4, $5, $6, 'enabled', '', $7)",
    )
    .bind(endpoint.id.0)
    .bind(tx.org())
    .bind(i64::try_from(endpoint.version).unwrap_or(i64::MAX))
    .bind(new.url)
    .bind(new.description)
    .bind(topics)
    .bind(new.created_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Adds a sealed secret: from now on the newest. Older ones sign until `others_until`.
pub(crate) async fn add_secret(
    tx: &mut TenantTx,
    endpoint: WebhookId,
    sealed: &Sealed,
    others_until: DateTime<Utc>,
) -> Result<(), PgError> {
    sqlx::query(
        "update secrets set retires_at = $3
         where org_id = $1 and endpoint_id = $2 and retires_at is null",
    )
    .bind(tx.org())
    .bind(endpoint.0)
    .bind(others_until)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "insert into secrets (org_id, endpoint_id, key_id, nonce, sealed)
         values ($1, $2, $3, $4, $5)",
    )
    .bind(tx.org())
    .bind(endpoint.0)
    .bind(&sealed.key_id)
    .bind(sealed.nonce.as_slice())
    .bind(&sealed.bytes)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Until when the secret before the newest signs, if there is one.
pub(crate) async fn former_until(
    tx: &mut TenantTx,
    endpoint: WebhookId,
) -> Result<Option<DateTime<Utc>>, PgError> {
    Ok(sqlx::query_scalar(
        "select max(retires_at) from secrets where org_id = $1 and endpoint_id = $2",
    )
    .bind(tx.org())
    .bind(endpoint.0)
    .fetch_one(&mut **tx)
    .await?)
}

/// The organisation's endpoints, newest first.
pub(crate) async fn list(
    tx: &mut TenantTx,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<EndpointRow>, PgError> {
    Ok(sqlx::query_as(
        "select id, seq, version, url, description, topics, state, disabled_reason, created_at
         from endpoints
         where org_id = $1 and state <> 'deleted' and ($2::bigint is null or seq < $2)
         order by seq desc limit $3",
    )
    .bind(tx.org())
    .bind(before)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?)
}

/// One endpoint that was not deleted, locked until the transaction ends.
pub(crate) async fn find(tx: &mut TenantTx, id: WebhookId) -> Result<Option<EndpointRow>, PgError> {
    let org = tx.org();
    let row = row(tx, org, id).await?;
    Ok(row.filter(|row| row.state != "deleted"))
}

/// One endpoint as the domain sees it, locked until the transaction ends.
pub(crate) async fn lock_endpoint(
    tx: &mut WriterTx,
    org: OrgId,
    id: WebhookId,
) -> Result<Option<Endpoint>, PgError> {
    Ok(row(tx, org.0, id).await?.map(|row| row.endpoint()))
}

async fn row(
    connection: &mut PgConnection,
    org: Uuid,
    id: WebhookId,
) -> Result<Option<EndpointRow>, PgError> {
    Ok(sqlx::query_as(
        "select id, seq, version, url, description, topics, state, disabled_reason, created_at
         from endpoints where org_id = $1 and id = $2 for no key update",
    )
    .bind(org)
    .bind(id.0)
    .fetch_optional(connection)
    .await?)
}

/// Writes an endpoint's new state.
pub(crate) async fn save_endpoint(
    connection: &mut PgConnection,
    org: OrgId,
    endpoint: &Endpoint,
) -> Result<(), PgError> {
    let (state, reason) = match endpoint.state {
        State::Enabled => ("enabled", ""),
        State::Disabled(reason) => ("disabled", reason.as_str()),
        State::Deleted => ("deleted", ""),
    };
    sqlx::query(
        "update endpoints set version = $3, state = $4, disabled_reason = $5
         where org_id = $1 and id = $2",
    )
    .bind(org.0)
    .bind(endpoint.id.0)
    .bind(i64::try_from(endpoint.version).unwrap_or(i64::MAX))
    .bind(state)
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(())
}

/// The endpoint's sealed secrets that sign at `now`, newest first.
pub(crate) async fn secrets(
    pool: &WriterPool,
    org: OrgId,
    id: WebhookId,
    now: DateTime<Utc>,
) -> Result<Vec<Sealed>, PgError> {
    let mut tx = pool.begin().await?;
    let rows: Vec<(String, Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "select key_id, nonce, sealed from secrets
         where org_id = $1 and endpoint_id = $2 and (retires_at is null or retires_at > $3)
         order by seq desc",
    )
    .bind(org.0)
    .bind(id.0)
    .bind(now)
    .fetch_all(&mut *tx)
    .await?;
    let read = |(key_id, nonce, bytes): (String, Vec<u8>, Vec<u8>)| {
        Some(Sealed {
            key_id,
            nonce: nonce.try_into().ok()?,
            bytes,
        })
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// What a secret is bound to: the row it belongs to.
pub(crate) fn place(org: OrgId, id: WebhookId) -> Vec<u8> {
    [org.0.as_bytes().as_slice(), id.0.as_bytes()].concat()
}
