//! All SQL about organisations and keys.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use writ_pg::{PgError, TenantTx};

use super::key::Key;
use super::organization::{Limits, Organization, Switches};
use crate::error::{Error, Refusal};
use crate::write::{signed, unsigned};

#[derive(Debug, sqlx::FromRow)]
struct OrganizationRow {
    org_id: Uuid,
    name: String,
    on_plan_limit: String,
    registration_required: bool,
    tiered_governance: bool,
    version_registry: bool,
    prompt_approval: bool,
    credential_required: bool,
    suspended: bool,
    plan: String,
    max_traces_per_month: Option<i64>,
    max_agents: Option<i64>,
    max_policies: Option<i64>,
    max_users: Option<i64>,
    retention_days: Option<i32>,
    version: i64,
    created_at: DateTime<Utc>,
}

impl From<OrganizationRow> for Organization {
    fn from(row: OrganizationRow) -> Self {
        Self {
            id: row.org_id,
            name: row.name,
            on_plan_limit: row.on_plan_limit,
            switches: Switches {
                registration_required: row.registration_required,
                tiered_governance: row.tiered_governance,
                version_registry: row.version_registry,
                prompt_approval: row.prompt_approval,
                credential_required: row.credential_required,
            },
            suspended: row.suspended,
            plan: row.plan,
            limits: Limits {
                agents: row.max_agents.map(unsigned),
                policies: row.max_policies.map(unsigned),
                users: row.max_users.map(unsigned),
                traces: row.max_traces_per_month.map(unsigned),
            },
            retention_days: row.retention_days.and_then(|days| u32::try_from(days).ok()),
            version: unsigned(row.version),
            created_at: row.created_at,
        }
    }
}

#[derive(Debug, sqlx::FromRow)]
struct KeyRow {
    key_id: Uuid,
    name: String,
    prefix: String,
    public_id: String,
    secret_hash: String,
    mac: Vec<u8>,
    role: String,
    person_id: Uuid,
    test: bool,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    leaked: bool,
    cidrs: Vec<String>,
    environments: Vec<String>,
    signature_required: bool,
    version: i64,
    created_at: DateTime<Utc>,
}

impl TryFrom<KeyRow> for Key {
    type Error = Error;

    fn try_from(row: KeyRow) -> Result<Self, Error> {
        let role = row
            .role
            .parse()
            .map_err(|_| Error::Bug(format!("role {}", row.role)))?;
        Ok(Self {
            id: row.key_id,
            name: row.name,
            prefix: row.prefix,
            public_id: row.public_id,
            secret_hash: row.secret_hash,
            mac: row.mac,
            role,
            person: row.person_id,
            test: row.test,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            leaked: row.leaked,
            cidrs: row.cidrs,
            environments: row.environments,
            signature_required: row.signature_required,
            version: unsigned(row.version),
            created_at: row.created_at,
        })
    }
}

/// False when the organisation exists.
pub(super) async fn insert_organization(
    tx: &mut TenantTx,
    organization: &Organization,
) -> Result<bool, PgError> {
    let done = sqlx::query(
        "insert into organizations (org_id, name, suspended, version, created_at)
         values ($1, $2, $3, $4, $5) on conflict (org_id) do nothing",
    )
    .bind(organization.id)
    .bind(&organization.name)
    .bind(organization.suspended)
    .bind(signed(organization.version))
    .bind(organization.created_at)
    .execute(&mut **tx)
    .await?;
    let is_new = done.rows_affected() == 1;
    if is_new {
        update_organization(tx, organization).await?;
    }
    Ok(is_new)
}

/// The organisation of the transaction, its row locked.
pub(super) async fn lock_organization(tx: &mut TenantTx) -> Result<Organization, Error> {
    one_organization(tx, "select * from organizations for update").await
}

/// The organisation of the transaction.
pub(super) async fn organization(tx: &mut TenantTx) -> Result<Organization, Error> {
    one_organization(tx, "select * from organizations").await
}

async fn one_organization(tx: &mut TenantTx, sql: &'static str) -> Result<Organization, Error> {
    let row: Option<OrganizationRow> = sqlx::query_as(sql)
        .fetch_optional(&mut **tx)
        .await
        .map_err(PgError::from)?;
    let row = row.ok_or(Refusal::OrganizationNotFound)?;
    Ok(row.into())
}

pub(super) async fn update_organization(
    tx: &mut TenantTx,
    organization: &Organization,
) -> Result<(), PgError> {
    sqlx::query(
        "update organizations set name = $2, on_plan_limit = $3, registration_required = $4,
           tiered_governance = $5, version_registry = $6, prompt_approval = $7,
           credential_required = $8, plan = $9, max_agents = $10, max_policies = $11,
           max_users = $12, max_traces_per_month = $13, retention_days = $14, version = $15
         where org_id = $1",
    )
    .bind(organization.id)
    .bind(&organization.name)
    .bind(&organization.on_plan_limit)
    .bind(organization.switches.registration_required)
    .bind(organization.switches.tiered_governance)
    .bind(organization.switches.version_registry)
    .bind(organization.switches.prompt_approval)
    .bind(organization.switches.credential_required)
    .bind(&organization.plan)
    .bind(organization.limits.agents.map(signed))
    .bind(organization.limits.policies.map(signed))
    .bind(organization.limits.users.map(signed))
    .bind(organization.limits.traces.map(signed))
    .bind(
        organization
            .retention_days
            .and_then(|days| i32::try_from(days).ok()),
    )
    .bind(signed(organization.version))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Which of these are nobody here.
pub(super) async fn strangers(tx: &mut TenantTx, ids: &[Uuid]) -> Result<Vec<Uuid>, PgError> {
    let strangers = sqlx::query_scalar(
        "select id from unnest($1::uuid[]) as asked(id)
         where not exists (select from members where person_id = asked.id and removed_at is null)",
    )
    .bind(ids)
    .fetch_all(&mut **tx)
    .await?;
    Ok(strangers)
}

pub(super) async fn insert_key(tx: &mut TenantTx, key: &Key) -> Result<(), PgError> {
    let org = tx.org();
    sqlx::query(
        "insert into keys (org_id, key_id, name, prefix, public_id, secret_hash, mac, role,
           person_id, test, expires_at, cidrs, environments, signature_required, version,
           created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(org)
    .bind(key.id)
    .bind(&key.name)
    .bind(&key.prefix)
    .bind(&key.public_id)
    .bind(&key.secret_hash)
    .bind(&key.mac)
    .bind(key.role.as_str())
    .bind(key.person)
    .bind(key.test)
    .bind(key.expires_at)
    .bind(&key.cidrs)
    .bind(&key.environments)
    .bind(key.signature_required)
    .bind(signed(key.version))
    .bind(key.created_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn update_key(tx: &mut TenantTx, key: &Key) -> Result<(), PgError> {
    sqlx::query(
        "update keys set revoked_at = $2, version = $3, leaked = $4, name = $5, cidrs = $6,
           signature_required = $7
         where key_id = $1",
    )
    .bind(key.id)
    .bind(key.revoked_at)
    .bind(signed(key.version))
    .bind(key.leaked)
    .bind(&key.name)
    .bind(&key.cidrs)
    .bind(key.signature_required)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn has_key(tx: &mut TenantTx, id: Uuid) -> Result<bool, PgError> {
    Ok(
        sqlx::query_scalar("select exists (select from keys where key_id = $1)")
            .bind(id)
            .fetch_one(&mut **tx)
            .await?,
    )
}

pub(super) async fn key(tx: &mut TenantTx, id: Uuid) -> Result<Key, Error> {
    one_key(tx, id, "select * from keys where key_id = $1").await
}

pub(super) async fn lock_key(tx: &mut TenantTx, id: Uuid) -> Result<Key, Error> {
    one_key(tx, id, "select * from keys where key_id = $1 for update").await
}

async fn one_key(tx: &mut TenantTx, id: Uuid, query: &'static str) -> Result<Key, Error> {
    let row: Option<KeyRow> = sqlx::query_as(query)
        .bind(id)
        .fetch_optional(&mut **tx)
        .await
        .map_err(PgError::from)?;
    row.ok_or(Refusal::KeyNotFound)?.try_into()
}

/// The keys of a person that are not revoked, locked.
pub(super) async fn lock_keys_of(tx: &mut TenantTx, person: Uuid) -> Result<Vec<Key>, Error> {
    let rows: Vec<KeyRow> = sqlx::query_as(
        "select * from keys where person_id = $1 and revoked_at is null order by key_id for update",
    )
    .bind(person)
    .fetch_all(&mut **tx)
    .await
    .map_err(PgError::from)?;
    rows.into_iter().map(Key::try_from).collect()
}

pub(super) async fn keys(
    tx: &mut TenantTx,
    after: Option<Uuid>,
    limit: u32,
) -> Result<(Vec<Key>, Option<Uuid>), Error> {
    let mut rows: Vec<KeyRow> =
        sqlx::query_as("select * from keys where key_id > $1 order by key_id limit $2")
            .bind(after.unwrap_or(Uuid::nil()))
            .bind(i64::from(limit) + 1)
            .fetch_all(&mut **tx)
            .await
            .map_err(PgError::from)?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|row| row.key_id);
    let keys = rows
        .into_iter()
        .map(Key::try_from)
        .collect::<Result<_, _>>()?;
    Ok((keys, next))
}
