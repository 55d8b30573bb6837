//! `writ trace`.

use clap::{Args, Subcommand};

use crate::cli::Context;
use crate::failure::Failure;
use crate::list::{self, ListArgs};
use crate::output::{self, Column, Format};

const COLUMNS: &[Column] = &[
    ("TRACE", "/traceId"),
    ("TIME", "/timestamp"),
    ("AGENT", "/agentId"),
    ("ENVIRONMENT", "/environment"),
    ("STATUS", "/status"),
    ("MS", "/durationMs"),
    ("USD", "/costUsd"),
];

const SPANS: &[Column] = &[
    ("SPAN", "/spanId"),
    ("KIND", "/spanKind"),
    ("NAME", "/spanName"),
    ("STATUS", "/status"),
    ("MS", "/durationMs"),
    ("DECISION", "/decision/id"),
    ("INPUT", "/input"),
    ("OUTPUT", "/output"),
];

#[derive(Subcommand)]
pub(crate) enum TraceCommand {
    /// Traces, newest first
    List {
        /// Only of this agent
        #[arg(long)]
        agent: Option<String>,
        #[command(flatten)]
        filters: Filters,
        #[command(flatten)]
        page: ListArgs,
    },
    /// One trace with all its spans; `-o json` has every field
    Show {
        /// Its id
        id: String,
    },
}

#[derive(Args)]
pub(crate) struct Filters {
    /// Only with this status
    #[arg(long)]
    status: Option<String>,
    /// Only of this environment
    #[arg(long)]
    environment: Option<String>,
    /// Not before then, RFC 3339
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only before then, RFC 3339
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only of this user, as traces name it
    #[arg(long)]
    user: Option<String>,
    /// Only what belongs to this decision
    #[arg(long, value_name = "ID")]
    decision: Option<String>,
    /// Only what came with this key, by its id (key_…)
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
}

pub(crate) async fn run(command: TraceCommand, context: &Context) -> Result<(), Failure> {
    let api = context.api()?;
    match command {
        TraceCommand::List {
            agent,
            filters,
            page,
        } => {
            let filters = [
                ("agentId", agent),
                ("status", filters.status),
                ("environment", filters.environment),
                ("since", filters.since),
                ("until", filters.until),
                ("userId", filters.user),
                ("decisionId", filters.decision),
                ("keyId", filters.key_id),
            ];
            let traces = list::fetch(&api, &["traces"], &filters, &page).await?;
            output::rows(context.format, &traces, COLUMNS)
        }
        TraceCommand::Show { id } => {
            let trace = list::data(api.get(&["traces", &id], &[]).await?);
            match (
                context.format,
                trace.get("spans").and_then(|it| it.as_array()),
            ) {
                (Format::Table, Some(spans)) => output::rows(context.format, spans, SPANS),
                (format, _) => output::object(format, &trace),
            }
        }
    }
}
