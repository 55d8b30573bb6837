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
    ("SEALED", "/sealed"),
];

#[derive(Args)]
pub(crate) struct LogArgs {
    /// Only this action, such as agent.pause
    #[arg(long)]
    action: Option<String>,
    /// Only of this agent
    #[arg(long)]
    agent: Option<String>,
    /// Only by this actor, such as key:key_…
    #[arg(long)]
    actor: Option<String>,
    /// Only since then, RFC 3339
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only before then, RFC 3339
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    page: ListArgs,
}

pub(super) async fn run(args: LogArgs, context: &Context) -> Result<(), Failure> {
    let api = context.api()?;
    let filters = [
        ("action", args.action),
        ("agentId", args.agent),
        ("actor", args.actor),
        ("since", args.since),
        ("until", args.until),
    ];
    let entries = list::fetch(&api, &["audit-logs"], &filters, &args.page).await?;
    output::rows(context.format, &entries, COLUMNS)
}
