//! All SQL about delegations.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::types::Json;
use uuid::Uuid;
use writ_access::delegation::Step;
use writ_pg::{PgError, TenantTx};

use super::Delegation;
use crate::error::{Error, Refusal};
use crate::write::{signed, unsigned};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    delegation_id: Uuid,
    agent_id: Uuid,
    to_agent_id: Uuid,
    chain: Json<Vec<Step>>,
    scopes: Vec<String>,
    expires_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
    version: i64,
    created_at: DateTime<Utc>,
}

impl From<Row> for Delegation {
    fn from(row: Row) -> Self {
        Self {
            id: row.delegation_id,
            agent: row.agent_id,
            to: row.to_agent_id,
            chain: row.chain.0,
            scopes: row.scopes,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            version: unsigned(row.version),
            created_at: row.created_at,
        }
    }
}

pub(super) async fn insert(tx: &mut TenantTx, made: &Delegation) -> Result<(), PgError> {
    let org = tx.org();
    sqlx::query(
        "insert into delegations (org_id, delegation_id, agent_id, to_agent_id, chain, scopes,
           expires_at, version, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(org)
    .bind(made.id)
    .bind(made.agent)
    .bind(made.to)
    .bind(Json(&made.chain))
    .bind(&made.scopes)
    .bind(made.expires_at)
    .bind(signed(made.version))
    .bind(made.created_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn update(tx: &mut TenantTx, made: &Delegation) -> Result<(), PgError> {
    sqlx::query("update delegations set revoked_at = $2, version = $3 where delegation_id = $1")
        .bind(made.id)
        .bind(made.revoked_at)
        .bind(signed(made.version))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Delegation, Error> {
    one(tx, "select * from delegations where delegation_id = $1", id).await
}

pub(super) async fn lock(tx: &mut TenantTx, id: Uuid) -> Result<Delegation, Error> {
    let sql = "select * from delegations where delegation_id = $1 for update";
    one(tx, sql, id).await
}

async fn one(tx: &mut TenantTx, sql: &'static str, id: Uuid) -> Result<Delegation, Error> {
    let row: Option<Row> = sqlx::query_as(sql)
        .bind(id)
        .fetch_optional(&mut **tx)
        .await
        .map_err(PgError::from)?;
    Ok(row.ok_or(Refusal::DelegationNotFound)?.into())
}

/// In order of their ids, one more than `limit` when there are more.
pub(super) async fn list(
    tx: &mut TenantTx,
    agent: Uuid,
    now: DateTime<Utc>,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Delegation>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select * from delegations where (agent_id = $1 or to_agent_id = $1)
           and revoked_at is null and expires_at > $2 and delegation_id > $3
         order by delegation_id limit $4",
    )
    .bind(agent)
    .bind(now)
    .bind(after.unwrap_or(Uuid::nil()))
    .bind(i64::from(limit) + 1)
    .fetch_all(&mut **tx)
    .await
    .map_err(PgError::from)?;
    Ok(rows.into_iter().map(Delegation::from).collect())
}

/// The delegation itself and all that were made from it, unless they are revoked.
pub(super) async fn lock_under(tx: &mut TenantTx, id: Uuid) -> Result<Vec<Delegation>, Error> {
    let sql = "select * from delegations where (chain @> $1 or delegation_id = $2)
               and revoked_at is null order by delegation_id for update";
    containing(tx, sql, json!([{ "id": id }]), id).await
}

/// Those an agent has made, those made from them, and those it was given.
pub(super) async fn lock_all_of(tx: &mut TenantTx, agent: Uuid) -> Result<Vec<Delegation>, Error> {
    let sql = "select * from delegations where (chain @> $1 or to_agent_id = $2)
               and revoked_at is null order by delegation_id for update";
    containing(tx, sql, json!([{ "agent": agent }]), agent).await
}

async fn containing(
    tx: &mut TenantTx,
    sql: &'static str,
    step: serde_json::Value,
    id: Uuid,
) -> Result<Vec<Delegation>, Error> {
    let rows: Vec<Row> = sqlx::query_as(sql)
        .bind(Json(step))
        .bind(id)
        .fetch_all(&mut **tx)
        .await
        .map_err(PgError::from)?;
    Ok(rows.into_iter().map(Delegation::from).collect())
}
