//! Real servers for tests.
//!
//! One nats-server, one Postgres and one ClickHouse serve all tests that run at the same time, also
//! when each test is a process of its own, and end a few seconds after the last of them, however it
//! ended. A test keeps apart from others by its own [`namespace`]: a subject prefix, a database.
//! For faults there are servers of one's own: [`Nats::own`], [`Postgres::own`], [`ClickHouse::own`].
//!
//! `WRIT_TEST_NATS_URL`, `WRIT_TEST_POSTGRES_URL` (a superuser's) and `WRIT_TEST_CLICKHOUSE_URL`
//! name servers to use instead of started ones.
//!
//! Everything here panics with a message instead of returning an error: without its server a test
//! has nothing to go on with.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a helper of tests: a failure here is the test's failure"
)]

mod clickhouse;
mod instance;
mod names;
mod nats;
mod postgres;
mod wait;

pub use clickhouse::{ClickHouse, ClickHouseDb};
pub use instance::Signal;
pub use names::namespace;
pub use nats::{Nats, connect_nats};
pub use postgres::{Db, Postgres};
pub use wait::eventually;
pub use writ_servers::free_port;

/// A setting of the test run, not of a service.
#[allow(
    clippy::disallowed_methods,
    reason = "names an external server for the whole test run"
)]
fn external(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|url| !url.is_empty())
}
