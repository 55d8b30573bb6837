//! All SQL about validators.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use writ_pg::{PgError, TenantTx};
use writ_seal::Sealed;

use super::domain::{FailMode, Validator};
use crate::error::{Error, Refusal};
use crate::write::{signed, unsigned};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    validator_id: Uuid,
    name: String,
    url: String,
    timeout_ms: i32,
    fail_mode: String,
    key_id: String,
    nonce: Vec<u8>,
    sealed: Vec<u8>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Row> for Validator {
    fn from(row: Row) -> Self {
        let nonce = row.nonce.try_into().ok();
        Self {
            id: row.validator_id,
            name: row.name,
            url: row.url,
            timeout_ms: u32::try_from(row.timeout_ms).unwrap_or_default(),
            fail_mode: FailMode::read(&row.fail_mode).unwrap_or(FailMode::Closed),
            secret: nonce.map(|nonce| Sealed {
                key_id: row.key_id,
                nonce,
                bytes: row.sealed,
            }),
            version: unsigned(row.version),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

pub(super) async fn insert(tx: &mut TenantTx, validator: &Validator) -> Result<(), PgError> {
    let org = tx.org();
    let secret = validator.secret.as_ref();
    sqlx::query(
        "insert into validators (org_id, validator_id, name, url, timeout_ms, fail_mode, key_id,
           nonce, sealed, deleted, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, false, $10, $11, $11)",
    )
    .bind(org)
    .bind(validator.id)
    .bind(&validator.name)
    .bind(&validator.url)
    .bind(i32::try_from(validator.timeout_ms).unwrap_or(i32::MAX))
    .bind(validator.fail_mode.as_str())
    .bind(secret.map_or("", |secret| &secret.key_id))
    .bind(secret.map_or(&[][..], |secret| &secret.nonce))
    .bind(secret.map_or(&[][..], |secret| &secret.bytes))
    .bind(signed(validator.version))
    .bind(validator.created_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A validator without a secret is a deleted one.
pub(super) async fn update(tx: &mut TenantTx, validator: &Validator) -> Result<(), PgError> {
    let secret = validator.secret.as_ref();
    sqlx::query(
        "update validators set name = $2, url = $3, timeout_ms = $4, fail_mode = $5, key_id = $6,
           nonce = $7, sealed = $8, deleted = $9, version = $10, updated_at = $11
         where validator_id = $1",
    )
    .bind(validator.id)
    .bind(&validator.name)
    .bind(&validator.url)
    .bind(i32::try_from(validator.timeout_ms).unwrap_or(i32::MAX))
    .bind(validator.fail_mode.as_str())
    .bind(secret.map_or("", |secret| &secret.key_id))
    .bind(secret.map_or(&[][..], |secret| &secret.nonce))
    .bind(secret.map_or(&[][..], |secret| &secret.bytes))
    .bind(secret.is_none())
    .bind(signed(validator.version))
    .bind(validator.updated_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn lock(tx: &mut TenantTx, id: Uuid) -> Result<Validator, Error> {
    let sql = "select * from validators where validator_id = $1 and not deleted for update";
    found(sqlx::query_as(sql).bind(id).fetch_optional(&mut **tx).await)
}

pub(super) async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Validator, Error> {
    let sql = "select * from validators where validator_id = $1 and not deleted";
    found(sqlx::query_as(sql).bind(id).fetch_optional(&mut **tx).await)
}

/// The validator as it is now, even when it was deleted.
pub(super) async fn ever(tx: &mut TenantTx, id: Uuid) -> Result<Validator, Error> {
    let sql = "select * from validators where validator_id = $1";
    found(sqlx::query_as(sql).bind(id).fetch_optional(&mut **tx).await)
}

fn found(row: Result<Option<Row>, sqlx::Error>) -> Result<Validator, Error> {
    let row = row.map_err(PgError::from)?;
    Ok(row.ok_or(Refusal::ValidatorNotFound)?.into())
}

/// In order of their ids, one more than `limit` when there are more.
pub(super) async fn list(
    tx: &mut TenantTx,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Validator>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select * from validators where not deleted and validator_id > $1
         order by validator_id limit $2",
    )
    .bind(after.unwrap_or(Uuid::nil()))
    .bind(i64::from(limit) + 1)
    .fetch_all(&mut **tx)
    .await
    .map_err(PgError::from)?;
    Ok(rows.into_iter().map(Validator::from).collect())
}

/// Names of the policies that ask it, however they spell its id.
pub(super) async fn asked_by(tx: &mut TenantTx, id: Uuid) -> Result<Vec<String>, Error> {
    let names = sqlx::query_scalar(
        "select name from policies
         where not deleted and policy_type = 'custom_validator'
           and lower(replace(regexp_replace(
                 coalesce(rule_definition->>'validator_id', rule_definition->>'validatorId'),
                 '^val_', ''), '-', '')) = $1
         order by name limit 20",
    )
    .bind(id.as_simple().to_string())
    .fetch_all(&mut **tx)
    .await;
    Ok(names.map_err(PgError::from)?)
}
