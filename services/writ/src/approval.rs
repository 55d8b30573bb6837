//! `writ approval`.

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

use crate::cli::Context;
use crate::failure::Failure;
use crate::list::{self, ListArgs};
use crate::output::{self, Column};

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("STATUS", "/status"),
    ("AGENT", "/agentId"),
    ("ENVIRONMENT", "/environment"),
    ("REQUESTED", "/requestedAt"),
    ("EXPIRES", "/expiresAt"),
];

#[derive(Subcommand)]
pub(crate) enum ApprovalCommand {
    /// Held actions
    List {
        /// pending, approved, denied, expired, consumed or cancelled
        #[arg(long, default_value = "pending")]
        status: String,
        #[command(flatten)]
        page: ListArgs,
    },
    /// One held action
    Show {
        /// Its id
        id: String,
    },
    /// Let it run, once
    Approve {
        /// Its id
        id: String,
        /// Why; kept in the record
        #[arg(long)]
        reason: Option<String>,
    },
    /// Do not let it run
    Deny {
        /// Its id
        id: String,
        /// Why; the agent is told
        #[arg(long)]
        reason: Option<String>,
    },
}

pub(crate) async fn run(command: ApprovalCommand, context: &Context) -> Result<(), Failure> {
    let api = context.api()?;
    let (id, verb, reason) = match command {
        ApprovalCommand::List { status, page } => {
            let filters = [("status", Some(status))];
            let held = list::fetch(&api, &["approvals"], &filters, &page).await?;
            return output::rows(context.format, &held, COLUMNS);
        }
        ApprovalCommand::Show { id } => {
            let body = api.get(&["approvals", &id], &[]).await?;
            return output::object(context.format, &list::data(body));
        }
        ApprovalCommand::Approve { id, reason } => (id, "approve", reason),
        ApprovalCommand::Deny { id, reason } => (id, "deny", reason),
    };
    let body = reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
    let answer = api
        .send(Method::POST, &["approvals", &id, verb], Some(&body))
        .await?;
    output::object(context.format, &list::data(answer))
}
