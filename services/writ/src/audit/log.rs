//! `writ audit log`.

use clap::Args;

use crate::cli::Context;
use crate::failure::Failure;
use crate::list::{self, ListArgs};
use crate::output::{self, Column};

const COLUMNS: &[Column] = &[
    ("SEQ", "/seq"),
    ("TIME", "/occurredAt"),
    ("ACTION", "/action"),
    ("ACTOR", "/actor"),
    ("TARGET", "/target"),
    ("OUTCOME", "/outcome"),
];

#[derive(Args)]
pub(crate) struct LogArgs {
    /// Only this action, such as agent.paused
    #[arg(long)]
    action: Option<String>,
    #[command(flatten)]
    page: ListArgs,
}

pub(super) async fn run(args: LogArgs, context: &Context) -> Result<(), Failure> {
    let api = context.api()?;
    let filters = [("action", args.action)];
    let entries = list::fetch(&api, &["audit-logs"], &filters, &args.page).await?;
    output::rows(context.format, &entries, COLUMNS)
}
