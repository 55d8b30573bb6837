//! The log over all organisations: what shows that a whole ledger was removed.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use uuid::Uuid;
use writ_chain::checkpoint::{self, NoteError, global_origin};
use writ_chain::cosignature::cosigned_lines;
use writ_chain::global::{TenantHead, interval_root};
use writ_chain::keys::Trusted;
use writ_chain::merkle::{Frontier, leaf_hash};
use writ_chain::note;
use writ_chain::verify::{Class, Seen};

use super::ledger::{Interval, Ledger};
use super::outcome::{Outcome, What, witnessed};
use super::tiles::Roots;
use crate::failure::Failure;

/// A run over the intervals in rising order.
struct Run<'a> {
    keys: &'a Trusted,
    tree: Frontier,
    tiles: Roots,
    last_note: Option<String>,
    /// What witnesses signed, by the size of the log.
    lines: BTreeMap<u64, String>,
    witnesses: BTreeSet<String>,
    /// Heads that the reader kept.
    seen: &'a [Seen],
    outcome: Outcome,
}

/// Recomputes every interval's root from the heads kept, the tree over them, and checks the last
/// head's signature; and that at least `quorum` witnesses signed a head that is in it, not necessarily
/// the last: sealing does not wait for them. A connection that does not see every organisation finds
/// intervals wrong.
pub(super) async fn verify(
    ledger: &mut Ledger,
    keys: &Trusted,
    quorum: usize,
    seen: &[Seen],
) -> Result<Outcome, Failure> {
    let mut lines: BTreeMap<u64, String> = BTreeMap::new();
    if !keys.witness.is_empty() {
        for (size, line) in ledger.cosignatures().await? {
            lines.entry(size).or_default().push_str(&line);
        }
    }
    let mut run = Run {
        keys,
        tree: Frontier::default(),
        tiles: Roots::default(),
        last_note: None,
        lines,
        witnesses: BTreeSet::new(),
        seen,
        outcome: Outcome {
            what: What::Intervals,
            ..Outcome::named("global")
        },
    };
    {
        let mut intervals = ledger.intervals();
        while let Some(interval) = intervals.next().await {
            run.interval(interval?);
        }
    }
    let tiles = std::mem::take(&mut run.tiles);
    let mut outcome = run.finish(quorum);
    let size = outcome.sealed.unwrap_or_default();
    tiles.check(ledger, Uuid::nil(), size, &mut outcome).await?;
    Ok(outcome)
}

impl Run<'_> {
    fn interval(&mut self, interval: Interval) {
        let expected = self.tree.size();
        if interval.index != expected {
            let missing = format!("intervals {expected}..{} are missing", interval.index);
            self.outcome.wrong(Class::IncompleteRange, missing);
        }
        let heads = heads(&interval);
        if heads.is_none_or(|heads| interval_root(&heads) != Ok(interval.root)) {
            let index = interval.index;
            let text = format!("interval {index}: the heads kept are not those that were signed");
            self.outcome.wrong(Class::BadContent, text);
        }
        let leaf = leaf_hash(&interval.root);
        self.tree.append(leaf);
        self.tiles.append(leaf);
        self.compare();
        if let Some(lines) = self.lines.remove(&self.tree.size()) {
            self.cosigned(&interval.note, &lines);
        }
        self.last_note = Some(interval.note);
    }

    /// Looks whether what the reader kept is the head of the tree so far.
    fn compare(&mut self) {
        let (size, root) = (self.tree.size(), self.tree.root());
        let mut seen = self.seen.iter().map(|it| it.head);
        if seen.any(|head| head.size == size && head.root != root) {
            let text = format!("the first {size} intervals are not those seen earlier");
            self.outcome.wrong(Class::BadContent, text);
        }
    }

    /// What the reader kept of a longer log.
    fn set_back(&mut self) {
        let size = self.tree.size();
        let longest = self.seen.iter().map(|it| it.head.size).max();
        if let Some(known) = longest.filter(|known| *known > size) {
            let text = format!("{known} intervals were seen earlier, {size} are here");
            self.outcome.wrong(Class::IncompleteRange, text);
        }
    }

    /// Looks who signed this head, which must be the one of the tree so far.
    fn cosigned(&mut self, note: &str, lines: &str) {
        let text = note::text_of(note).unwrap_or_default();
        let found = match cosigned_lines(text, lines, &self.keys.witness) {
            Ok(found) => found,
            Err(wrong) => return self.outcome.wrong(Class::BadContent, wrong.to_string()),
        };
        let opened = checkpoint::open(note, &self.keys.checkpoint);
        let same = opened.is_ok_and(|head| {
            let head = head.checkpoint();
            (head.size, head.root) == (self.tree.size(), self.tree.root())
        });
        if !same && !found.is_empty() {
            let text = "a witness signed other intervals than are kept";
            return self.outcome.wrong(Class::BadContent, text);
        }
        for one in found {
            let (said, size) = (witnessed(&one.witness, one.time), self.tree.size());
            let text = format!("{said}, up to interval {}", size - 1);
            self.outcome.notes.push(text);
            self.witnesses.insert(one.witness);
        }
    }

    /// What witnesses signed beyond what there is, and whether enough of them signed.
    fn quorum(&mut self, quorum: usize) {
        if let Some(size) = self.lines.keys().next_back() {
            let text = format!(
                "a witness signed {size} intervals, and {} are here: the log was set back",
                self.tree.size()
            );
            self.outcome.wrong(Class::IncompleteRange, text);
        }
        let have = self.witnesses.len();
        if have < quorum {
            let text = format!("{have} trusted witnesses cosigned, {quorum} must");
            self.outcome.wrong(Class::MissingQuorum, text);
        }
    }

    fn finish(mut self, quorum: usize) -> Outcome {
        self.outcome.entries = self.tree.size();
        self.set_back();
        let keys: &Trusted = self.keys;
        let Some(note) = self.last_note.take() else {
            if !self.lines.is_empty() {
                self.quorum(quorum);
            }
            return self.outcome;
        };
        match checkpoint::open(&note, &keys.checkpoint) {
            Err(NoteError::UnknownKey) => {
                self.outcome
                    .wrong(Class::UnknownKey, "no trusted key signed the global head");
            }
            Err(error) => self
                .outcome
                .wrong(Class::BadContent, format!("the global head: {error}")),
            Ok(verified) => {
                let head = verified.checkpoint();
                let named = |name: &String| global_origin(name) == head.origin;
                let same = head.size == self.tree.size() && head.root == self.tree.root();
                if !same || !verified.signed_by().iter().any(named) {
                    self.outcome.wrong(
                        Class::BadContent,
                        "the intervals are not those that were signed",
                    );
                }
                self.outcome.sealed = Some(head.size);
                self.outcome.signed_by = verified.signed_by().to_vec();
            }
        }
        self.quorum(quorum);
        self.outcome
    }
}

/// The heads as they were signed; `None` when one cannot have been.
fn heads(interval: &Interval) -> Option<Vec<TenantHead>> {
    let head = |(tenant, size, root): &(Uuid, i64, Vec<u8>)| {
        Some(TenantHead {
            tenant: *tenant,
            size: u64::try_from(*size).ok()?,
            root: root.as_slice().try_into().ok()?,
        })
    };
    interval.heads.iter().map(head).collect()
}
