//! `writ audit coverage`.

use std::path::PathBuf;

use chrono::DateTime;
use clap::Args;
use serde_json::Value;
use writ_chain::coverage::{Coverage, Tail};
use writ_chain::statement::Signed;

use super::receipt::keep;
use crate::cli::Context;
use crate::failure::Failure;
use crate::output;

#[derive(Args)]
pub(crate) struct CoverageArgs {
    /// The agent: its UUID or the id the application gave it
    agent: String,
    /// Whose id it is, where agents in several environments have it
    #[arg(long)]
    environment: Option<String>,
    /// Begin of the period: a day (UTC), such as 2026-11-01, or RFC 3339; default: a day before its
    /// end, or when the record began if that is later
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// End of the period, before that day or time; default: two minutes ago
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Write the signed statement there, for `writ audit verify --file`; it must not exist yet
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) async fn run(args: CoverageArgs, context: &Context) -> Result<(), Failure> {
    let api = context.api()?;
    let query = [
        ("agentId", Some(args.agent)),
        ("environment", args.environment),
        ("from", args.from),
        ("to", args.to),
    ];
    let query: Vec<(&str, String)> = query
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    let mut answer = api.get(&["audit", "coverage"], &query).await?;
    let document = answer.get_mut("data").map(Value::take).unwrap_or_default();
    let signed: Signed<Coverage> = serde_json::from_value(document.clone())
        .map_err(|error| Failure::Unavailable(format!("the answer cannot be read: {error}")))?;
    if let Some(file) = &args.out {
        keep(file, &document)?;
    }
    if context.format.is_data() {
        return output::data(context.format, &document);
    }
    for line in lines(&signed.statement) {
        output::text(&line)?;
    }
    Ok(())
}

/// The statement in words.
fn lines(coverage: &Coverage) -> Vec<String> {
    let time = |micros| {
        let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
        time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    };
    let missing = match coverage.missing {
        Some(missing) => format!("{missing} missing"),
        None => "missing: unknown".to_owned(),
    };
    let mut lines = vec![format!(
        "agent {}, {} – {}: {} decisions, {} ungoverned seconds, {missing}",
        coverage.agent,
        time(coverage.from),
        time(coverage.to),
        coverage.decisions,
        coverage.ungoverned_seconds,
    )];
    if let (Some(heard), Some(silent)) = (coverage.heard_seconds, coverage.silent_seconds) {
        lines.push(format!(
            "  heard of for {heard} seconds, silent for {silent}"
        ));
    }
    let open = coverage
        .emitters
        .iter()
        .filter(|it| it.tail == Tail::Unknown);
    lines.extend(open.map(|it| {
        let last = it.last;
        format!(
            "  unknown after record {last} of {}: it did not end in order",
            it.emitter
        )
    }));
    if coverage.lost_reports > 0 {
        let lost = coverage.lost_reports;
        lines.push(format!(
            "  {lost} reports of ungoverned time were lost: it was more"
        ));
    }
    lines.extend(
        coverage
            .excludes
            .iter()
            .map(|what| format!("  not counted: {what}")),
    );
    lines
}
