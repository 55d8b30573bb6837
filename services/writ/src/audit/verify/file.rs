//! `writ audit verify --file`: whatever the ledger gave out.

use std::path::Path;

use serde_json::Value;
use uuid::Uuid;
use writ_chain::checkpoint;
use writ_chain::coverage::{Coverage, Recount};
use writ_chain::document::{self, Checked, Document, Kind, Told};
use writ_chain::keys::Trusted;
use writ_chain::verify::{Class, KnownHead, Log, Seen};
use writ_contract::OrgId;

use super::{VerifyArgs, bundle, misuse};
use crate::audit::outcome::{Outcome, What, witnessed};
use crate::failure::Failure;

/// A larger file is no statement and is read line by line.
const LARGEST_STATEMENT: u64 = 16 * 1024 * 1024;

/// A document, or else lines.
pub(super) fn verify(
    file: &Path,
    args: &VerifyArgs,
    keys: Trusted,
    seen: Vec<Seen>,
) -> Result<Vec<Outcome>, Failure> {
    bundle::is_file(file)?;
    let document = Document::read(&text(file));
    let kind = document.as_ref().map(Document::kind);
    if args.against.is_some() && !matches!(kind, Some(Kind::Coverage | Kind::ActionReceipt)) {
        let text = "--against is for a statement of coverage or an Action Receipt";
        return Err(Failure::Usage(text.into()));
    }
    let Some(document) = document else {
        return bundle::verify(file, args, keys, &seen).map(|it| vec![it]);
    };
    if args.bundle.asks() {
        let text = "--from, --to and --filtered are for an export";
        return Err(Failure::Usage(text.into()));
    }
    let org = args.org.map(|org| org.0);
    if let (Document::Coverage(signed), Some(export)) = (&document, &args.against) {
        let stated = check(&document, org, &keys, &Told::default())?;
        return count_again(&signed.statement, stated, export, args, keys, seen);
    }
    let told = Told {
        seen,
        quorum: args.bundle.quorum,
    };
    let checked = check(&document, org, &keys, &told)?;
    match (&document, &args.against) {
        (Document::ActionReceipt(value), Some(receipt)) if checked.class == Class::Clean => {
            recorded(value, checked, receipt, &keys)
        }
        _ => Ok(vec![checked]),
    }
}

fn text(file: &Path) -> String {
    let small = std::fs::metadata(file).is_ok_and(|about| about.len() <= LARGEST_STATEMENT);
    let text = small.then(|| std::fs::read_to_string(file).ok()).flatten();
    text.unwrap_or_default()
}

fn check(
    document: &Document,
    org: Option<Uuid>,
    keys: &Trusted,
    told: &Told,
) -> Result<Outcome, Failure> {
    let checked = document.check(keys, told).map_err(misuse)?;
    let mut outcome = said(document, checked);
    let another = document
        .org()
        .filter(|of| Some(*of) != org && org.is_some());
    if another.is_some() && outcome.class == Class::Clean {
        let text = "it is of another organisation".to_owned();
        outcome.wrong(Class::BadContent, text);
    }
    Ok(outcome)
}

fn said(document: &Document, checked: Checked) -> Outcome {
    let (name, what) = named(document);
    let mut outcome = Outcome {
        what,
        sealed: checked.sealed,
        signed_by: checked.signed_by,
        ..Outcome::named(name)
    };
    outcome.notes.extend(
        checked
            .sealed
            .map(|size| format!("over the head of {size} entries of the organisation's ledger")),
    );
    let witnesses = checked.witnesses.iter();
    outcome
        .notes
        .extend(witnesses.map(|(name, time)| witnessed(name, *time)));
    if what == What::ActionReceipt {
        let note = "it shows that nothing changed since, not who made it";
        outcome.notes.push(note.to_owned());
    }
    for (class, text) in checked.findings {
        outcome.wrong(class, text);
    }
    outcome
}

fn named(document: &Document) -> (String, What) {
    let name = match document {
        Document::Receipt(signed) => {
            let number = || format!("entry {}", signed.statement.inclusion.index);
            signed.statement.decision_id.clone().unwrap_or_else(number)
        }
        Document::Coverage(signed) => format!("coverage of {}", signed.statement.agent),
        Document::Report(signed) => {
            let org = signed.statement.org();
            let known = org.parse().map(|org| OrgId(org).to_string());
            format!("report of {}", known.as_deref().unwrap_or(org))
        }
        Document::ActionReceipt(value) => {
            let id = value.get("receipt_id").and_then(Value::as_str);
            let name = format!("action receipt {}", id.unwrap_or("without an id"));
            return (name, What::ActionReceipt);
        }
        Document::Unreadable(Kind::ActionReceipt) => {
            return ("action receipt".to_owned(), What::ActionReceipt);
        }
        Document::Unreadable(_) => "a statement".to_owned(),
    };
    (name, What::Statement)
}

/// What a statement of coverage says, counted again from an export.
fn count_again(
    stated: &Coverage,
    mut outcome: Outcome,
    export: &Path,
    args: &VerifyArgs,
    keys: Trusted,
    mut seen: Vec<Seen>,
) -> Result<Vec<Outcome>, Failure> {
    let head = checkpoint::unverified(&stated.checkpoint);
    let (Some(head), Class::Clean) = (head, outcome.class) else {
        return Ok(vec![outcome]);
    };
    let (size, root) = (head.size, head.root);
    let mut count = Recount::new(stated, size);
    // What was counted is in the export only if it holds this head.
    seen.push(Seen {
        log: Log::Of(stated.org),
        head: KnownHead { size, root },
        witnesses: Vec::new(),
    });
    let each = |position, body: &[u8]| count.entry(position, body);
    let whole = bundle::verify_each(export, stated.org, args, keys, &seen, each)?;
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

/// An Action Receipt beside the ledger's receipt of the same decision.
fn recorded(
    value: &Value,
    mut outcome: Outcome,
    receipt: &Path,
    keys: &Trusted,
) -> Result<Vec<Outcome>, Failure> {
    let text = std::fs::read_to_string(receipt)
        .map_err(|error| Failure::Unavailable(format!("{}: {error}", receipt.display())))?;
    let document = Document::read(&text).filter(|it| it.kind() == Kind::Receipt);
    let Some(document) = document else {
        let text = "--against is for an Action Receipt a receipt of the ledger";
        return Err(Failure::Usage(text.into()));
    };
    let proof = check(&document, None, keys, &Told::default())?;
    if let (Document::Receipt(signed), Class::Clean) = (&document, proof.class) {
        for field in document::differences(value, &signed.statement) {
            let text = format!("{field} is not what the ledger recorded");
            outcome.wrong(Class::BadContent, text);
        }
        let text = "compared with the ledger's receipt: the decision, by whom and with which outcome; \
                    the rest is not recorded";
        outcome.notes.push(text.to_owned());
    }
    Ok(vec![outcome, proof])
}
