//! Making a service's schema what its code expects.

use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use crate::config::StoreUrl;
use crate::error::PgError;
use crate::pools::options;

const BASE: &str = include_str!("base.sql");

/// Why a schema could not be migrated.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The name cannot be a schema or role.
    #[error("`{0}` is not a schema or role name: lower-case letters, digits and underscores")]
    Name(String),
    /// Roles are made by whoever runs the server, not by a service.
    #[error("role {0} does not exist")]
    NoRole(String),
    /// A migration failed, or one that was applied has changed.
    #[error(transparent)]
    Migration(sqlx::migrate::MigrateError),
    /// The store's trouble.
    #[error(transparent)]
    Store(#[from] PgError),
}

impl From<sqlx::Error> for MigrateError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<sqlx::migrate::MigrateError> for MigrateError {
    /// A store that goes away while it is migrated is the store's trouble: waiting mends it.
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError as Stopped;
        if let Stopped::Execute(error) = error {
            return Self::Store(error.into());
        }
        let Stopped::ExecuteMigration(error, version) = error else {
            return Self::Migration(error);
        };
        match PgError::from(error) {
            PgError::Refused(error) => Self::Migration(Stopped::ExecuteMigration(error, version)),
            store @ (PgError::Conflict { .. } | PgError::Fenced { .. } | PgError::Away(_)) => {
                Self::Store(store)
            }
        }
    }
}

/// Creates the schema if it is missing, its base tables (`events`, `positions`), then runs the
/// service's migrations, recorded in the schema's own `_sqlx_migrations`. Idempotent; safe when
/// several replicas do it at once. The roles `<role>_api` and `<role>_writer` must exist.
///
/// # Errors
/// [`MigrateError`].
pub async fn migrate(
    owner_url: &StoreUrl,
    schema: &str,
    role: &str,
    migrations: &Migrator,
) -> Result<(), MigrateError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    for name in [schema, role] {
        if name.is_empty() || !name.chars().all(plain) {
            return Err(MigrateError::Name(name.to_owned()));
        }
    }
    let mut connection = options(owner_url, schema)?.connect().await?;
    let roles = [format!("{role}_api"), format!("{role}_writer")];
    for role in &roles {
        let found: bool =
            sqlx::query_scalar("select exists (select from pg_roles where rolname = $1)")
                .bind(role)
                .fetch_one(&mut connection)
                .await?;
        if !found {
            return Err(MigrateError::NoRole(role.clone()));
        }
    }
    base(&mut connection, schema, &roles).await?;
    migrations.run_direct(None, &mut connection, false).await?;
    connection.close().await?;
    Ok(())
}

async fn base(
    connection: &mut PgConnection,
    schema: &str,
    [api, writer]: &[String; 2],
) -> Result<(), PgError> {
    let mut tx = connection.begin().await?;
    // `create … if not exists` races with itself on the catalogue, so replicas take turns.
    sqlx::query("select pg_advisory_xact_lock(hashtext($1))")
        .bind(schema)
        .execute(&mut *tx)
        .await?;
    let create = format!(
        "create schema if not exists {schema}; grant usage on schema {schema} to {api}, {writer};"
    );
    let tables = BASE.replace("{api}", api).replace("{writer}", writer);
    sqlx::raw_sql(AssertSqlSafe(create))
        .execute(&mut *tx)
        .await?;
    sqlx::raw_sql(AssertSqlSafe(tables))
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_goes_away_while_it_is_migrated_is_waited_for() {
        let reset = || sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
        for stopped in [
            sqlx::migrate::MigrateError::Execute(reset()),
            sqlx::migrate::MigrateError::ExecuteMigration(reset(), 7),
        ] {
            let MigrateError::Store(error) = MigrateError::from(stopped) else {
                panic!("the store's trouble")
            };
            assert!(error.is_transient());
        }
        let changed = MigrateError::from(sqlx::migrate::MigrateError::VersionMismatch(7));
        assert!(matches!(changed, MigrateError::Migration(_)));
        let wrong = sqlx::migrate::MigrateError::ExecuteMigration(sqlx::Error::RowNotFound, 7);
        assert!(matches!(
            MigrateError::from(wrong),
            MigrateError::Migration(_)
        ));
    }
}
