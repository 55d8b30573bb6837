//! `writ trace`.

use clap::Subcommand;

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
        /// Only with this status
        #[arg(long)]
        status: Option<String>,
        #[command(flatten)]
        page: ListArgs,
    },
    /// One trace with all its spans; `-o json` has every field
    Show {
        /// Its id
        id: String,
    },
}

pub(crate) async fn run(command: TraceCommand, context: &Context) -> Result<(), Failure> {
    let api = context.api()?;
    match command {
        TraceCommand::List {
            agent,
            status,
            page,
        } => {
            let filters = [("agentId", agent), ("status", status)];
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
