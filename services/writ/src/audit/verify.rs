//! `writ audit verify`.

mod bundle;
mod file;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use futures::{StreamExt, TryStreamExt};
use writ_chain::checkpoint::{self, Checkpoint, NoteError};
use writ_chain::keys::Trusted;
use writ_chain::verify::{Class, Entry, KnownHead, Log, Misuse, Seen, Tail, Trust, Verification};
use writ_contract::OrgId;

use super::detached::{Detached, parts};
use super::global;
use super::index::Beside;
use super::keys::KeysArg;
use super::ledger::{DatabaseArg, Kept, Ledger};
use super::outcome::{Outcome, show};
use crate::cli::Context;
use crate::failure::Failure;
use crate::output::{Progress, Unit};
use crate::target::read;

/// What `--help` adds.
pub(super) const HELP: &str = "\
Exit codes:
  0  everything holds
  1  a file or a server cannot be read: nothing was verified
  2  bad content: an entry, the chain, the tree or a signature is wrong, or the file is nothing that
     the ledger gives out
  3  unknown key: no trusted key signed
  4  incomplete range: entries that must exist are missing, not shown, or were never sealed, or it
     cannot be shown that they are there
  5  missing witness quorum: fewer trusted witnesses cosigned than must have
 64  the question cannot be asked: nothing was verified
The worst counts.

A tail that was cut off together with every later checkpoint, and a history that was written anew
by somebody who has the checkpoint key, show only against a checkpoint kept elsewhere (--seen) or a
witness's signature: put the witness's key into KEYS.json, and it is required.
docs/guides/verify.md goes through it all. infra/verify/verify.py checks the same files with other code.";

/// More stored checkpoints than this are not compared; the latest ones are.
const MOST_CHECKPOINTS: i64 = 100_000;

#[derive(Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    database: DatabaseArg,
    /// Check an exported bundle, lines for a SIEM, a receipt, coverage, a compliance report or an Action
    /// Receipt, offline; no database is asked, also when one is configured
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
    /// Of a statement of coverage: count again what it says, from this whole export. Of an Action
    /// Receipt: compare with this receipt of the ledger
    #[arg(long, value_name = "FILE", requires = "file")]
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
    args.bundle.asked()?;
    let seen = seen(&args.seen, &keys)?;
    let outcomes = match &args.file {
        Some(file) => file::verify(file, &args, keys, seen)?,
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
    seen: Vec<Seen>,
) -> Result<Vec<Outcome>, Failure> {
    let (above, seen): (Vec<Seen>, Vec<Seen>) =
        seen.into_iter().partition(|it| it.log == Log::Global);
    let mut outcomes = Vec::new();
    let mut orgs = match args.org {
        Some(org) => vec![org.0],
        None => ledger.orgs().await?,
    };
    if args.org.is_none() {
        let quorum = args.bundle.quorum.unwrap_or(keys.witness.len().min(1));
        outcomes.push(global::verify(ledger, keys, quorum, &above).await?);
        // A ledger of which there is nothing left is found by what was kept of it.
        orgs.extend(seen.iter().filter_map(|it| match it.log {
            Log::Of(org) => Some(org),
            Log::Global => None,
        }));
        orgs.sort_unstable();
        orgs.dedup();
    } else if args.bundle.quorum.is_some() || !above.is_empty() {
        let text = "the log over all organisations is not read with --org: no --quorum, and no --seen of it";
        return Err(Failure::Usage(text.into()));
    }
    let most = if args.all_checkpoints {
        MOST_CHECKPOINTS
    } else {
        1
    };
    for org in orgs {
        let of_org = |it: &&Seen| args.org.is_some() || it.log == Log::Of(org);
        let seen: Vec<Seen> = seen.iter().filter(of_org).cloned().collect();
        let trust = Trust {
            tail: Tail::Open,
            ..Trust::new(org, keys.clone())
        };
        let trust = trust.with_seen(&seen).map_err(misuse)?;
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
fn seen(files: &[PathBuf], keys: &Trusted) -> Result<Vec<Seen>, Failure> {
    let head = |file: &PathBuf| {
        let opened = Seen::open(&read(file)?, keys);
        opened.map_err(|why| Failure::Usage(format!("{}: {why}", file.display())))
    };
    files.iter().map(head).collect()
}

fn misuse(why: Misuse) -> Failure {
    Failure::Usage(why.0)
}

/// The head of a stored checkpoint that is not the latest, or what is wrong with it.
fn older(note: &str, trust: &Trust) -> Result<KnownHead, (Class, String)> {
    let size = checkpoint::unverified(note).map(|head| head.size);
    let of = size.map_or_else(String::new, |size| format!(" of {size} entries"));
    let refused = |class, why: &str| (class, format!("the stored checkpoint{of}: {why}"));
    let verified = checkpoint::open(note, &trust.keys.checkpoint).map_err(|why| match why {
        NoteError::UnknownKey => refused(Class::UnknownKey, "no trusted key signed it"),
        NoteError::Malformed | NoteError::BadSignature { .. } | NoteError::NotALine => {
            refused(Class::BadContent, &why.to_string())
        }
    })?;
    let Checkpoint {
        origin, size, root, ..
    } = verified.checkpoint();
    let named = |name: &String| checkpoint::tenant_origin(name, trust.org) == *origin;
    if !verified.signed_by().iter().any(named) {
        return Err(refused(Class::BadContent, "it is of another log"));
    }
    Ok(KnownHead {
        size: *size,
        root: *root,
    })
}

async fn verify_ledger(
    ledger: &mut Ledger,
    mut trust: Trust,
    checkpoints: i64,
) -> Result<Outcome, Failure> {
    let org = trust.org;
    ledger.enter(org).await?;
    let notes = ledger.checkpoints(org, checkpoints).await?;
    let mut refused = Vec::new();
    for note in notes.iter().skip(1) {
        match older(note, &trust) {
            Ok(head) => trust.known.push(head),
            Err(why) => refused.push(why),
        }
    }
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
    for (class, text) in refused {
        outcome.wrong(class, text);
    }
    beside.tell(&mut outcome);
    let (tiles, size) = (beside.tiles, outcome.sealed.unwrap_or_default());
    tiles.check(ledger, org, size, &mut outcome).await?;
    Ok(outcome)
}
