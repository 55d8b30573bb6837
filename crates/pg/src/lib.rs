//! Postgres as Writ uses it: the tenant transaction, facts appended with their rows and relayed to
//! the log, resume points fenced by an epoch, and a queue of leased work.
//!
//! A service has a schema of its own and two roles, neither of which owns a table: `<service>_api`
//! sees one organisation at a time, `<service>_writer` is for loops over all of them.

mod append;
mod claim;
mod config;
mod error;
pub mod fit;
mod migrate;
mod outbox;
mod pools;
mod position;
mod prepare;
mod queue;
mod refill;
mod relay;
mod roles;

pub use append::{FACT_BYTES, NewEvent, append};
pub use claim::Claim;
pub use config::{PgConfig, StoreUrl};
pub use error::PgError;
pub use migrate::{MigrateError, migrate};
pub use outbox::{Outbox, Receipt};
pub use pools::{ApiPool, Pools, TenantTx, WriterPool, WriterTx};
pub use position::Fence;
pub use prepare::{Unprepared, prepare};
pub use queue::{Leased, Queue};
pub use refill::LogState;
pub use relay::{NotPublished, Publish, Relay};
pub use roles::{UnsafeRole, check_role};
