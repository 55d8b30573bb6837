//! `writ audit export`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use futures::StreamExt;
use uuid::Uuid;
use writ_chain::{checkpoint, export};

use super::keys::KeysArg;
use super::ledger::DatabaseArg;
use crate::cli::Context;
use crate::failure::Failure;
use crate::output;

#[derive(Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    database: DatabaseArg,
    /// Whose ledger
    #[arg(long)]
    org: Uuid,
    #[command(flatten)]
    keys: KeysArg,
    /// The bundle; it must not exist yet
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// Writes everything the latest checkpoint covers. The bundle is only as good as its verification:
/// a half-written file does not verify.
pub(super) async fn run(args: ExportArgs, context: &Context) -> Result<(), Failure> {
    let env = context.target.dev_env();
    let keys = args.keys.load(&env)?;
    let mut ledger = args.database.open(&env).await?;
    ledger.enter(args.org).await?;
    let note = ledger.checkpoints(args.org, 1).await?.into_iter().next();
    let Some(note) = note else {
        let org = args.org;
        return Err(Failure::NotFound(format!(
            "organisation {org} has no checkpoint"
        )));
    };
    let verified = checkpoint::open(&note, &keys).map_err(|why| {
        Failure::Unavailable(format!("the latest checkpoint: {why}; check --keys"))
    })?;
    let size = verified.checkpoint().size;
    let broken =
        |error: std::io::Error| Failure::Unavailable(format!("{}: {error}", args.to.display()));
    let file = std::fs::File::create_new(&args.to).map_err(broken)?;
    let mut out = std::io::BufWriter::new(file);
    let header = export::header_line(args.org, size, &note).map_err(unwritable)?;
    writeln!(out, "{header}").map_err(broken)?;
    let mut entries = ledger.entries(args.org, size);
    while let Some(entry) = entries.next().await {
        let entry = entry?;
        let line = export::entry_line(entry.seq, &entry.leaf_bytes).map_err(unwritable)?;
        writeln!(out, "{line}").map_err(broken)?;
    }
    let file = out
        .into_inner()
        .map_err(|error| broken(error.into_error()))?;
    file.sync_all().map_err(broken)?;
    output::note(&format!("{size} entries in {}", args.to.display()))
}

fn unwritable(error: export::InvalidLine) -> Failure {
    Failure::Unavailable(error.to_string())
}
