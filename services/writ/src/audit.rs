//! `writ audit`: the signed record, checked by the reader instead of believed.

mod action_receipt;
mod coverage;
mod export;
mod global;
pub(crate) mod keys;
mod ledger;
mod log;
mod outcome;
mod receipt;
mod report;
mod verify;

use std::process::ExitCode;

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
