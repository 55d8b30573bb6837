//! `writ audit verify`.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use futures::StreamExt;
use uuid::Uuid;
use writ_chain::keys::{NamedVerifier, Trusted};
use writ_chain::verify::{
    Class, Entry, KnownHead, Report, Tail, Trust, Verification, verify_export,
};
use writ_chain::{checkpoint, export};
use writ_contract::OrgId;

use super::global;
use super::keys::KeysArg;
use super::ledger::{DatabaseArg, Ledger};
use super::outcome::{Outcome, show};
use super::receipt::{self, InFile};
use super::{coverage, report};
use crate::cli::Context;
use crate::failure::Failure;
use crate::target::read;

/// What `--help` adds.
pub(super) const HELP: &str = "\
Exit codes:
  0  everything holds
  1  the verification could not be done
  2  bad content: an entry, the chain, the tree or a signature is wrong
  3  unknown key: no trusted key signed the checkpoint
  4  incomplete range: entries that must exist are missing, or were never sealed
The worst of several organisations counts.

A tail that was cut off together with every later checkpoint shows only against a checkpoint kept
elsewhere: keep one now and then, and give it with --seen.";

/// More stored checkpoints than this are not compared; the latest ones are.
const MOST_CHECKPOINTS: i64 = 100_000;

/// A larger file is no receipt and is read line by line.
const LARGEST_RECEIPT: u64 = 1024 * 1024;

#[derive(Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    database: DatabaseArg,
    /// Check an exported bundle, a receipt, coverage or a compliance report, offline; no database is
    /// asked, also when one is configured
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only this organisation, org_… or its UUID; default: all
    #[arg(long)]
    org: Option<OrgId>,
    #[command(flatten)]
    keys: KeysArg,
    /// A checkpoint seen earlier and kept elsewhere; the ledger must still contain it
    #[arg(long, value_name = "NOTE", requires = "org")]
    seen: Vec<PathBuf>,
    /// Compare with every stored checkpoint, not only the latest
    #[arg(long)]
    all_checkpoints: bool,
}

pub(super) async fn run(args: VerifyArgs, context: &Context) -> Result<ExitCode, Failure> {
    let keys = match &args.file {
        Some(_) => args.keys.load(context)?,
        None => args.keys.load_or_ask(context).await?,
    };
    let known = seen(&args.seen, &keys.checkpoint)?;
    let outcomes = match &args.file {
        Some(file) => vec![verify_document(
            file,
            args.org.map(|org| org.0),
            keys,
            known,
        )?],
        None => {
            let mut ledger = args.database.open(&context.target.dev_env()).await?;
            verify_database(&mut ledger, &args, &keys.checkpoint, known).await?
        }
    };
    let worst = show(&outcomes, context.format)?;
    Ok(ExitCode::from(worst.exit_code()))
}

/// One organisation, or all of them and the log over them. Nothing at all is no success: a role
/// that may see nothing would be told that everything holds.
async fn verify_database(
    ledger: &mut Ledger,
    args: &VerifyArgs,
    keys: &[NamedVerifier],
    known: Vec<KnownHead>,
) -> Result<Vec<Outcome>, Failure> {
    let mut outcomes = Vec::new();
    let orgs = match args.org {
        Some(org) => vec![org.0],
        None => ledger.orgs().await?,
    };
    if args.org.is_none() {
        outcomes.push(global::verify(ledger, keys).await?);
    }
    let most = if args.all_checkpoints {
        MOST_CHECKPOINTS
    } else {
        1
    };
    for org in orgs {
        let trust = Trust {
            org,
            keys: keys.to_vec(),
            known: known.clone(),
            tail: Tail::Open,
        };
        outcomes.push(verify_ledger(ledger, trust, most).await?.into());
    }
    if outcomes
        .iter()
        .all(|it| it.entries == 0 && it.class == Class::Clean)
    {
        return Err(Failure::NotFound(
            "no ledger to be seen here: connect as the owner of the schema, and check --org".into(),
        ));
    }
    Ok(outcomes)
}

/// Heads from notes the reader kept; each must be signed by a trusted key.
fn seen(files: &[PathBuf], keys: &[NamedVerifier]) -> Result<Vec<KnownHead>, Failure> {
    let head = |file: &PathBuf| {
        let note = read(file)?;
        head_of(&note, keys).map_err(|why| Failure::Usage(format!("{}: {why}", file.display())))
    };
    files.iter().map(head).collect()
}

fn head_of(note: &str, keys: &[NamedVerifier]) -> Result<KnownHead, checkpoint::NoteError> {
    let verified = checkpoint::open(note, keys)?;
    let head = verified.checkpoint();
    Ok(KnownHead {
        size: head.size,
        root: head.root,
    })
}

async fn verify_ledger(
    ledger: &mut Ledger,
    mut trust: Trust,
    checkpoints: i64,
) -> Result<Report, Failure> {
    let org = trust.org;
    ledger.enter(org).await?;
    let notes = ledger.checkpoints(org, checkpoints).await?;
    // An old note that does not verify is left to the run that has it as its latest.
    let older = notes
        .iter()
        .skip(1)
        .filter_map(|note| head_of(note, &trust.keys).ok());
    trust.known.extend(older.collect::<Vec<_>>());
    let mut run = Verification::new(trust, notes.first().map(String::as_str));
    let mut entries = ledger.entries(org, u64::MAX);
    while let Some(entry) = entries.next().await {
        let entry = entry?;
        run.entry(Entry {
            position: entry.seq,
            leaf_bytes: &entry.leaf_bytes,
            stored_hash: entry.leaf_hash,
        });
    }
    Ok(run.finish())
}

/// A report, a receipt or coverage, or else a bundle.
fn verify_document(
    file: &Path,
    org: Option<Uuid>,
    keys: Trusted,
    known: Vec<KnownHead>,
) -> Result<Outcome, Failure> {
    let small = std::fs::metadata(file).is_ok_and(|about| about.len() <= LARGEST_RECEIPT);
    let text = small.then(|| std::fs::read_to_string(file).ok()).flatten();
    let text = text.unwrap_or_default();
    if let Some(signed) = report::in_file(&text) {
        return Ok(report::verify(&signed?, org, &keys));
    }
    match receipt::in_file(&text) {
        Some(found) => Ok(match found? {
            InFile::Receipt(signed) => receipt::verify(&signed, org, &keys),
            InFile::Coverage(signed) => coverage::verify(&signed, org, &keys),
        }),
        None => Ok(verify_file(file, org, keys.checkpoint, known)?.into()),
    }
}

fn verify_file(
    file: &Path,
    org: Option<Uuid>,
    keys: Vec<NamedVerifier>,
    known: Vec<KnownHead>,
) -> Result<Report, Failure> {
    let broken =
        |error: std::io::Error| Failure::Unavailable(format!("{}: {error}", file.display()));
    let open = || std::fs::File::open(file).map(std::io::BufReader::new);
    let mut first = String::new();
    open()
        .and_then(|mut it| it.read_line(&mut first))
        .map_err(broken)?;
    // The checkpoint's origin names the organisation under the signature, so a header that lies
    // about it is found out.
    let named = export::read_header(first.trim_end_matches('\n')).map(|header| header.org);
    let trust = Trust {
        org: org.or(named.ok()).unwrap_or_default(),
        keys,
        known,
        tail: Tail::Sealed,
    };
    let mut trouble = None;
    let lines = open()
        .map_err(broken)?
        .lines()
        .map_while(|line| match line {
            Ok(line) => Some(line),
            // Bytes that are no text are the bundle's fault, and an unreadable line.
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Some(String::new()),
            Err(error) => {
                trouble = Some(error);
                None
            }
        });
    let report = verify_export(lines, trust);
    match trouble {
        Some(error) => Err(broken(error)),
        None => Ok(report),
    }
}
