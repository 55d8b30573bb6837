//! All SQL about tool baselines.

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;
use writ_pg::{PgError, TenantTx};

use super::domain::{Baseline, Tool};
use crate::write::{signed, unsigned};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    agent_id: Uuid,
    tools: Json<Vec<Tool>>,
    pinned: bool,
    reason: String,
    actor: String,
    version: i64,
    updated_at: DateTime<Utc>,
}

impl From<Row> for Baseline {
    fn from(row: Row) -> Self {
        Self {
            agent_id: row.agent_id,
            tools: row.tools.0,
            is_pinned: row.pinned,
            reason: row.reason,
            actor: row.actor,
            version: unsigned(row.version),
            updated_at: row.updated_at,
        }
    }
}

/// The agent's row, made as `none` when there is none yet, locked until the transaction ends.
pub(super) async fn lock(tx: &mut TenantTx, none: &Baseline) -> Result<Baseline, PgError> {
    let org = tx.org();
    sqlx::query(
        "insert into tool_baselines (org_id, agent_id, tools, pinned, reason, actor, version,
           updated_at)
         values ($1, $2, '[]', false, '', '', 0, $3) on conflict do nothing",
    )
    .bind(org)
    .bind(none.agent_id)
    .bind(none.updated_at)
    .execute(&mut **tx)
    .await?;
    let row: Row = sqlx::query_as("select * from tool_baselines where agent_id = $1 for update")
        .bind(none.agent_id)
        .fetch_one(&mut **tx)
        .await?;
    Ok(row.into())
}

pub(super) async fn find(tx: &mut TenantTx, agent: Uuid) -> Result<Option<Baseline>, PgError> {
    let row: Option<Row> = sqlx::query_as("select * from tool_baselines where agent_id = $1")
        .bind(agent)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(row.map(Baseline::from))
}

pub(super) async fn update(tx: &mut TenantTx, baseline: &Baseline) -> Result<(), PgError> {
    sqlx::query(
        "update tool_baselines set tools = $2, pinned = $3, reason = $4, actor = $5, version = $6,
           updated_at = $7
         where agent_id = $1",
    )
    .bind(baseline.agent_id)
    .bind(Json(&baseline.tools))
    .bind(baseline.is_pinned)
    .bind(&baseline.reason)
    .bind(&baseline.actor)
    .bind(signed(baseline.version))
    .bind(baseline.updated_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
