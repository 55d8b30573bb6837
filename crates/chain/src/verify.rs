//! The offline verifier. It shares with the appender nothing but the hash functions of this crate,
//! reads exact leaf bytes, and takes its keys from the caller, never from what it verifies.
//!
//! Three ways in: [`Verification`] is fed entry by entry (a database cursor), [`verify`] pulls from
//! a [`LedgerReader`], [`verify_export`] reads the lines of a bundle.
//!
//! What it cannot see alone: a tail cut off together with every later checkpoint, and a history
//! that somebody with the checkpoint key wrote anew. Heads kept elsewhere ([`KnownHead`]) and the
//! cosignatures of witnesses ([`Trust::quorum`]) show that.

mod above;
mod ahead;
mod finding;
mod global;
mod hidden;
mod lines;
mod moment;
mod numbering;
mod report;
mod seen;
mod siem;
mod trust;

pub use above::Above;
pub use finding::{Class, Finding};
pub use lines::{header_of, verify_export, verify_export_each};
pub use numbering::Numbering;
pub use report::Report;
pub use seen::{Log, Misuse, Seen, SeenRefusal};
pub use siem::{is_for_siem, verify_siem};
pub use trust::{Asked, KnownHead, Tail, Trust};

use crate::Hash;
use crate::checkpoint;
use crate::global::TenantHead;
use crate::keys::NamedVerifier;
use crate::leaf::{self, EntryBody, Leaf};
use crate::merkle::Frontier;
use report::Findings;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use uuid::Uuid;

/// One stored entry.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The sequence number it is stored under.
    pub position: u64,
    /// The exact leaf bytes.
    pub leaf_bytes: &'a [u8],
    /// The leaf hash stored beside them, where the store has one.
    pub stored_hash: Option<Hash>,
}

/// An entry with what can be told of it alone, wherever it stands.
struct ReadEntry {
    position: u64,
    hash: Hash,
    /// `None` when the bytes are none.
    leaf: Option<Leaf>,
}

impl ReadEntry {
    fn of(position: u64, leaf_bytes: &[u8]) -> Self {
        Self {
            position,
            hash: leaf::leaf_hash(leaf_bytes),
            leaf: Leaf::parse(leaf_bytes).ok(),
        }
    }
}

/// A leaf with the entry in it, if that is one and a hole it states can be read.
fn recorded(leaf: Leaf) -> Option<(Leaf, EntryBody)> {
    let entry = leaf.entry().ok()?;
    numbering::hole(&entry).ok()?;
    Some((leaf, entry))
}

/// A ledger as the verifier sees it: three questions, no writer.
pub trait LedgerReader {
    /// Why an answer could not be read.
    type Error;

    /// How many entries there are.
    ///
    /// # Errors
    /// The store's own.
    fn size(&mut self) -> Result<u64, Self::Error>;

    /// The exact leaf bytes stored under `seq`, `None` when there are none.
    ///
    /// # Errors
    /// The store's own.
    fn entry(&mut self, seq: u64) -> Result<Option<Vec<u8>>, Self::Error>;

    /// The latest signed checkpoint, `None` when the ledger was never sealed.
    ///
    /// # Errors
    /// The store's own.
    fn checkpoint(&mut self) -> Result<Option<String>, Self::Error>;
}

/// Verifies a whole ledger through its reader.
///
/// # Errors
/// The reader's own; whatever is wrong with the ledger is in the report.
pub fn verify<R: LedgerReader>(reader: &mut R, trust: Trust) -> Result<Report, R::Error> {
    let size = reader.size()?;
    let mut run = Verification::new(trust, reader.checkpoint()?.as_deref());
    for position in 0..size {
        if let Some(leaf_bytes) = reader.entry(position)? {
            run.entry(Entry {
                position,
                leaf_bytes: &leaf_bytes,
                stored_hash: None,
            });
        }
    }
    Ok(run.finish())
}

/// A verification in progress: entries in rising order, then [`Verification::finish`].
#[derive(Debug)]
pub struct Verification {
    org: Uuid,
    tail: Tail,
    sealed: Option<u64>,
    head: Option<TenantHead>,
    signed_by: Vec<String>,
    heads: BTreeMap<u64, Vec<(Hash, HeadKind)>>,
    /// Sizes of heads that the tree had as it grew.
    compared: BTreeSet<u64>,
    next: u64,
    previous: Option<Hash>,
    tree: Option<Frontier>,
    asked: Option<Range<u64>>,
    findings: Findings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeadKind {
    Checkpoint,
    Known,
}

impl Verification {
    /// Starts with the ledger's latest signed checkpoint, as text.
    #[must_use]
    pub fn new(trust: Trust, note: Option<&str>) -> Self {
        let mut heads: BTreeMap<u64, Vec<(Hash, HeadKind)>> = BTreeMap::new();
        for head in &trust.known {
            heads
                .entry(head.size)
                .or_default()
                .push((head.root, HeadKind::Known));
        }
        let mut run = Self {
            org: trust.org,
            tail: trust.tail,
            sealed: None,
            head: None,
            signed_by: Vec::new(),
            heads,
            compared: BTreeSet::new(),
            next: 0,
            previous: Some(leaf::genesis_hash(trust.org)),
            tree: Some(Frontier::default()),
            asked: Some(0..u64::MAX),
            findings: Findings::default(),
        };
        if let Some(note) = note {
            run.open_checkpoint(note, &trust.keys.checkpoint);
        }
        run.compare_heads();
        run
    }

    /// Checks the next entry. Positions that are skipped are reported as missing. The leaf, when
    /// it could be read.
    pub fn entry(&mut self, entry: Entry<'_>) -> Option<Leaf> {
        let read = ReadEntry::of(entry.position, entry.leaf_bytes);
        let differs = entry.stored_hash.is_some_and(|stored| stored != read.hash);
        if differs && entry.position >= self.next {
            self.findings.add(Finding::StoredHashDiffers {
                seq: entry.position,
            });
        }
        self.read_entry(read).map(|(leaf, _)| leaf)
    }

    /// As [`Verification::entry`], of one that was read before.
    fn read_entry(&mut self, entry: ReadEntry) -> Option<(Leaf, EntryBody)> {
        let ReadEntry {
            position,
            hash,
            leaf,
        } = entry;
        if !self.take_position(position) {
            return None;
        }
        // Read here and not ahead: its many texts are freed where they were made.
        let leaf = leaf.and_then(recorded);
        match &leaf {
            Some((leaf, _)) => self.check_leaf(position, leaf),
            None => self.findings.add(Finding::Unreadable { seq: position }),
        }
        self.follow(position, hash);
        leaf
    }

    fn follow(&mut self, position: u64, leaf_hash: Hash) {
        self.previous = Some(leaf_hash);
        self.next = position.saturating_add(1);
        if let Some(tree) = &mut self.tree {
            tree.append(leaf_hash);
        }
        self.compare_heads();
    }

    /// What was found.
    #[must_use]
    pub fn finish(mut self) -> Report {
        let found = self.next;
        match self.sealed {
            Some(size) if found < size => {
                self.findings.add(Finding::MissingEntries {
                    from: found,
                    to: size,
                });
            }
            Some(size) if found > size && self.tail == Tail::Sealed => {
                self.findings.add(Finding::UnsealedEntries {
                    from: size,
                    to: found,
                });
            }
            None if found > 0 && self.findings.is_without_checkpoint_trouble() => {
                self.findings.add(Finding::NeverSealed);
            }
            Some(_) | None => {}
        }
        self.known_heads(found);
        Report::new(self.org, found, self.sealed, self.signed_by, self.findings)
    }

    /// Whether the heads seen earlier are still contained.
    fn known_heads(&mut self, found: u64) {
        let known = self.heads.iter().filter(|(_, heads)| is_known(heads));
        let known: Vec<u64> = known.map(|(size, _)| *size).collect();
        let claimed = self.sealed.unwrap_or(0).min(found);
        if let Some(&known) = known.last().filter(|known| claimed < **known) {
            let found = claimed;
            self.findings
                .add(Finding::ShorterThanKnown { known, found });
        }
        // Without the entries, a head of the signed size itself is compared with what was signed.
        let signed = self.head.filter(|it| !self.compared.contains(&it.size));
        let same = signed.and_then(|it| Some((it, self.heads.get(&it.size)?)));
        if same.is_some_and(|(it, heads)| heads.iter().any(|(root, _)| *root != it.root)) {
            let size = self.sealed.unwrap_or(0);
            self.findings.add(Finding::KnownHeadDiffers { size });
        }
        let open = |size: &u64| {
            *size <= claimed && !self.compared.contains(size) && self.sealed != Some(*size)
        };
        let not_compared: Vec<u64> = known.into_iter().filter(open).collect();
        let not_compared = not_compared.into_iter();
        let not_compared = not_compared.map(|size| Finding::NotCompared { size });
        self.findings.extend(not_compared);
    }

    fn open_checkpoint(&mut self, note: &str, keys: &[NamedVerifier]) {
        let verified = match checkpoint::open(note, keys) {
            Ok(verified) => verified,
            Err(error) => return self.findings.add(global::refusal(error)),
        };
        let head = verified.checkpoint();
        let expected = |name: &String| checkpoint::tenant_origin(name, self.org) == head.origin;
        if !verified.signed_by().iter().any(expected) {
            return self.findings.add(Finding::WrongOrigin);
        }
        self.sealed = Some(head.size);
        self.signed_head(head);
        self.signed_by = verified.signed_by().to_vec();
        self.heads
            .entry(head.size)
            .or_default()
            .push((head.root, HeadKind::Checkpoint));
    }

    /// Whether the entry is to be read; reports a hole before it, or that it comes again.
    fn take_position(&mut self, position: u64) -> bool {
        if position < self.next {
            self.findings.add(Finding::OutOfOrder { seq: position });
            return false;
        }
        if position > self.next {
            self.findings.add(Finding::MissingEntries {
                from: self.next,
                to: position,
            });
            self.previous = None;
            self.tree = None;
        }
        true
    }

    fn check_leaf(&mut self, seq: u64, leaf: &Leaf) {
        if leaf.position.tenant != self.org {
            self.findings.add(Finding::WrongTenant { seq });
        }
        if leaf.position.seq != seq {
            self.findings.add(Finding::WrongPosition {
                seq,
                claims: leaf.position.seq,
            });
        }
        if self
            .previous
            .is_some_and(|previous| previous != leaf.position.prev_hash)
        {
            self.findings.add(Finding::BrokenChain { seq });
        }
    }

    fn compare_heads(&mut self) {
        let Some(tree) = &self.tree else { return };
        let Some(heads) = self.heads.get(&tree.size()) else {
            return;
        };
        let (size, root) = (tree.size(), tree.root());
        self.compared.insert(size);
        for (expected, kind) in heads {
            if *expected != root {
                self.findings.add(match kind {
                    HeadKind::Checkpoint => Finding::RootDiffers { size },
                    HeadKind::Known => Finding::KnownHeadDiffers { size },
                });
            }
        }
    }
}

fn is_known(heads: &[(Hash, HeadKind)]) -> bool {
    heads.iter().any(|(_, kind)| *kind == HeadKind::Known)
}

#[cfg(test)]
mod tests;
