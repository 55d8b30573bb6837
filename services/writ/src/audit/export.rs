//! `writ audit export`.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat};
use clap::{Args, ValueEnum};
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

/// A manifest's line is far shorter.
const LONGEST_MANIFEST: u64 = 128 * 1024;

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// The bundle; it must not exist yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Only from the first entry of that day (2026-11-20) or time (RFC 3339) on
    #[arg(long, value_name = "TIME", value_parser = super::time, conflicts_with = "org")]
    from: Option<i64>,
    /// Only to the last entry before that day or time
    #[arg(long, value_name = "TIME", value_parser = super::time, conflicts_with = "org")]
    to: Option<i64>,
    /// Only entries with this action, actor, agentId or outcome: `--filter outcome=denied`
    #[arg(long, value_name = "FIELD=VALUE", value_parser = filter, conflicts_with = "org")]
    filter: Vec<(String, String)>,
    /// jsonl can be verified; ocsf and cef are for a SIEM, their signed manifest goes to
    /// FILE.manifest.json
    #[arg(long, default_value = "jsonl", conflicts_with = "org")]
    format: Form,
    /// Read this organisation's ledger from Postgres, whole and without signatures of the export
    /// keys; default: the API key's, from the API
    #[arg(long)]
    org: Option<OrgId>,
    #[command(flatten)]
    database: DatabaseArg,
    #[command(flatten)]
    keys: KeysArg,
}

/// How entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Jsonl,
    Ocsf,
    Cef,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Ocsf => "ocsf",
            Self::Cef => "cef",
        }
    }
}

const FILTERS: [&str; 4] = ["action", "actor", "agentId", "outcome"];

fn filter(text: &str) -> Result<(String, String), String> {
    let (field, value) = text.split_once('=').ok_or("expected FIELD=VALUE")?;
    if FILTERS.contains(&field) {
        Ok((field.to_owned(), value.to_owned()))
    } else {
        Err(format!("the field is one of {}", FILTERS.join(", ")))
    }
}

impl ExportArgs {
    fn query(&self) -> Vec<(&str, String)> {
        let time = |micros: i64| {
            let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
            time.to_rfc3339_opts(SecondsFormat::Micros, true)
        };
        let mut query = vec![("format", self.format.name().to_owned())];
        query.extend(self.from.map(|from| ("from", time(from))));
        query.extend(self.to.map(|to| ("to", time(to))));
        let filters = self.filter.iter();
        query.extend(filters.map(|(field, value)| (field.as_str(), value.clone())));
        query
    }
}

/// Writes what was asked for of what the latest checkpoint covers. A bundle that was cut short does not verify.
pub(super) async fn run(args: ExportArgs, context: &Context) -> Result<(), Failure> {
    match args.org {
        Some(org) => from_database(&args, org.0, context).await?,
        None => from_api(&args, context).await?,
    }
    let file = args.out.display();
    if args.format != Form::Jsonl {
        let manifest = part_manifest(&args.out)?;
        let manifest = manifest.display();
        return output::note(&format!(
            "written; manifest in {manifest}, and `writ audit verify --file {file} --keys …` compares them"
        ));
    }
    if args.org.is_some() {
        // It does not show its place in the log over all organisations.
        return output::note(&format!(
            "written; check it with `writ audit verify --file {file} --quorum 0 --keys …`, and keys \
             without `exportKeys`: nobody signed its manifest"
        ));
    }
    output::note(&format!(
        "written; check it with `writ audit verify --file {file} --keys …`"
    ))
}

/// Moves the last line of a file, its manifest, into a file beside it.
fn part_manifest(path: &Path) -> Result<PathBuf, Failure> {
    let error = |error: std::io::Error| broken(path, &error);
    let mut file = File::options()
        .read(true)
        .write(true)
        .open(path)
        .map_err(error)?;
    let length = file.metadata().map_err(error)?.len();
    let from = length.saturating_sub(LONGEST_MANIFEST);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(from)).map_err(error)?;
    file.read_to_end(&mut tail).map_err(error)?;
    let body = tail.strip_suffix(b"\n").unwrap_or(&tail);
    let start = body.iter().rposition(|byte| *byte == b'\n');
    let (_, line) = tail.split_at(start.map_or(0, |newline| newline + 1));
    if !line.starts_with(b"{\"manifest\"") {
        let text = format!("{}: ended early; remove it, try again", path.display());
        return Err(Failure::Unavailable(text));
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".manifest.json");
    let beside = PathBuf::from(beside);
    let mut manifest = create(&beside)?;
    let written = manifest.write_all(line);
    written.map_err(|error| broken(&beside, &error))?;
    finish(manifest, &beside)?;
    file.set_len(length - line.len() as u64).map_err(error)?;
    file.sync_all().map_err(error)?;
    Ok(beside)
}

async fn from_api(args: &ExportArgs, context: &Context) -> Result<(), Failure> {
    let (api, out) = (context.api()?, args.out.as_path());
    let answer = api.download(&["audit", "export"], &args.query()).await?;
    let mut bundle = answer.bytes_stream();
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
