//! All SQL about signing keys.

use chrono::{DateTime, Utc};
use writ_pg::{PgError, TenantTx};
use writ_seal::Sealed;

use super::Stored;
use crate::error::Error;
use crate::write::{signed, unsigned};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    kid: String,
    algorithm: String,
    jwk: String,
    key_id: String,
    nonce: Vec<u8>,
    sealed: Vec<u8>,
    made_at: DateTime<Utc>,
    believed_until: Option<DateTime<Utc>>,
    version: i64,
}

/// No other replica looks for a key to make until the transaction ends.
pub(super) async fn alone(tx: &mut TenantTx) -> Result<(), PgError> {
    sqlx::query("select pg_advisory_xact_lock(hashtext('writ control signing keys'))")
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Those nothing has taken the place of, the newest first.
pub(super) async fn in_use(tx: &mut TenantTx) -> Result<Vec<Stored>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select * from signing_keys where believed_until is null order by made_at desc, kid",
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(PgError::from)?;
    rows.into_iter().map(Stored::try_from).collect()
}

impl TryFrom<Row> for Stored {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let nonce = row.nonce.try_into();
        let nonce = nonce.map_err(|_| Error::Bug("a nonce of another length".to_owned()))?;
        Ok(Self {
            kid: row.kid,
            algorithm: row.algorithm,
            jwk: row.jwk,
            sealed: Sealed {
                key_id: row.key_id,
                nonce,
                bytes: row.sealed,
            },
            made_at: row.made_at,
            believed_until: row.believed_until,
            version: unsigned(row.version),
        })
    }
}

pub(super) async fn insert(tx: &mut TenantTx, key: &Stored) -> Result<(), PgError> {
    let org = tx.org();
    sqlx::query(
        "insert into signing_keys (org_id, kid, algorithm, jwk, key_id, nonce, sealed, made_at,
           version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(org)
    .bind(&key.kid)
    .bind(&key.algorithm)
    .bind(&key.jwk)
    .bind(&key.sealed.key_id)
    .bind(&key.sealed.nonce[..])
    .bind(&key.sealed.bytes)
    .bind(key.made_at)
    .bind(signed(key.version))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn supersede(tx: &mut TenantTx, key: &Stored) -> Result<(), PgError> {
    sqlx::query("update signing_keys set believed_until = $2, version = $3 where kid = $1")
        .bind(&key.kid)
        .bind(key.believed_until)
        .bind(signed(key.version))
        .execute(&mut **tx)
        .await?;
    Ok(())
}
