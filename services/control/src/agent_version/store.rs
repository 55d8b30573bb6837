//! All SQL about versions of agents.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;
use writ_pg::{PgError, TenantTx};

use super::{AgentVersion, Head};
use crate::error::{Error, Refusal};
use crate::write::{signed, unsigned};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    number: i32,
    label: Option<String>,
    notes: Option<String>,
    metadata: Json<Value>,
    snapshot: Json<Value>,
    is_active: bool,
    actor: String,
    created_at: DateTime<Utc>,
}

impl From<Row> for AgentVersion {
    fn from(row: Row) -> Self {
        Self {
            number: number(row.number),
            label: row.label,
            notes: row.notes,
            metadata: row.metadata.0,
            snapshot: row.snapshot.0,
            is_active: row.is_active,
            actor: row.actor,
            created_at: row.created_at,
        }
    }
}

const SELECT: &str = "select v.*, coalesce(h.active = v.number, false) as is_active
    from agent_versions v left join agent_version_heads h using (org_id, agent_id)
    where v.agent_id = $1 and v.number";

fn number(stored: i32) -> u32 {
    u32::try_from(stored).unwrap_or_default()
}

fn stored(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// The agent's head, made when there is none yet, locked until the transaction ends.
pub(super) async fn lock(tx: &mut TenantTx, agent: Uuid) -> Result<Head, PgError> {
    let org = tx.org();
    sqlx::query(
        "insert into agent_version_heads (org_id, agent_id, latest, version) values ($1, $2, 0, 0)
         on conflict do nothing",
    )
    .bind(org)
    .bind(agent)
    .execute(&mut **tx)
    .await?;
    let (latest, active, version): (i32, Option<i32>, i64) = sqlx::query_as(
        "select latest, active, version from agent_version_heads where agent_id = $1 for update",
    )
    .bind(agent)
    .fetch_one(&mut **tx)
    .await?;
    Ok(Head {
        latest: number(latest),
        active: active.map(number),
        version: unsigned(version),
    })
}

pub(super) async fn update(tx: &mut TenantTx, agent: Uuid, head: Head) -> Result<(), PgError> {
    sqlx::query(
        "update agent_version_heads set latest = $2, active = $3, version = $4 where agent_id = $1",
    )
    .bind(agent)
    .bind(stored(head.latest))
    .bind(head.active.map(stored))
    .bind(signed(head.version))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn insert(
    tx: &mut TenantTx,
    agent: Uuid,
    made: &AgentVersion,
) -> Result<(), PgError> {
    let org = tx.org();
    sqlx::query("insert into agent_versions values ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind(org)
        .bind(agent)
        .bind(stored(made.number))
        .bind(&made.label)
        .bind(&made.notes)
        .bind(Json(&made.metadata))
        .bind(Json(&made.snapshot))
        .bind(&made.actor)
        .bind(made.created_at)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn find(
    tx: &mut TenantTx,
    agent: Uuid,
    number: u32,
) -> Result<AgentVersion, Error> {
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} = $2")))
        .bind(agent)
        .bind(stored(number))
        .fetch_optional(&mut **tx)
        .await
        .map_err(PgError::from)?;
    Ok(row.ok_or(Refusal::AgentVersionNotFound)?.into())
}

pub(super) async fn list(
    tx: &mut TenantTx,
    agent: Uuid,
    before: Option<u32>,
    limit: u32,
) -> Result<Vec<AgentVersion>, PgError> {
    let sql = format!("{SELECT} < $2 order by v.number desc limit $3");
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(agent)
        .bind(before.map_or(i32::MAX, stored))
        .bind(i64::from(limit))
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows.into_iter().map(AgentVersion::from).collect())
}
