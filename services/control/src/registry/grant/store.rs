//! All SQL about grants.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use writ_pg::{PgError, TenantTx};

use super::Grant;
use crate::error::{Error, Refusal};
use crate::write::{signed, unsigned};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    grant_id: Uuid,
    agent_id: Uuid,
    target_agent_id: Uuid,
    allowed_actions: Vec<String>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    version: i64,
    created_at: DateTime<Utc>,
}

impl From<Row> for Grant {
    fn from(row: Row) -> Self {
        Self {
            id: row.grant_id,
            agent: row.agent_id,
            target: row.target_agent_id,
            allowed_actions: row.allowed_actions,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            version: unsigned(row.version),
            created_at: row.created_at,
        }
    }
}

pub(super) async fn insert(tx: &mut TenantTx, grant: &Grant) -> Result<(), PgError> {
    let org = tx.org();
    sqlx::query(
        "insert into grants (org_id, grant_id, agent_id, target_agent_id, allowed_actions,
           expires_at, version, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(org)
    .bind(grant.id)
    .bind(grant.agent)
    .bind(grant.target)
    .bind(&grant.allowed_actions)
    .bind(grant.expires_at)
    .bind(signed(grant.version))
    .bind(grant.created_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn update(tx: &mut TenantTx, grant: &Grant) -> Result<(), PgError> {
    sqlx::query("update grants set revoked_at = $2, version = $3 where grant_id = $1")
        .bind(grant.id)
        .bind(grant.revoked_at)
        .bind(signed(grant.version))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn find(tx: &mut TenantTx, agent: Uuid, id: Uuid) -> Result<Grant, Error> {
    let sql = "select * from grants where agent_id = $1 and grant_id = $2";
    one(tx, sql, agent, id).await
}

pub(super) async fn lock(tx: &mut TenantTx, agent: Uuid, id: Uuid) -> Result<Grant, Error> {
    let sql = "select * from grants where agent_id = $1 and grant_id = $2 for update";
    one(tx, sql, agent, id).await
}

async fn one(tx: &mut TenantTx, sql: &'static str, agent: Uuid, id: Uuid) -> Result<Grant, Error> {
    let row: Option<Row> = sqlx::query_as(sql)
        .bind(agent)
        .bind(id)
        .fetch_optional(&mut **tx)
        .await
        .map_err(PgError::from)?;
    Ok(row.ok_or(Refusal::GrantNotFound)?.into())
}

/// In order of their ids, one more than `limit` when there are more.
pub(super) async fn list(
    tx: &mut TenantTx,
    agent: Uuid,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Grant>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select * from grants where agent_id = $1 and revoked_at is null and grant_id > $2
         order by grant_id limit $3",
    )
    .bind(agent)
    .bind(after.unwrap_or(Uuid::nil()))
    .bind(i64::from(limit) + 1)
    .fetch_all(&mut **tx)
    .await
    .map_err(PgError::from)?;
    Ok(rows.into_iter().map(Grant::from).collect())
}

/// Those an agent has and those others have over it, unless they are revoked.
pub(super) async fn lock_all_of(tx: &mut TenantTx, agent: Uuid) -> Result<Vec<Grant>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select * from grants where (agent_id = $1 or target_agent_id = $1)
           and revoked_at is null order by grant_id for update",
    )
    .bind(agent)
    .fetch_all(&mut **tx)
    .await
    .map_err(PgError::from)?;
    Ok(rows.into_iter().map(Grant::from).collect())
}
