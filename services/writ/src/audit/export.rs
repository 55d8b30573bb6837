//! `writ audit export`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use futures::StreamExt;
use uuid::Uuid;
use writ_chain::checkpoint;
use writ_chain::export::{Header, InvalidLine, Writer};
use writ_contract::OrgId;

use super::keys::KeysArg;
use super::ledger::DatabaseArg;
use crate::cli::Context;
use crate::failure::Failure;
use crate::output;

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// The bundle; it must not exist yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Read this organisation's ledger from Postgres; default: the API key's, from the API
    #[arg(long)]
    org: Option<OrgId>,
    #[command(flatten)]
    database: DatabaseArg,
    #[command(flatten)]
    keys: KeysArg,
}

/// Writes everything the latest checkpoint covers. A bundle that was cut short does not verify.
pub(super) async fn run(args: ExportArgs, context: &Context) -> Result<(), Failure> {
    match args.org {
        Some(org) => from_database(&args, org.0, context).await?,
        None => from_api(&args.out, context).await?,
    }
    let file = args.out.display();
    output::note(&format!(
        "written; check it with `writ audit verify --file {file} --keys …`"
    ))
}

async fn from_api(out: &Path, context: &Context) -> Result<(), Failure> {
    let api = context.api()?;
    let mut bundle = api
        .download(&["audit", "export"], &[])
        .await?
        .bytes_stream();
    let mut file = create(out)?;
    while let Some(bytes) = bundle.next().await {
        let bytes = bytes.map_err(|error| {
            let why = crate::api::innermost(&error);
            Failure::Unavailable(format!(
                "the bundle ended early: {why}; remove it, try again"
            ))
        })?;
        file.write_all(&bytes)
            .map_err(|error| broken(out, &error))?;
    }
    finish(file, out)
}

async fn from_database(args: &ExportArgs, org: Uuid, context: &Context) -> Result<(), Failure> {
    let keys = args.keys.load_or_ask(context).await?;
    let mut ledger = args.database.open(&context.target.dev_env()).await?;
    ledger.enter(org).await?;
    let note = ledger.checkpoints(org, 1).await?.into_iter().next();
    let note =
        note.ok_or_else(|| Failure::NotFound(format!("{} has no checkpoint yet", OrgId(org))))?;
    let verified = checkpoint::open(&note, &keys.checkpoint).map_err(|why| {
        Failure::Unavailable(format!("the latest checkpoint: {why}; check --keys"))
    })?;
    let size = verified.checkpoint().size;
    let mut file = create(&args.out)?;
    let mut write = |line: &str| {
        let written = file.write_all(line.as_bytes());
        written.map_err(|error| broken(&args.out, &error))
    };
    let opened = Writer::open(Header::whole(org, size, note));
    let (mut bundle, header) = opened.map_err(unwritable)?;
    write(&header)?;
    let mut entries = ledger.entries(org, size);
    while let Some(entry) = entries.next().await {
        let entry = entry?;
        write(&bundle.entry(entry.seq, &entry.leaf_bytes))?;
    }
    write(&bundle.finish(&[]).map_err(unwritable)?)?;
    finish(file, &args.out)
}

fn create(path: &Path) -> Result<BufWriter<File>, Failure> {
    let file = File::create_new(path).map_err(|error| broken(path, &error))?;
    Ok(BufWriter::new(file))
}

fn finish(file: BufWriter<File>, path: &Path) -> Result<(), Failure> {
    let file = file
        .into_inner()
        .map_err(|error| broken(path, error.error()))?;
    file.sync_all().map_err(|error| broken(path, &error))
}

fn broken(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Unavailable(format!("{}: {error}", path.display()))
}

fn unwritable(error: InvalidLine) -> Failure {
    Failure::Unavailable(error.to_string())
}
