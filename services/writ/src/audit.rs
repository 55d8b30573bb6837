//! `writ audit`: the signed record, checked by the reader instead of believed.

mod action_receipt;
mod coverage;
mod detached;
mod export;
mod global;
mod index;
pub(crate) mod keys;
mod ledger;
mod log;
mod outcome;
mod receipt;
mod tiles;
mod verify;

use std::process::ExitCode;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Timelike};
use clap::Subcommand;

use crate::cli::Context;
use crate::failure::Failure;

#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Check every entry, the chain, the tree and the signed checkpoint
    #[command(after_help = verify::HELP)]
    Verify(verify::VerifyArgs),
    /// Write a bundle that anyone can check offline with `writ audit verify --file`
    Export(export::ExportArgs),
    /// The proof that a decision is in the ledger, for `writ audit verify --file`
    Receipt(receipt::ReceiptArgs),
    /// How much of an agent's time was governed, and whether any record is missing
    Coverage(coverage::CoverageArgs),
    /// Print the keys the server signs with, to be kept (`writ audit keys > KEYS.json`), and their
    /// fingerprints, to be compared with what its operator published elsewhere
    Keys,
    /// What was recorded, newest first
    Log(log::LogArgs),
}

/// Microseconds since 1970 of `2026-11-20` (its first, in UTC) or an RFC 3339 time.
fn time(text: &str) -> Result<i64, String> {
    let date = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let plain = |it: &&str| it.len() == 10 && it.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    // A year 0 and a 61st second are no times to whoever counts with them.
    let counted = |day: &NaiveDate| day.year() > 0;
    let day = Some(text).filter(plain).and_then(date).filter(counted);
    let day = day.map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let time = || {
        let time = DateTime::parse_from_rfc3339(text).ok();
        let time = time.filter(|it| text.is_ascii() && counted(&it.date_naive()));
        time.filter(|it| it.nanosecond() < 1_000_000_000)
    };
    day.or_else(|| time().map(|time| time.to_utc()))
        .map(|time| time.timestamp_micros())
        .ok_or_else(|| "expected a date (2026-11-20) or a time (2026-11-20T13:45:00Z)".to_owned())
}

pub(crate) async fn run(command: AuditCommand, context: &Context) -> Result<ExitCode, Failure> {
    match command {
        AuditCommand::Keys => keys::print(context).await.map(|()| ExitCode::SUCCESS),
        AuditCommand::Verify(args) => verify::run(args, context).await,
        AuditCommand::Export(args) => export::run(args, context).await.map(|()| ExitCode::SUCCESS),
        AuditCommand::Receipt(args) => receipt::run(args, context)
            .await
            .map(|()| ExitCode::SUCCESS),
        AuditCommand::Coverage(args) => coverage::run(args, context)
            .await
            .map(|()| ExitCode::SUCCESS),
        AuditCommand::Log(args) => log::run(args, context).await.map(|()| ExitCode::SUCCESS),
    }
}
