//! All of Writ on one machine: the three stores as child processes, the seven services in one
//! process or in one each behind a front door, on one port.
//!
//! It is what a developer runs and what the journeys in `tests/integration` run: the same build.

pub mod accounts;
pub mod act;
mod api;
pub mod args;
pub mod background;
pub mod banner;
pub mod children;
pub mod configs;
pub mod demo;
pub mod door;
pub mod endpoints;
pub mod envfile;
pub mod layout;
pub mod orgs;
pub mod processes;
pub mod routes;
pub mod run;
pub mod secrets;
pub mod services;
pub mod stores;
pub mod url;
