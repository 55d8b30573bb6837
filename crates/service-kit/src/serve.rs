//! One listener for REST and gRPC.

mod app;
mod connections;
mod dress;

pub use app::{App, Options};
pub use connections::{Bound, bind};
pub use dress::RequestId;
