//! All SQL of the service: here what prepares it, beside it entries, seals and listings.

mod entries;
mod listing;
mod seals;

pub(crate) use entries::{
    chains, close, insert, known, numbers, positions, save_chains, save_numbers,
};
pub(crate) use listing::{Listing, LogRow, Signed, export_page, list, signed};
pub(crate) use seals::{
    GlobalHead, LastSeal, NewSeal, event_ids, global_head, insert_global, insert_seals,
    insist_on_disk, last_seals, unsealed, unsealed_leaves,
};

use std::time::Duration;

use sqlx::migrate::Migrator;
use tokio::runtime::Handle;
use writ_pg::{MigrateError, PgConfig, PgError, Pools, UnsafeRole, WriterPool, WriterTx};
use writ_pg::{check_role, migrate};
use writ_service_kit::RunError;

/// The service's schema, and the first part of its roles' names.
pub(crate) const SCHEMA: &str = "ledger";
/// The projection whose resume points are kept.
pub(crate) const PROJECTION: &str = "chain";

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
    #[error("the migration was cut off: {0}")]
    CutOff(#[from] tokio::task::JoinError),
}

async fn attempt(config: &PgConfig, pools: &Pools) -> Result<(), Unprepared> {
    if !config.owner_url.is_empty() {
        // The migrator's future is not Send, so it runs to its end on a thread of its own.
        let (runtime, url) = (Handle::current(), config.owner_url.clone());
        let run = move || runtime.block_on(migrate(&url, SCHEMA, SCHEMA, &MIGRATIONS));
        tokio::task::spawn_blocking(run).await??;
    }
    Ok(check_role(pools, SCHEMA).await?)
}

/// The right to append and sign, held as long as the transaction lives; `None` while another
/// replica has it.
pub(crate) async fn lead(pool: &WriterPool) -> Result<Option<WriterTx>, PgError> {
    let mut tx = pool.begin().await?;
    let leads: bool = sqlx::query_scalar("select pg_try_advisory_xact_lock(hashtext($1))")
        .bind(format!("{SCHEMA}.{PROJECTION}"))
        .fetch_one(&mut *tx)
        .await?;
    Ok(leads.then_some(tx))
}

/// A size or sequence as the store keeps it.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A size or sequence as the store gave it back; it is checked there not to be negative.
fn number(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}
