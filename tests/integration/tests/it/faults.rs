//! What is lost when a part dies: nothing that was acknowledged.

mod budgets;
mod load;
pub(crate) mod processes;
mod services;
mod stores;
