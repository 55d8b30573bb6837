//! The only types that hand out connections.

use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use crate::config::{PgConfig, StoreUrl};
use crate::error::PgError;

/// Longest a statement of a service may take.
/// How often a replica that does not lead asks again.
const STANDBY: Duration = Duration::from_secs(1);
const STATEMENT_TIMEOUT: &str = "10s";

/// The two ways into a service's schema.
#[derive(Debug, Clone)]
pub struct Pools {
    /// For requests: one organisation at a time.
    pub api: ApiPool,
    /// For loops: all organisations.
    pub writer: WriterPool,
}

/// Hands out transactions that see one organisation.
#[derive(Debug, Clone)]
pub struct ApiPool(PgPool);

/// Hands out transactions of the service's own loops.
#[derive(Debug, Clone)]
pub struct WriterPool(PgPool);

/// A transaction inside one organisation. Dropped without [`TenantTx::commit`] it is rolled back.
#[derive(Debug)]
pub struct TenantTx {
    tx: Transaction<'static, Postgres>,
    org: Uuid,
}

/// A transaction of a loop. Dropped without [`WriterTx::commit`] it is rolled back.
#[derive(Debug)]
pub struct WriterTx(Transaction<'static, Postgres>);

impl Pools {
    /// Pools that connect when first used, so a store that is away does not keep a service from
    /// starting.
    ///
    /// # Errors
    /// When a URL does not parse.
    pub fn new(config: &PgConfig, schema: &str) -> Result<Self, PgError> {
        let api = pool(config, &config.api_url, schema, config.connections)?;
        let writer = pool(
            config,
            &config.writer_url,
            schema,
            (config.connections / 2).max(2),
        )?;
        Ok(Self {
            api: ApiPool(api),
            writer: WriterPool(writer),
        })
    }

    /// Closes both pools and waits until their connections are gone.
    pub async fn close(&self) {
        self.api.0.close().await;
        self.writer.0.close().await;
    }
}

impl ApiPool {
    /// Begins a transaction inside `org`. Its first statement tells the row policies which
    /// organisation that is; it holds for this transaction only.
    ///
    /// # Errors
    /// [`PgError::Away`] when no connection can be had.
    pub async fn begin(&self, org: Uuid) -> Result<TenantTx, PgError> {
        let mut tx = self.0.begin().await?;
        sqlx::query("select set_config('app.current_org_id', $1, true)")
            .bind(org.to_string())
            .execute(&mut *tx)
            .await?;
        Ok(TenantTx { tx, org })
    }

    /// Begins a transaction that belongs to no organisation and therefore sees no rows, for the
    /// check of roles and row policies.
    pub(crate) async fn begin_outside(&self) -> Result<Transaction<'static, Postgres>, PgError> {
        Ok(self.0.begin().await?)
    }
}

impl WriterPool {
    /// Begins a transaction over all organisations.
    ///
    /// # Errors
    /// [`PgError::Away`] when no connection can be had.
    pub async fn begin(&self) -> Result<WriterTx, PgError> {
        Ok(WriterTx(self.0.begin().await?))
    }

    /// The right to run the schema's loops of this name, which one replica at a time has, held as
    /// long as the transaction lives; `None` while another replica has it.
    ///
    /// # Errors
    /// [`PgError::Away`] when no connection can be had.
    pub async fn lead(&self, schema: &str, loops: &str) -> Result<Option<WriterTx>, PgError> {
        let mut tx = self.begin().await?;
        let leads: bool = sqlx::query_scalar("select pg_try_advisory_xact_lock(hashtext($1))")
            .bind(format!("{schema}.{loops}"))
            .fetch_one(&mut *tx)
            .await?;
        Ok(leads.then_some(tx))
    }

    /// Waits for the right that [`WriterPool::lead`] gives, asking every second; `standby` is called
    /// each time another replica has it.
    ///
    /// # Errors
    /// [`PgError::Away`] when no connection can be had.
    pub async fn lead_eventually(
        &self,
        schema: &str,
        loops: &str,
        standby: impl Fn() + Send + Sync,
    ) -> Result<WriterTx, PgError> {
        loop {
            if let Some(leading) = self.lead(schema, loops).await? {
                return Ok(leading);
            }
            standby();
            tokio::time::sleep(STANDBY).await;
        }
    }
}

impl TenantTx {
    /// The organisation this transaction is inside.
    #[must_use]
    pub fn org(&self) -> Uuid {
        self.org
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// [`PgError`]; after [`PgError::Away`] it may have been committed or not.
    pub async fn commit(self) -> Result<(), PgError> {
        Ok(self.tx.commit().await?)
    }
}

impl WriterTx {
    /// Makes everything durable.
    ///
    /// # Errors
    /// [`PgError`]; after [`PgError::Away`] it may have been committed or not.
    pub async fn commit(self) -> Result<(), PgError> {
        Ok(self.0.commit().await?)
    }
}

impl Deref for TenantTx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.tx
    }
}

impl DerefMut for TenantTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.tx
    }
}

impl Deref for WriterTx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for WriterTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

fn pool(config: &PgConfig, url: &StoreUrl, schema: &str, size: u32) -> Result<PgPool, PgError> {
    Ok(PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(Duration::from_millis(config.acquire_ms))
        .idle_timeout(Duration::from_secs(300))
        .connect_lazy_with(options(url, schema)?))
}

pub(crate) fn options(url: &StoreUrl, schema: &str) -> Result<PgConnectOptions, PgError> {
    let options = PgConnectOptions::from_str(url.expose())?;
    Ok(options
        .application_name(&format!("writ-{schema}"))
        .options([
            ("search_path", schema),
            ("statement_timeout", STATEMENT_TIMEOUT),
        ]))
}
