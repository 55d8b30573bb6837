//! Making a service's store ready at start.

use std::time::Duration;

use sqlx::migrate::Migrator;

use crate::config::PgConfig;
use crate::error::PgError;
use crate::migrate::{MigrateError, migrate};
use crate::pools::Pools;
use crate::roles::{UnsafeRole, check_role};

const RETRY: Duration = Duration::from_millis(500);

/// Why a store cannot be served from.
#[derive(Debug, thiserror::Error)]
pub enum Unprepared {
    /// Its schema could not be migrated.
    #[error(transparent)]
    Migration(#[from] MigrateError),
    /// A role is not bound by row policies.
    #[error(transparent)]
    Role(#[from] UnsafeRole),
}

impl Unprepared {
    fn store(&self) -> Option<&PgError> {
        match self {
            Self::Migration(MigrateError::Store(error)) | Self::Role(UnsafeRole::Store(error)) => {
                Some(error)
            }
            Self::Migration(_) | Self::Role(_) => None,
        }
    }
}

/// Migrates when an owner's URL is configured, then checks that row policies bind the schema's
/// roles, which are named after it. Waits for a store that is away.
///
/// # Errors
/// What waiting does not mend.
pub async fn prepare(
    config: &PgConfig,
    pools: &Pools,
    schema: &str,
    migrations: &Migrator,
) -> Result<(), Unprepared> {
    while let Err(error) = attempt(config, pools, schema, migrations).await {
        if !error.store().is_some_and(PgError::is_transient) {
            return Err(error);
        }
        tracing::warn!(%error, "waiting for the store");
        tokio::time::sleep(RETRY).await;
    }
    Ok(())
}

async fn attempt(
    config: &PgConfig,
    pools: &Pools,
    schema: &str,
    migrations: &Migrator,
) -> Result<(), Unprepared> {
    if !config.owner_url.is_empty() {
        migrate(&config.owner_url, schema, schema, migrations).await?;
    }
    Ok(check_role(pools, schema).await?)
}
