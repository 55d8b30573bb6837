//! `writ compliance`: evidence about the controls of a framework, for a reader or an auditor.

mod archive;
mod package;
mod report;

use clap::{Args, Subcommand};

pub(crate) use report::keep;

use crate::cli::Context;
use crate::failure::Failure;

#[derive(Subcommand)]
pub(crate) enum ComplianceCommand {
    /// What the ledger holds about each control; as a file for a printer or a program with --out
    Report(report::ReportArgs),
    /// Write a zip for an auditor: the report in three forms, the entries it cites, receipts, keys
    /// and how to check them
    Package(package::PackageArgs),
}

/// Which framework, and when.
#[derive(Args)]
struct Asked {
    /// soc2, iso27001, gdpr, hipaa, eu-ai-act, nist-ai-rmf or owasp-agentic
    #[arg(long)]
    framework: String,
    /// First day (UTC), such as 2026-11-01; default: 90 days before the last, or the day the record
    /// began if that is later
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// Last day (UTC); default: today. A day that is not over is judged up to now
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
}

impl Asked {
    fn query(&self, format: &str) -> Vec<(&'static str, String)> {
        let mut query = vec![
            ("framework", self.framework.clone()),
            ("format", format.to_owned()),
        ];
        let days = [("from", &self.from), ("to", &self.to)];
        query.extend(
            days.into_iter()
                .filter_map(|(name, day)| Some((name, day.clone()?))),
        );
        query
    }
}

pub(crate) async fn run(command: ComplianceCommand, context: &Context) -> Result<(), Failure> {
    match command {
        ComplianceCommand::Report(args) => report::run(args, context).await,
        ComplianceCommand::Package(args) => package::run(args, context).await,
    }
}
