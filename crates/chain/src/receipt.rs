//! The receipt of one entry: that exactly this entry is in the organisation's tree, that this
//! tree's head is in the global log, and under which signed checkpoints.
//!
//! ```text
//! entry ─inclusion→ head of the organisation's tree (checkpoint)
//!       head of the tree ─inclusion→ root of its interval ─inclusion→ global head (checkpoint)
//! ```
//!
//! Checking one needs the reader's keys and nothing else. It shows that the entry was recorded and
//! cannot be taken out unseen; that nobody was shown another history, it shows only with a
//! witness's cosignature on the global checkpoint.

use crate::Hash;
use crate::canonical;
use crate::checkpoint::{self, NoteError, VerifiedCheckpoint, global_origin, tenant_origin};
use crate::cosignature::{BadCosignature, cosigned, has_cosignature};
use crate::global::TenantHead;
use crate::keys::Trusted;
use crate::leaf::{self, EntryBody, Leaf};
use crate::merkle::{self, climb, verify_inclusion};
use crate::statement::{SignatureRefusal, Signed, Statement};
use crate::verify::Class;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The one format this release writes and reads.
pub const FORMAT: &str = "writ-receipt/1";

/// Longer paths belong to no tree that can be.
const MAX_PATH: usize = 64;

/// What a receipt states. Hashes in paths are base64, leaf side first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Receipt {
    /// [`FORMAT`].
    pub format: String,
    /// Whose ledger.
    pub org: Uuid,
    /// The decision, `dec_…`, in the receipt of one and in no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<String>,
    /// The fact the entry records.
    pub event_id: Uuid,
    /// What the entry says, in the clear: the body of the leaf.
    pub entry: serde_json::Value,
    /// Base64 of the exact leaf bytes.
    pub leaf: String,
    /// That the leaf is in the organisation's tree.
    pub inclusion: Inclusion,
    /// That the tree's head is among the heads of its interval.
    pub interval: Interval,
    /// That the interval is in the global log.
    pub global: Inclusion,
    /// Whether a witness has signed the global checkpoint.
    pub witnessed: bool,
    /// When it was issued, microseconds since 1970. It proves nothing: the checkpoints do.
    pub issued_at: i64,
}

/// A leaf in a tree with a signed head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inclusion {
    /// The leaf's number.
    pub index: u64,
    /// The audit path, base64.
    pub path: Vec<String>,
    /// The signed note whose size and root the path leads to.
    pub checkpoint: String,
}

/// A head in the tree of its interval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Interval {
    /// The head's place among those of the interval.
    pub index: u64,
    /// How many heads the interval has.
    pub size: u64,
    /// The audit path, base64.
    pub path: Vec<String>,
}

impl Statement for Receipt {
    const FORMATS: &'static [&'static str] = &[FORMAT];

    fn format(&self) -> &str {
        &self.format
    }
}

/// A receipt of which everything was checked; only [`verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedReceipt {
    entry: EntryBody,
    size: u64,
    signed_by: Vec<String>,
    witnesses: Vec<(String, u64)>,
}

impl VerifiedReceipt {
    /// What was recorded.
    #[must_use]
    pub fn entry(&self) -> &EntryBody {
        &self.entry
    }

    /// Size of the organisation's tree under the checkpoint.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The trusted keys that signed the organisation's checkpoint.
    #[must_use]
    pub fn signed_by(&self) -> &[String] {
        &self.signed_by
    }

    /// The trusted witnesses that signed the global checkpoint, and when (seconds since 1970).
    #[must_use]
    pub fn witnesses(&self) -> &[(String, u64)] {
        &self.witnesses
    }
}

/// Why a receipt shows nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptRefusal {
    /// Nobody trusted signed the statement, or not this one.
    #[error("the statement: {0}")]
    Statement(#[from] SignatureRefusal),
    /// The leaf's bytes are no leaf.
    #[error("the leaf cannot be read")]
    Leaf,
    /// The statement speaks of something else than its leaf does.
    #[error("{0} is not what the leaf says")]
    Differs(&'static str),
    /// A path that is none.
    #[error("the path {0} cannot be read")]
    Path(&'static str),
    /// The organisation's checkpoint is not to be trusted.
    #[error("the organisation's checkpoint: {0}")]
    Checkpoint(NoteError),
    /// The global checkpoint is not to be trusted.
    #[error("the global checkpoint: {0}")]
    GlobalCheckpoint(NoteError),
    /// A checkpoint of another log.
    #[error("{0} is of another log")]
    WrongOrigin(&'static str),
    /// The entry is not in the tree whose head was signed.
    #[error("the entry is not in the signed tree")]
    NotIncluded,
    /// The tree's head is not in the global log whose head was signed.
    #[error("the tree's head is not in the signed global log")]
    NotInGlobal,
    /// It says that a witness signed the global checkpoint and none did, or the other way round.
    #[error("what it says of witnesses is not what the global checkpoint shows")]
    Witnessed,
}

impl ReceiptRefusal {
    /// The kind of trouble, and with it the exit code.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Statement(SignatureRefusal::UnknownKey(_))
            | Self::Checkpoint(NoteError::UnknownKey)
            | Self::GlobalCheckpoint(NoteError::UnknownKey) => Class::UnknownKey,
            Self::Statement(_)
            | Self::Leaf
            | Self::Differs(_)
            | Self::Path(_)
            | Self::Checkpoint(_)
            | Self::GlobalCheckpoint(_)
            | Self::WrongOrigin(_)
            | Self::NotIncluded
            | Self::NotInGlobal
            | Self::Witnessed => Class::BadContent,
        }
    }
}

/// Checks everything a receipt states against the keys the reader trusts.
///
/// # Errors
/// [`ReceiptRefusal`] names the first thing that does not hold.
pub fn verify(
    signed: &Signed<Receipt>,
    trusted: &Trusted,
) -> Result<VerifiedReceipt, ReceiptRefusal> {
    let receipt = signed.open(&trusted.export)?;
    let (entry, hash) = recorded(receipt)?;
    let note = &receipt.inclusion.checkpoint;
    let head = checkpoint::open(note, &trusted.checkpoint).map_err(ReceiptRefusal::Checkpoint)?;
    if !named(&head, |name| tenant_origin(name, receipt.org)) {
        return Err(ReceiptRefusal::WrongOrigin("the organisation's checkpoint"));
    }
    let (size, root) = (head.checkpoint().size, head.checkpoint().root);
    let path = path(&receipt.inclusion.path, "of the entry")?;
    if !verify_inclusion(&hash, receipt.inclusion.index, size, &path, &root) {
        return Err(ReceiptRefusal::NotIncluded);
    }
    let tenant = receipt.org;
    let witnesses = in_global(receipt, TenantHead { tenant, size, root }, trusted)?;
    Ok(VerifiedReceipt {
        entry,
        size,
        signed_by: head.signed_by().to_vec(),
        witnesses,
    })
}

/// The entry and its leaf hash, if the leaf is what the statement says it is.
fn recorded(receipt: &Receipt) -> Result<(EntryBody, Hash), ReceiptRefusal> {
    let bytes = BASE64
        .decode(&receipt.leaf)
        .map_err(|_| ReceiptRefusal::Leaf)?;
    let leaf = Leaf::parse(&bytes).map_err(|_| ReceiptRefusal::Leaf)?;
    let entry = leaf.entry().map_err(|_| ReceiptRefusal::Leaf)?;
    let place = leaf.position;
    let said = canonical::to_vec(&receipt.entry).map_err(|_| ReceiptRefusal::Leaf)?;
    let differs = [
        (place.tenant != receipt.org, "org"),
        (place.seq != receipt.inclusion.index, "inclusion.index"),
        (place.event_id != receipt.event_id, "eventId"),
        (
            receipt.decision_id.as_deref() != decision(&entry),
            "decisionId",
        ),
        (said != leaf.body, "entry"),
    ];
    match differs.into_iter().find(|(differs, _)| *differs) {
        Some((_, field)) => Err(ReceiptRefusal::Differs(field)),
        None => Ok((entry, leaf::leaf_hash(&bytes))),
    }
}

/// The decision that an entry records, if it records one.
#[must_use]
pub fn decision(entry: &EntryBody) -> Option<&str> {
    let recorded = entry.kind.starts_with("decision.");
    recorded.then_some(entry.aggregate_id.as_deref()).flatten()
}

/// Checks that a head is in the global log; the trusted witnesses that signed its head.
fn in_global(
    receipt: &Receipt,
    head: TenantHead,
    trusted: &Trusted,
) -> Result<Vec<(String, u64)>, ReceiptRefusal> {
    let note = &receipt.global.checkpoint;
    let global = checkpoint::open(note, &trusted.checkpoint);
    let global = global.map_err(ReceiptRefusal::GlobalCheckpoint)?;
    if !named(&global, global_origin) {
        return Err(ReceiptRefusal::WrongOrigin("the global checkpoint"));
    }
    let up = path(&receipt.interval.path, "of the head")?;
    let (index, size) = (receipt.interval.index, receipt.interval.size);
    // Nobody signs an interval's root itself: it is what the path leads to, if that is in the log.
    let interval = climb(&head.leaf_hash(), index, size, &up).ok_or(ReceiptRefusal::NotInGlobal)?;
    let signed = global.checkpoint();
    let path = path(&receipt.global.path, "of the interval")?;
    let leaf = merkle::leaf_hash(&interval);
    if !verify_inclusion(
        &leaf,
        receipt.global.index,
        signed.size,
        &path,
        &signed.root,
    ) {
        return Err(ReceiptRefusal::NotInGlobal);
    }
    if has_cosignature(note) != receipt.witnessed {
        return Err(ReceiptRefusal::Witnessed);
    }
    let witnessed = cosigned(note, &trusted.witness).map_err(|BadCosignature(name)| {
        ReceiptRefusal::GlobalCheckpoint(NoteError::BadSignature { name })
    })?;
    let witnesses = witnessed.into_iter().map(|it| (it.witness, it.time));
    Ok(witnesses.collect())
}

fn named(note: &VerifiedCheckpoint, origin: impl Fn(&str) -> String) -> bool {
    let mut names = note.signed_by().iter();
    names.any(|name| origin(name) == note.checkpoint().origin)
}

fn path(texts: &[String], which: &'static str) -> Result<Vec<Hash>, ReceiptRefusal> {
    let hash = |text: &String| BASE64.decode(text).ok()?.try_into().ok();
    let hashes: Option<Vec<Hash>> = texts.iter().map(hash).collect();
    hashes
        .filter(|path| path.len() <= MAX_PATH)
        .ok_or(ReceiptRefusal::Path(which))
}

/// Hashes of a path as a receipt has them.
#[must_use]
pub fn path_text(path: &[Hash]) -> Vec<String> {
    path.iter().map(|hash| BASE64.encode(hash)).collect()
}

#[cfg(test)]
mod tests;
