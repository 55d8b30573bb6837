//! The engine through its public surface.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failed expectation is a failed test"
)]

mod access_control;
mod access_props;
mod action_approval;
mod agent_to_agent;
mod behind;
mod bombs;
mod budget_cap;
mod chains;
mod data_restriction;
mod external_api;
mod injection;
mod modes;
mod output_classification;
mod outside;
mod pii;
mod pii_props;
mod props;
mod quality_threshold;
mod rate_limit;
mod record_limit;
mod registration;
mod schemas;
mod support;
mod tool_integrity;
mod tool_output_scan;
mod types;
