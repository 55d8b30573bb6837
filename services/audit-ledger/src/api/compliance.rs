//! `GET /compliance/*`: what the ledger holds about the controls of a framework.

mod frameworks;
mod oscal;
mod page;
mod report;
mod show;

pub(super) use frameworks::{FrameworkDto, list};
pub(super) use report::SignedReportDto;
pub(super) use show::show;
