//! ClickHouse: tables, inserts, reads. All SQL of the service is here and in `migrations/`.

mod contents;
mod erase;
mod infer;
mod read;
mod retention;
mod rows;
mod write;

use std::fmt;
use std::time::Duration;

use clickhouse::Client;
use clickhouse::error::Error;

pub(crate) use contents::Content;
pub(crate) use erase::Erased;
pub(crate) use read::{Cursor, DecisionFilter, TraceFilter};
pub(crate) use rows::{DecisionRow, TraceRow};

/// Base table of the view `traces`.
pub(crate) const TRACE_ROWS: &str = "trace_rows";
/// Base table of the view `decisions`.
pub(crate) const DECISION_ROWS: &str = "decision_rows";

/// One statement each, idempotent, in order.
const MIGRATIONS: [&str; 13] = [
    include_str!("../migrations/0001_trace_rows.sql"),
    include_str!("../migrations/0002_traces.sql"),
    include_str!("../migrations/0003_decision_rows.sql"),
    include_str!("../migrations/0004_decisions.sql"),
    include_str!("../migrations/0005_trace_rows_behind.sql"),
    include_str!("../migrations/0006_traces.sql"),
    include_str!("../migrations/0007_decision_rows_behind.sql"),
    include_str!("../migrations/0008_decisions.sql"),
    include_str!("../migrations/0009_trace_rows_resolution.sql"),
    include_str!("../migrations/0010_traces.sql"),
    include_str!("../migrations/0011_resolutions.sql"),
    include_str!("../migrations/0012_trace_links.sql"),
    include_str!("../migrations/0013_trace_days.sql"),
];

/// The store as this service uses it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    client: Client,
    owner: Option<Client>,
    patience: Patience,
}

/// How long ClickHouse is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For any statement.
    pub(crate) any: Duration,
    /// While somebody waits for the answer.
    pub(crate) reader: Duration,
}

impl Store {
    /// A store over the writer's client. With an owner's client the tables are made where they are
    /// missing; otherwise a job has made them. No statement takes longer than
    /// `patience`.
    #[must_use]
    pub(crate) fn new(client: Client, owner: Option<Client>, patience: Patience) -> Self {
        Self {
            client,
            owner,
            patience,
        }
    }

    /// Makes the tables if that is this service's business.
    ///
    /// # Errors
    /// When ClickHouse does not answer or refuses.
    pub(crate) async fn prepare(&self) -> Result<(), Error> {
        match &self.owner {
            Some(owner) => self.within(migrate(owner)).await,
            None => Ok(()),
        }
    }

    /// Makes the tables, waiting for ClickHouse if need be.
    pub(crate) async fn prepare_until_done(&self) {
        let mut rest = Duration::from_millis(200);
        while let Err(error) = self.prepare().await {
            tracing::warn!(%error, "tables not ready yet");
            tokio::time::sleep(rest).await;
            rest = (rest * 2).min(write::LONGEST_REST);
        }
    }

    pub(crate) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::time::timeout(self.patience.any, work)
            .await
            .unwrap_or(Err(Error::TimedOut))
    }

    /// As `within`, for somebody who waits for the answer.
    async fn reading<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::time::timeout(self.patience.reader, work)
            .await
            .unwrap_or(Err(Error::TimedOut))
    }
}

/// Makes what is missing in the client's database; made already, it changes nothing.
///
/// # Errors
/// When ClickHouse does not answer or refuses.
pub async fn migrate(owner: &Client) -> Result<(), Error> {
    for statement in MIGRATIONS {
        owner.query_raw(statement).execute().await?;
    }
    Ok(())
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("makes_tables", &self.owner.is_some())
            .finish_non_exhaustive()
    }
}
