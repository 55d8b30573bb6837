//! Making the store ready at start.

use std::time::Duration;

use sqlx::migrate::Migrator;
use writ_pg::{MigrateError, PgConfig, Pools, UnsafeRole, check_role, migrate};
use writ_service_kit::RunError;

use super::SCHEMA;

static MIGRATIONS: Migrator = sqlx::migrate!();

const RETRY: Duration = Duration::from_millis(500);

/// Migrates if this service is to, and checks that row policies bind its roles. Waits for a store
/// that is away.
///
/// # Errors
/// What waiting does not mend.
pub(crate) async fn prepare(config: &PgConfig, pools: &Pools) -> Result<(), RunError> {
    loop {
        let away = match attempt(config, pools).await {
            Ok(()) => return Ok(()),
            Err(Unprepared::Migration(MigrateError::Store(error)))
            | Err(Unprepared::Role(UnsafeRole::Store(error)))
                if error.is_transient() =>
            {
                error
            }
            Err(error) => return Err(error.into()),
        };
        tracing::warn!(error = %away, "waiting for the store");
        tokio::time::sleep(RETRY).await;
    }
}

#[derive(Debug, thiserror::Error)]
enum Unprepared {
    #[error(transparent)]
    Migration(#[from] MigrateError),
    #[error(transparent)]
    Role(#[from] UnsafeRole),
}

async fn attempt(config: &PgConfig, pools: &Pools) -> Result<(), Unprepared> {
    if !config.owner_url.is_empty() {
        migrate(&config.owner_url, SCHEMA, SCHEMA, &MIGRATIONS).await?;
    }
    Ok(check_role(pools, SCHEMA).await?)
}
