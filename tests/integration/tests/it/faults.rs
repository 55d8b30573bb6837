//! What is lost when a part dies: nothing that was acknowledged.

mod load;
mod processes;
mod services;
mod stores;
