//! Facts in: the registry from `control`'s facts and pauses, and the two sinks.

mod erasures;
mod forgeries;
mod metering;
mod quota;
mod registrar;
mod retention;
mod sink;
mod tables;
mod usage;

pub(crate) use erasures::run as run_erasures;
pub(crate) use forgeries::run as run_forgeries;
pub(crate) use metering::run as run_metering;
pub(crate) use quota::run as run_quota;
pub(crate) use registrar::Registrar;
pub(crate) use retention::run as run_retention;
pub(crate) use sink::{BatchLimits, SinkContext, feed};
pub(crate) use tables::{decisions, traces};
pub(crate) use usage::refresh as refresh_usage;
