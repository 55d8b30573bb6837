//! A service refuses to start as a role that row policies do not bind.

use sqlx::Row;

use crate::error::PgError;
use crate::pools::Pools;

/// What makes the store unsafe to serve from.
#[derive(Debug, thiserror::Error)]
pub enum UnsafeRole {
    /// The role is a superuser.
    #[error("role {0} is a superuser: row policies do not bind it")]
    Superuser(String),
    /// The role has BYPASSRLS.
    #[error("role {0} has BYPASSRLS: row policies do not bind it")]
    BypassRls(String),
    /// The role owns, or may become the owner of, a table.
    #[error("role {role} owns table {table}: it could switch its row policies off")]
    Owner {
        /// The role.
        role: String,
        /// One of its tables.
        table: String,
    },
    /// A table with an organisation column has no forced row policies.
    #[error("table {0} has an org_id but no forced row policies")]
    Unprotected(String),
    /// The check itself failed.
    #[error(transparent)]
    Store(#[from] PgError),
}

/// Checks both roles of a service and that every table with an `org_id` in the schema forces its
/// row policies.
///
/// # Errors
/// The first thing found unsafe, or the store's trouble.
pub async fn check_role(pools: &Pools, schema: &str) -> Result<(), UnsafeRole> {
    let mut api = pools.api.begin_outside().await?;
    check_one(&mut api, schema).await?;
    let mut writer = pools.writer.begin().await?;
    check_one(&mut writer, schema).await?;
    let unprotected: Option<String> = sqlx::query_scalar(
        "select c.relname from pg_class c
         join pg_namespace n on n.oid = c.relnamespace
         join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
         where n.nspname = $1 and c.relkind in ('r', 'p')
           and not (c.relrowsecurity and c.relforcerowsecurity)
         limit 1",
    )
    .bind(schema)
    .fetch_optional(&mut *writer)
    .await
    .map_err(PgError::from)?;
    match unprotected {
        Some(table) => Err(UnsafeRole::Unprotected(table)),
        None => Ok(()),
    }
}

async fn check_one(connection: &mut sqlx::PgConnection, schema: &str) -> Result<(), UnsafeRole> {
    let row = sqlx::query(
        "select r.rolname, r.rolsuper, r.rolbypassrls,
           (select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = $1 and c.relkind in ('r', 'p')
              and pg_has_role(current_user, c.relowner, 'MEMBER') limit 1) as owned
         from pg_roles r where r.rolname = current_user",
    )
    .bind(schema)
    .fetch_one(connection)
    .await
    .map_err(PgError::from)?;
    let role: String = row.try_get(0).map_err(PgError::from)?;
    if row.try_get(1).map_err(PgError::from)? {
        return Err(UnsafeRole::Superuser(role));
    }
    if row.try_get(2).map_err(PgError::from)? {
        return Err(UnsafeRole::BypassRls(role));
    }
    match row.try_get::<Option<String>, _>(3).map_err(PgError::from)? {
        Some(table) => Err(UnsafeRole::Owner { role, table }),
        None => Ok(()),
    }
}
