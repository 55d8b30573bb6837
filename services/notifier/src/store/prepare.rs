//! The schema, and who leads.

use std::time::Duration;

use sqlx::migrate::Migrator;
use writ_pg::{
    MigrateError, PgConfig, PgError, Pools, UnsafeRole, WriterPool, WriterTx, check_role, migrate,
};
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
            Err(
                Unprepared::Migration(MigrateError::Store(error))
                | Unprepared::Role(UnsafeRole::Store(error)),
            ) if error.is_transient() => error,
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

/// The right to run a projection, held as long as the transaction lives; `None` while another
/// replica has it.
pub(crate) async fn lead(pool: &WriterPool, projection: &str) -> Result<Option<WriterTx>, PgError> {
    let mut tx = pool.begin().await?;
    let leads: bool = sqlx::query_scalar("select pg_try_advisory_xact_lock(hashtext($1))")
        .bind(format!("{SCHEMA}.{projection}"))
        .fetch_one(&mut *tx)
        .await?;
    Ok(leads.then_some(tx))
}
