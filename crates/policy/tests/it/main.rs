//! The engine through its public surface.

mod bombs;
mod modes;
mod schemas;
mod support;
mod types;
