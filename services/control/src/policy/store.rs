//! All SQL about policies.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;
use writ_pg::{PgError, TenantTx};
use writ_policy::Selectors;

use super::chain::Link;
use super::domain::Policy;
use super::exception::Exception;
use crate::error::{Error, Refusal};
use crate::write::{signed, unsigned};

/// Some policies and where the next ones begin.
#[derive(Debug)]
pub struct Page {
    /// In order of their ids.
    pub policies: Vec<Policy>,
    /// Id of the last one, when there are more.
    pub next: Option<Uuid>,
}

/// What a policy said once.
#[derive(Debug, sqlx::FromRow)]
pub struct Version {
    /// From 1.
    pub version: i64,
    /// The policy, as it was.
    pub policy: Json<Value>,
    /// Who wrote it.
    pub actor: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    policy_id: Uuid,
    name: String,
    description: Option<String>,
    policy_type: String,
    enforcement_mode: String,
    rule_definition: Json<Value>,
    applies_to_agents: Vec<Uuid>,
    is_active: bool,
    evaluation_order: i32,
    severity: String,
    on_error: Option<String>,
    selectors: Json<Selectors>,
    prerequisites: Vec<Uuid>,
    chain_trigger: String,
    metadata: Option<Json<Value>>,
    exceptions: Json<Vec<Exception>>,
    deleted: bool,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Policy {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let unreadable = |word: writ_policy::model::UnknownWord| {
            Error::Bug(format!("policy {}: {word}", row.policy_id))
        };
        Ok(Self {
            id: row.policy_id,
            name: row.name,
            description: row.description,
            policy_type: row.policy_type.parse().map_err(unreadable)?,
            mode: row.enforcement_mode.parse().map_err(unreadable)?,
            rule_definition: row.rule_definition.0,
            applies_to_agents: row.applies_to_agents,
            is_active: row.is_active,
            evaluation_order: u32::try_from(row.evaluation_order).unwrap_or_default(),
            severity: row.severity.parse().map_err(unreadable)?,
            on_error: row
                .on_error
                .map(|word| word.parse())
                .transpose()
                .map_err(unreadable)?,
            selectors: row.selectors.0,
            prerequisites: row.prerequisites,
            chain_trigger: row.chain_trigger.parse().map_err(unreadable)?,
            exceptions: row.exceptions.0,
            metadata: row.metadata.map(|metadata| metadata.0),
            is_deleted: row.deleted,
            version: unsigned(row.version),
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

pub(super) async fn insert(tx: &mut TenantTx, policy: &Policy) -> Result<(), PgError> {
    let org = tx.org();
    sqlx::query(
        "insert into policies (org_id, policy_id, name, description, policy_type, enforcement_mode,
           rule_definition, applies_to_agents, is_active, evaluation_order, severity, on_error,
           deleted, version, created_at, updated_at, selectors, prerequisites, chain_trigger,
           metadata)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
           $19, $20)",
    )
    .bind(org)
    .bind(policy.id)
    .bind(&policy.name)
    .bind(&policy.description)
    .bind(policy.policy_type.as_str())
    .bind(policy.mode.as_str())
    .bind(Json(&policy.rule_definition))
    .bind(&policy.applies_to_agents)
    .bind(policy.is_active)
    .bind(i32::try_from(policy.evaluation_order).unwrap_or(i32::MAX))
    .bind(policy.severity.as_str())
    .bind(policy.on_error.map(|on| on.as_str()))
    .bind(policy.is_deleted)
    .bind(signed(policy.version))
    .bind(policy.created_at)
    .bind(policy.updated_at)
    .bind(Json(&policy.selectors))
    .bind(&policy.prerequisites)
    .bind(policy.chain_trigger.as_str())
    .bind(policy.metadata.as_ref().map(Json))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn update(tx: &mut TenantTx, policy: &Policy) -> Result<(), PgError> {
    sqlx::query(
        "update policies set name = $2, description = $3, policy_type = $4, enforcement_mode = $5,
           rule_definition = $6, applies_to_agents = $7, is_active = $8, evaluation_order = $9,
           severity = $10, on_error = $11, deleted = $12, version = $13, updated_at = $14,
           selectors = $15, prerequisites = $16, chain_trigger = $17, metadata = $18,
           exceptions = $19
         where policy_id = $1",
    )
    .bind(policy.id)
    .bind(&policy.name)
    .bind(&policy.description)
    .bind(policy.policy_type.as_str())
    .bind(policy.mode.as_str())
    .bind(Json(&policy.rule_definition))
    .bind(&policy.applies_to_agents)
    .bind(policy.is_active)
    .bind(i32::try_from(policy.evaluation_order).unwrap_or(i32::MAX))
    .bind(policy.severity.as_str())
    .bind(policy.on_error.map(|on| on.as_str()))
    .bind(policy.is_deleted)
    .bind(signed(policy.version))
    .bind(policy.updated_at)
    .bind(Json(&policy.selectors))
    .bind(&policy.prerequisites)
    .bind(policy.chain_trigger.as_str())
    .bind(policy.metadata.as_ref().map(Json))
    .bind(Json(&policy.exceptions))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps what this version says.
pub(super) async fn remember(
    tx: &mut TenantTx,
    policy: &Policy,
    actor: &str,
) -> Result<(), PgError> {
    let org = tx.org();
    sqlx::query("insert into policy_versions values ($1, $2, $3, $4, $5, $6)")
        .bind(org)
        .bind(policy.id)
        .bind(signed(policy.version))
        .bind(Json(policy.said()))
        .bind(actor)
        .bind(policy.updated_at)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// One writer of an organisation's chains at a time from here to the end of the transaction: two
/// that each add half a circle must see each other. Comes before any row is locked.
pub(super) async fn chains_alone(tx: &mut TenantTx) -> Result<(), PgError> {
    sqlx::query("select pg_advisory_xact_lock(hashtext('control.policy_chains'), hashtext($1))")
        .bind(tx.org().to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The policies of these ids and all that wait for others.
pub(super) async fn links(tx: &mut TenantTx, ids: &[Uuid]) -> Result<Vec<Link>, PgError> {
    let links = sqlx::query_as(
        "select policy_id, name, prerequisites from policies
         where not deleted and (policy_id = any($1) or prerequisites <> '{}')",
    )
    .bind(ids)
    .fetch_all(&mut **tx)
    .await?;
    Ok(links)
}

/// The names of the policies that wait for this one, at most ten.
pub(super) async fn waiting_for(tx: &mut TenantTx, id: Uuid) -> Result<Vec<String>, PgError> {
    let names = sqlx::query_scalar(
        "select name from policies where not deleted and $1 = any(prerequisites)
         order by name, policy_id limit 10",
    )
    .bind(id)
    .fetch_all(&mut **tx)
    .await?;
    Ok(names)
}

/// How many policies are not deleted.
pub(super) async fn count(tx: &mut TenantTx) -> Result<u64, PgError> {
    let count = sqlx::query_scalar("select count(*) from policies where not deleted")
        .fetch_one(&mut **tx)
        .await?;
    Ok(unsigned(count))
}

pub(super) async fn lock(tx: &mut TenantTx, id: Uuid) -> Result<Policy, Error> {
    one(
        tx,
        "select * from policies where policy_id = $1 and not deleted for update",
        id,
    )
    .await
}

pub(super) async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Policy, Error> {
    one(
        tx,
        "select * from policies where policy_id = $1 and not deleted",
        id,
    )
    .await
}

/// The policy as it is now, even when it was deleted.
pub(super) async fn ever(tx: &mut TenantTx, id: Uuid) -> Result<Policy, Error> {
    one(tx, "select * from policies where policy_id = $1", id).await
}

async fn one(tx: &mut TenantTx, sql: &'static str, id: Uuid) -> Result<Policy, Error> {
    let row: Option<Row> = sqlx::query_as(sql)
        .bind(id)
        .fetch_optional(&mut **tx)
        .await
        .map_err(PgError::from)?;
    row.ok_or(Refusal::PolicyNotFound)?.try_into()
}

pub(super) async fn list(
    tx: &mut TenantTx,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Page, Error> {
    let mut rows: Vec<Row> = sqlx::query_as(
        "select * from policies where not deleted and policy_id > $1 order by policy_id limit $2",
    )
    .bind(after.unwrap_or(Uuid::nil()))
    .bind(i64::from(limit) + 1)
    .fetch_all(&mut **tx)
    .await
    .map_err(PgError::from)?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|row| row.policy_id);
    let policies = rows
        .into_iter()
        .map(Policy::try_from)
        .collect::<Result<_, _>>()?;
    Ok(Page { policies, next })
}

/// The newest first, below `before`.
pub(super) async fn versions(
    tx: &mut TenantTx,
    id: Uuid,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<Version>, Error> {
    let found: Vec<Version> = sqlx::query_as(
        "select version, policy, actor, created_at from policy_versions
         where policy_id = $1 and version < $2 order by version desc limit $3",
    )
    .bind(id)
    .bind(before.map_or(i64::MAX, signed))
    .bind(i64::from(limit))
    .fetch_all(&mut **tx)
    .await
    .map_err(PgError::from)?;
    if found.is_empty() && before.is_none() {
        Err(Refusal::PolicyNotFound.into())
    } else {
        Ok(found)
    }
}

/// What one version said.
pub(super) async fn version(tx: &mut TenantTx, id: Uuid, version: u64) -> Result<Value, Error> {
    let sql = "select policy from policy_versions where policy_id = $1 and version = $2";
    let found: Option<Json<Value>> = sqlx::query_scalar(sql)
        .bind(id)
        .bind(signed(version))
        .fetch_optional(&mut **tx)
        .await
        .map_err(PgError::from)?;
    let missing = || Refusal::field("version", "the policy has no such version");
    Ok(found.ok_or_else(missing)?.0)
}
