//! Bringing the store to what the code expects, and the first organisations.

use std::time::Duration;

use sqlx::migrate::Migrator;
use writ_contract::Topology;
use writ_eventlog::Announcements;
use writ_pg::{Outbox, PgConfig, Pools, check_role, migrate};
use writ_service_kit::RunError;
use writ_service_kit::clock::SystemClock;

use crate::identity::{Identity, Seed};
use crate::write::Writes;
use crate::{Config, SCHEMA};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Migrates when an owner's URL is configured, then refuses roles that row policies do not bind.
///
/// # Errors
/// The store's trouble, or an unsafe role.
pub async fn prepare(store: &PgConfig, pools: &Pools) -> Result<(), RunError> {
    if !store.owner_url.is_empty() {
        migrate(&store.owner_url, SCHEMA, SCHEMA, &MIGRATIONS).await?;
    }
    check_role(pools, SCHEMA).await?;
    Ok(())
}

/// Creates what is missing of a seed, without a running service; its facts go out when one runs.
/// Applying the same seed again changes nothing.
///
/// # Errors
/// The store's trouble, an unsafe role, or a seed with an unusable key.
pub async fn seed(config: &Config, seed: &Seed) -> Result<(), RunError> {
    let pools = Pools::new(&config.store, SCHEMA)?;
    prepare(&config.store, &pools).await?;
    let writes = Writes::new(
        pools.clone(),
        Outbox::new(pools.writer.clone()),
        Topology::new(&config.host.nats.prefix)?,
        Announcements::new(),
        std::sync::Arc::new(SystemClock),
        Duration::ZERO,
    );
    let identity = Identity::new(writes, config.access.pepper()?, config.keys.bcrypt_cost);
    identity.apply(seed).await?;
    pools.close().await;
    Ok(())
}
