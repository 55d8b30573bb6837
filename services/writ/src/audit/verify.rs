//! `writ audit verify`.

mod bundle;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use futures::{StreamExt, TryStreamExt};
use writ_chain::checkpoint::{self, Checkpoint};
use writ_chain::coverage::{Coverage, Recount};
use writ_chain::keys::Trusted;
use writ_chain::statement::{self, Signed};
use writ_chain::verify::{Class, Entry, KnownHead, Tail, Trust, Verification};
use writ_contract::OrgId;

use super::detached::{Detached, parts};
use super::global;
use super::index::Beside;
use super::keys::KeysArg;
use super::ledger::{DatabaseArg, Kept, Ledger};
use super::outcome::{Outcome, show};
use super::{action_receipt, coverage, receipt, report};
use crate::cli::Context;
use crate::failure::Failure;
use crate::output::{Progress, Unit};
use crate::target::read;

/// What `--help` adds.
pub(super) const HELP: &str = "\
Exit codes:
  0  everything holds
  1  the verification could not be done
  2  bad content: an entry, the chain, the tree or a signature is wrong
  3  unknown key: no trusted key signed the checkpoint
  4  incomplete range: entries that must exist are missing, not shown, or were never sealed
  5  missing witness quorum: fewer trusted witnesses cosigned than must have
The worst counts.

A tail that was cut off together with every later checkpoint, and a history that was written anew
by somebody who has the checkpoint key, show only against a checkpoint kept elsewhere (--seen) or a
witness's signature: put the witness's key into KEYS.json, and it is required.
docs/guides/verify.md goes through it all. infra/verify/verify.py checks the same files with other code.";

/// More stored checkpoints than this are not compared; the latest ones are.
const MOST_CHECKPOINTS: i64 = 100_000;

/// A larger file is no statement and is read line by line.
const LARGEST_STATEMENT: u64 = 1024 * 1024;

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
    /// A checkpoint seen earlier and kept elsewhere, of this ledger or of the log over all: the
    /// ledger must still contain it
    #[arg(long, value_name = "NOTE")]
    seen: Vec<PathBuf>,
    /// Of a statement of coverage: count again what it says, from this whole export
    #[arg(long, value_name = "EXPORT", requires = "file")]
    against: Option<PathBuf>,
    #[command(flatten)]
    bundle: bundle::BundleArgs,
    /// Compare with every stored checkpoint, not only the latest
    #[arg(long)]
    all_checkpoints: bool,
}

pub(super) async fn run(args: VerifyArgs, context: &Context) -> Result<ExitCode, Failure> {
    let keys = match &args.file {
        Some(_) => args.keys.load(context)?,
        None => args.keys.load_or_ask(context).await?,
    };
    let seen = seen(&args.seen, &keys)?;
    let outcomes = match &args.file {
        Some(file) => verify_document(file, &args, keys, seen)?,
        None => {
            let mut ledger = args.database.open(&context.target.dev_env()).await?;
            verify_database(&mut ledger, &args, &keys, seen).await?
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
    keys: &Trusted,
    seen: Vec<Checkpoint>,
) -> Result<Vec<Outcome>, Failure> {
    if !seen.is_empty() && args.org.is_none() {
        let text = "--seen is of one organisation: say which with --org";
        return Err(Failure::Usage(text.into()));
    }
    let mut outcomes = Vec::new();
    let orgs = match args.org {
        Some(org) => vec![org.0],
        None => ledger.orgs().await?,
    };
    if args.org.is_none() {
        let quorum = args.bundle.quorum.unwrap_or(keys.witness.len().min(1));
        outcomes.push(global::verify(ledger, keys, quorum).await?);
    } else if args.bundle.quorum.is_some() {
        let text = "witnesses sign the log over all organisations: leave --org out for --quorum";
        return Err(Failure::Usage(text.into()));
    }
    let most = if args.all_checkpoints {
        MOST_CHECKPOINTS
    } else {
        1
    };
    for org in orgs {
        let trust = Trust {
            known: seen.iter().map(known).collect(),
            tail: Tail::Open,
            ..Trust::new(org, keys.clone())
        };
        outcomes.push(verify_ledger(ledger, trust, most).await?);
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
fn seen(files: &[PathBuf], keys: &Trusted) -> Result<Vec<Checkpoint>, Failure> {
    let head = |file: &PathBuf| {
        let note = read(file)?;
        let opened = checkpoint::open(&note, &keys.checkpoint);
        opened
            .map(|verified| verified.checkpoint().clone())
            .map_err(|why| Failure::Usage(format!("{}: {why}", file.display())))
    };
    files.iter().map(head).collect()
}

fn known(head: &Checkpoint) -> KnownHead {
    KnownHead {
        size: head.size,
        root: head.root,
    }
}

async fn verify_ledger(
    ledger: &mut Ledger,
    mut trust: Trust,
    checkpoints: i64,
) -> Result<Outcome, Failure> {
    let org = trust.org;
    ledger.enter(org).await?;
    let notes = ledger.checkpoints(org, checkpoints).await?;
    // An old note that does not verify is left to the run that has it as its latest.
    let older = notes
        .iter()
        .skip(1)
        .filter_map(|note| checkpoint::open(note, &trust.keys.checkpoint).ok())
        .map(|verified| known(verified.checkpoint()));
    trust.known.extend(older.collect::<Vec<_>>());
    let latest = notes.first().and_then(|note| checkpoint::unverified(note));
    let sealed = latest.map_or(0, |head| head.size);
    let mut progress = Progress::new(Unit::Entries, sealed);
    let mut run = Verification::new(trust, notes.first().map(String::as_str));
    let (said_by, claimed): (Vec<u64>, Vec<Detached>) =
        ledger.detached(org).await?.into_iter().unzip();
    let mut beside = Beside::default();
    for (range, detached) in parts(&claimed) {
        let mut kept = if detached {
            ledger.kept_in(org, range)
        } else {
            ledger.entries_in(org, range).map_ok(Kept::Entry).boxed()
        };
        while let Some(kept) = kept.next().await {
            progress.advance(1);
            let entry = match kept? {
                Kept::Entry(entry) => entry,
                Kept::Hash(seq, hash) => {
                    run.taken_out(seq, hash);
                    beside.hash(seq, hash);
                    continue;
                }
            };
            let leaf = run.entry(Entry {
                position: entry.seq,
                leaf_bytes: &entry.leaf_bytes,
                stored_hash: entry.leaf_hash,
            });
            let said = said_by.contains(&entry.seq);
            beside.entry(&entry, leaf.as_ref(), said);
        }
    }
    let mut outcome = Outcome::from(run.finish());
    beside.tell(&mut outcome);
    let (tiles, size) = (beside.tiles, outcome.sealed.unwrap_or_default());
    tiles.check(ledger, org, size, &mut outcome).await?;
    Ok(outcome)
}

/// A signed statement, or else a bundle.
fn verify_document(
    file: &Path,
    args: &VerifyArgs,
    keys: Trusted,
    seen: Vec<Checkpoint>,
) -> Result<Vec<Outcome>, Failure> {
    let small = std::fs::metadata(file).is_ok_and(|about| about.len() <= LARGEST_STATEMENT);
    let text = small.then(|| std::fs::read_to_string(file).ok()).flatten();
    let text = text.unwrap_or_default();
    let org = args.org.map(|org| org.0);
    let format = statement::format_of(&text).unwrap_or_default();
    let kind = format.split('/').next().unwrap_or_default();
    if args.against.is_some() && kind != "writ-coverage" {
        let text = "--against is for a statement of coverage";
        return Err(Failure::Usage(text.into()));
    }
    if action_receipt::is_one(&text) {
        return Ok(vec![action_receipt::verify(&text)]);
    }
    let outcome = match kind {
        "writ-receipt" => statement::read(&text).map(|it| receipt::verify(&it, org, &keys)),
        "writ-coverage" => match statement::read(&text) {
            Ok(signed) => return verify_coverage(&signed, args, keys, seen),
            Err(unreadable) => Err(unreadable),
        },
        "writ-compliance-report" => {
            statement::read(&text).map(|it| report::verify(&it, org, &keys))
        }
        _ => return bundle::verify(file, args, keys, seen).map(|it| vec![it]),
    };
    let outcome = outcome.unwrap_or_else(|unreadable| {
        let mut outcome = Outcome::named(format);
        outcome.wrong(Class::BadContent, unreadable.to_string());
        outcome
    });
    Ok(vec![outcome])
}

/// A statement of coverage; with an export, what it says is counted again.
fn verify_coverage(
    signed: &Signed<Coverage>,
    args: &VerifyArgs,
    keys: Trusted,
    mut seen: Vec<Checkpoint>,
) -> Result<Vec<Outcome>, Failure> {
    let stated = &signed.statement;
    let mut outcome = coverage::verify(signed, args.org.map(|org| org.0), &keys);
    let head = checkpoint::unverified(&stated.checkpoint);
    let (Some(export), Some(head), Class::Clean) = (&args.against, head, outcome.class) else {
        return Ok(vec![outcome]);
    };
    let mut count = Recount::new(stated, head.size);
    // What was counted is in the export only if it holds this head.
    seen.push(head);
    let each = |position, body: &[u8]| count.entry(position, body);
    let whole = bundle::verify_each(export, stated.org, args, keys, seen, each)?;
    if matches!(whole.class, Class::Clean | Class::MissingQuorum) {
        for difference in count.differences() {
            outcome.wrong(Class::BadContent, difference.to_string());
        }
    } else {
        let text = "not counted again: the export does not show every entry as it was signed";
        outcome.notes.push(text.to_owned());
    }
    Ok(vec![outcome, whole])
}
