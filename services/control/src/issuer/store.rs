//! All SQL about issuers.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;
use writ_access::Role;
use writ_access::issuer::EmailTrust;
use writ_pg::{PgError, TenantTx, WriterTx};

use super::domain::{Issuer, Key, Terms};
use crate::error::{Error, Refusal};
use crate::write::{signed, unsigned};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    issuer_id: Uuid,
    name: String,
    issuer: String,
    audiences: Vec<String>,
    authorized_parties: Vec<String>,
    algorithms: Vec<String>,
    email: String,
    roles_claim: String,
    scopes_claim: String,
    member_roles: Json<BTreeMap<String, Role>>,
    keys: Json<Vec<Key>>,
    keys_read_at: DateTime<Utc>,
    keys_until: DateTime<Utc>,
    deleted: bool,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Issuer {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let odd = |what: &str| Error::Bug(format!("issuer {}: {what}", row.issuer_id));
        let algorithms = row.algorithms.iter().map(|word| word.parse());
        Ok(Self {
            terms: Terms {
                algorithms: algorithms
                    .collect::<Result<_, _>>()
                    .map_err(|_| odd("algorithms"))?,
                email: EmailTrust::read(&row.email).ok_or_else(|| odd("email"))?,
                audiences: row.audiences,
                authorized_parties: row.authorized_parties,
                roles_claim: row.roles_claim,
                scopes_claim: row.scopes_claim,
                member_roles: row.member_roles.0,
            },
            id: row.issuer_id,
            name: row.name,
            issuer: row.issuer,
            keys: row.keys.0,
            keys_read_at: row.keys_read_at,
            keys_until: row.keys_until,
            deleted: row.deleted,
            version: unsigned(row.version),
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Writes an issuer, new or changed.
pub(super) async fn save(tx: &mut TenantTx, issuer: &Issuer) -> Result<(), PgError> {
    let org = tx.org();
    let terms = &issuer.terms;
    let algorithms = terms.algorithms.iter().map(|one| one.as_str().to_owned());
    sqlx::query(
        "insert into issuers (org_id, issuer_id, name, issuer, audiences, authorized_parties,
           algorithms, email, roles_claim, scopes_claim, member_roles, keys, keys_read_at,
           keys_until, deleted, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
         on conflict (org_id, issuer_id) do update set name = excluded.name,
           audiences = excluded.audiences, authorized_parties = excluded.authorized_parties,
           algorithms = excluded.algorithms, email = excluded.email,
           roles_claim = excluded.roles_claim, scopes_claim = excluded.scopes_claim,
           member_roles = excluded.member_roles, keys = excluded.keys,
           keys_read_at = excluded.keys_read_at, keys_until = excluded.keys_until,
           deleted = excluded.deleted, version = excluded.version, updated_at = excluded.updated_at",
    )
    .bind(org)
    .bind(issuer.id)
    .bind(&issuer.name)
    .bind(&issuer.issuer)
    .bind(&terms.audiences)
    .bind(&terms.authorized_parties)
    .bind(algorithms.collect::<Vec<_>>())
    .bind(terms.email.as_str())
    .bind(&terms.roles_claim)
    .bind(&terms.scopes_claim)
    .bind(Json(&terms.member_roles))
    .bind(Json(&issuer.keys))
    .bind(issuer.keys_read_at)
    .bind(issuer.keys_until)
    .bind(issuer.deleted)
    .bind(signed(issuer.version))
    .bind(issuer.created_at)
    .bind(issuer.updated_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether the organisation has this one already; writes of the same `iss` go one after the other.
pub(super) async fn is_there(tx: &mut TenantTx, issuer: &str) -> Result<bool, PgError> {
    sqlx::query("select pg_advisory_xact_lock(hashtext('control.issuers'), hashtext($1))")
        .bind(format!("{}{issuer}", tx.org()))
        .execute(&mut **tx)
        .await?;
    Ok(
        sqlx::query_scalar("select exists (select from issuers where issuer = $1 and not deleted)")
            .bind(issuer)
            .fetch_one(&mut **tx)
            .await?,
    )
}

pub(super) async fn lock(tx: &mut TenantTx, id: Uuid) -> Result<Issuer, Error> {
    one(tx, "issuer_id = $1 and not deleted for update", id).await
}

pub(super) async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Issuer, Error> {
    one(tx, "issuer_id = $1 and not deleted", id).await
}

/// The issuer as it is now, even when it was deleted.
pub(super) async fn ever(tx: &mut TenantTx, id: Uuid) -> Result<Issuer, Error> {
    one(tx, "issuer_id = $1", id).await
}

async fn one(tx: &mut TenantTx, by: &str, id: Uuid) -> Result<Issuer, Error> {
    let sql = format!("select * from issuers where {by}");
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(&mut **tx)
        .await
        .map_err(PgError::from)?;
    row.ok_or(Refusal::IssuerNotFound)?.try_into()
}

/// In order of their ids, one more than `limit` when there are more.
pub(super) async fn list(
    tx: &mut TenantTx,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Issuer>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select * from issuers where not deleted and issuer_id > $1 order by issuer_id limit $2",
    )
    .bind(after.unwrap_or(Uuid::nil()))
    .bind(i64::from(limit) + 1)
    .fetch_all(&mut **tx)
    .await
    .map_err(PgError::from)?;
    rows.into_iter().map(Issuer::try_from).collect()
}

/// Takes on the issuers of all organisations that were asked before `before`: no other replica asks
/// them now.
pub(super) async fn take_due(
    tx: &mut WriterTx,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<(Uuid, Uuid)>, PgError> {
    Ok(sqlx::query_as(
        "update issuers set keys_read_at = $2 where (org_id, issuer_id) in
           (select org_id, issuer_id from issuers where not deleted and keys_read_at < $1
            order by keys_read_at limit 100 for update skip locked)
         returning org_id, issuer_id",
    )
    .bind(before)
    .bind(now)
    .fetch_all(&mut **tx)
    .await?)
}
