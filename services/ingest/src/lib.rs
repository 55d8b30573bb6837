//! `ingest`: takes traces in and writes the analysts' tables.
//!
//! *Facts out*: accepted traces on the input stream (`in.trace`), sums of what agents did
//! (`metered.summed`), manifests of written batches (`batch.written`). *Facts in*: organisations and
//! agents of `control`, pauses and decisions of the gate. *Projections*: `traces` and `decisions` in
//! ClickHouse, the registry in memory.
//!
//! Promises: an accepted trace is stored on the log before the answer; one bad trace never refuses
//! its chunk; ClickHouse away loses nothing and stops no intake; a row is seen once, however often
//! its message came.

mod api;
mod config;
mod consume;
mod domain;
mod error;
mod intake;
mod metrics;
mod otlp;
mod publish;
mod publishers;
mod run;
mod store;
mod wire;

pub use config::{BatchConfig, ClickHouseConfig, Config, IntakeConfig};
pub use run::build;
pub use store::migrate;
