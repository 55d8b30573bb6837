//! What every Writ service needs to be a process: configuration, telemetry, serving, probes,
//! errors on the wire, supervised tasks and the authorization gate. It knows nothing of the domain.

pub mod clock;
pub mod config;
pub mod deps;
pub mod error;
pub mod grpc;
pub mod ids;
pub mod json;
pub mod openapi;
pub mod process;
pub mod ready;
pub mod routes;
pub mod serve;
pub mod tasks;
pub mod telemetry;
pub mod trace;

pub use clock::{Clock, ManualClock, SystemClock};
pub use deps::{Built, Deps, RunError};
pub use error::ApiError;
pub use ready::{ReadyLatch, Requirement};
pub use tasks::Tasks;
