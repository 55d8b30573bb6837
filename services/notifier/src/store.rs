//! All SQL of the service.

mod endpoints;
mod queue;

use sqlx::migrate::Migrator;

pub(crate) use endpoints::{
    EndpointRow, NewEndpoint, add_secret, count, find, former_until, insert_endpoint, list,
    lock_endpoint, place, save_endpoint, secrets, take_turns,
};
pub(crate) use queue::{
    DeliveryRow, Due, Outcome, cancel_pending, claim, deliveries, health, insert_deliveries, settle,
};

/// The service's schema.
pub(crate) const SCHEMA: &str = "notifier";

/// What makes the schema what the code expects.
pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!();
