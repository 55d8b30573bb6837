//! `writ policy`: policies on a server, and policies as code.

mod apply;
mod cases;
mod coverage;
mod entry;
mod export;
mod files;
mod form;
mod junit;
mod limits;
mod packs;
mod plan;
mod problem;
mod report;
mod request;
mod server;
mod set;
mod trial;
mod validate;
mod writer;
pub(crate) mod yaml;

use std::process::ExitCode;

use clap::Subcommand;
use reqwest::Method;
use uuid::Uuid;
use writ_contract::PolicyId;

use crate::cli::Context;
use crate::failure::Failure;
use crate::list::{self, ListArgs};
use crate::output::{self, Column};
use apply::{Apply, Compared};
use export::Export;
use files::Sources;

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("TYPE", "/policyType"),
    ("MODE", "/enforcementMode"),
    ("ACTIVE", "/isActive"),
    ("VERSION", "/version"),
];

#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// Policies of the organisation
    List(ListArgs),
    /// One policy with its rule
    Show {
        /// Its id
        id: String,
    },
    /// Check files offline, as the server will: names, fields, rules, chains, tests (exit code 3)
    Validate(Sources),
    /// Run the tests beside the policies, offline, and say what they do not cover (exit code 4)
    Test {
        #[command(flatten)]
        sources: Sources,
        /// Fail when less than this is covered
        #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
        min_coverage: f64,
    },
    /// Show what apply would change (exit code 2 when anything)
    Diff(Compared),
    /// Make the server's policies those of the files: shows the plan, asks, writes
    Apply(Apply),
    /// Write the server's policies as files say them
    Export(Export),
    /// Starter packs that --pack knows
    Packs,
    /// Delete a policy
    Delete {
        /// Its id
        id: String,
    },
}

impl PolicyCommand {
    /// Whether its result can be written as JUnit XML.
    pub(crate) fn has_junit(&self) -> bool {
        matches!(self, Self::Validate(_) | Self::Test { .. })
    }
}

pub(crate) async fn run(command: PolicyCommand, context: &Context) -> Result<ExitCode, Failure> {
    match command {
        PolicyCommand::Validate(sources) => return validate::run(&sources, context.format),
        PolicyCommand::Test {
            sources,
            min_coverage,
        } => return report::run(&sources, min_coverage, context.format),
        PolicyCommand::Diff(compared) => return apply::diff(&compared, context).await,
        PolicyCommand::Apply(what) => return apply::apply(&what, context).await,
        PolicyCommand::Export(what) => export::run(&what, context).await?,
        PolicyCommand::Packs => packs::list(context.format)?,
        PolicyCommand::List(page) => {
            let policies = list::fetch(&context.api()?, &["policies"], &[], &page).await?;
            output::rows(context.format, &policies, COLUMNS)?;
        }
        PolicyCommand::Show { id } => {
            let body = context.api()?.get(&["policies", &id], &[]).await?;
            output::object(context.format, &list::data(body))?;
        }
        PolicyCommand::Delete { id } => {
            let api = context.api()?;
            let answer = api.send(Method::DELETE, &["policies", &id], None).await?;
            output::object(context.format, &list::data(answer))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The id in a text, with or without its prefix.
fn policy_id(text: &str) -> Option<Uuid> {
    text.parse::<PolicyId>().ok().map(|id| id.0)
}
