//! All SQL about prompts.

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;
use writ_pg::{PgError, TenantTx, WriterTx};

use super::domain::{Content, Deployment, Pending, Prompt, Status};
use crate::error::{Error, Refusal};
use crate::write::{signed, unsigned};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    prompt_id: Uuid,
    agent_id: Uuid,
    number: i32,
    content: Json<Content>,
    environments: Vec<String>,
    was_in: Vec<String>,
    status: String,
    pending: Option<Json<Pending>>,
    last_deployment: Option<Json<Deployment>>,
    actor: String,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Row> for Prompt {
    fn from(row: Row) -> Self {
        Self {
            id: row.prompt_id,
            agent_id: row.agent_id,
            number: u32::try_from(row.number).unwrap_or_default(),
            content: row.content.0,
            environments: row.environments,
            was_in: row.was_in,
            status: Status::read(&row.status).unwrap_or(Status::NotRequired),
            pending: row.pending.map(|pending| pending.0),
            last: row.last_deployment.map(|last| last.0),
            actor: row.actor,
            version: unsigned(row.version),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// One writer of an agent's prompts at a time from here to the end of the transaction. Comes before
/// any row is locked.
pub(super) async fn alone(tx: &mut TenantTx, agent: Uuid) -> Result<(), PgError> {
    sqlx::query("select pg_advisory_xact_lock(hashtext('control.prompts'), hashtext($1))")
        .bind(agent.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn last_number(tx: &mut TenantTx, agent: Uuid) -> Result<u32, PgError> {
    let sql = "select coalesce(max(number), 0) from prompts where agent_id = $1";
    let last: i32 = sqlx::query_scalar(sql)
        .bind(agent)
        .fetch_one(&mut **tx)
        .await?;
    Ok(u32::try_from(last).unwrap_or_default())
}

pub(super) async fn insert(tx: &mut TenantTx, prompt: &Prompt) -> Result<(), PgError> {
    let org = tx.org();
    sqlx::query(
        "insert into prompts (org_id, prompt_id, agent_id, number, content, environments,
           status, actor, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
    )
    .bind(org)
    .bind(prompt.id)
    .bind(prompt.agent_id)
    .bind(i32::try_from(prompt.number).unwrap_or(i32::MAX))
    .bind(Json(&prompt.content))
    .bind(&prompt.environments)
    .bind(prompt.status.as_str())
    .bind(&prompt.actor)
    .bind(signed(prompt.version))
    .bind(prompt.created_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes everything that can change.
pub(super) async fn update(tx: &mut TenantTx, prompt: &Prompt) -> Result<(), PgError> {
    let pending = prompt.pending.as_ref();
    sqlx::query(
        "update prompts set environments = $2, was_in = $3, status = $4, pending = $5,
           approval_id = $6, version = $7, updated_at = $8, last_deployment = $9
         where prompt_id = $1",
    )
    .bind(prompt.id)
    .bind(&prompt.environments)
    .bind(&prompt.was_in)
    .bind(prompt.status.as_str())
    .bind(pending.map(Json))
    .bind(pending.map(|pending| pending.approval_id.0))
    .bind(signed(prompt.version))
    .bind(prompt.updated_at)
    .bind(prompt.last.as_ref().map(Json))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Prompt, Error> {
    let row: Option<Row> = sqlx::query_as("select * from prompts where prompt_id = $1")
        .bind(id)
        .fetch_optional(&mut **tx)
        .await
        .map_err(PgError::from)?;
    Ok(row.ok_or(Refusal::PromptNotFound)?.into())
}

pub(super) async fn numbered(tx: &mut TenantTx, agent: Uuid, number: u32) -> Result<Prompt, Error> {
    let sql = "select * from prompts where agent_id = $1 and number = $2";
    let row: Option<Row> = sqlx::query_as(sql)
        .bind(agent)
        .bind(i32::try_from(number).unwrap_or(i32::MAX))
        .fetch_optional(&mut **tx)
        .await
        .map_err(PgError::from)?;
    Ok(row.ok_or(Refusal::PromptNotFound)?.into())
}

/// The version that waits for this approval.
pub(super) async fn waiting(tx: &mut TenantTx, approval: Uuid) -> Result<Option<Prompt>, PgError> {
    let row: Option<Row> = sqlx::query_as("select * from prompts where approval_id = $1")
        .bind(approval)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(row.map(Prompt::from))
}

/// The versions of the agent that are deployed in this environment: at most one.
pub(super) async fn deployed(
    tx: &mut TenantTx,
    agent: Uuid,
    environment: &str,
) -> Result<Vec<Prompt>, PgError> {
    let sql = "select * from prompts where agent_id = $1 and $2 = any(environments)";
    let rows: Vec<Row> = sqlx::query_as(sql)
        .bind(agent)
        .bind(environment)
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows.into_iter().map(Prompt::from).collect())
}

/// All of the agent's versions, the newest first.
pub(super) async fn list(
    tx: &mut TenantTx,
    agent: Uuid,
    only_deployed: bool,
) -> Result<Vec<Prompt>, PgError> {
    let rows: Vec<Row> = sqlx::query_as(
        "select * from prompts where agent_id = $1 and (not $2 or environments <> '{}')
         order by number desc",
    )
    .bind(agent)
    .bind(only_deployed)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(Prompt::from).collect())
}

/// What waits for an approval, in every organisation.
pub(super) async fn all_waiting(tx: &mut WriterTx) -> Result<Vec<(Uuid, Uuid)>, PgError> {
    let sql = "select org_id, approval_id from prompts where approval_id is not null";
    Ok(sqlx::query_as(sql).fetch_all(&mut **tx).await?)
}

/// What the application calls the agent.
pub(super) async fn external_id(tx: &mut TenantTx, agent: Uuid) -> Result<String, PgError> {
    let sql = "select external_id from agents where agent_id = $1";
    Ok(sqlx::query_scalar(sql)
        .bind(agent)
        .fetch_one(&mut **tx)
        .await?)
}
