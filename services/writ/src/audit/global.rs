//! The log over all organisations: what shows that a whole ledger was removed.

use futures::StreamExt;
use uuid::Uuid;
use writ_chain::checkpoint::{self, NoteError, global_origin};
use writ_chain::global::{TenantHead, interval_root};
use writ_chain::keys::NamedVerifier;
use writ_chain::merkle::{Frontier, leaf_hash};
use writ_chain::verify::Class;

use super::ledger::{Interval, Ledger};
use super::outcome::Outcome;
use crate::failure::Failure;

/// More findings than this are counted, not kept.
const MOST: usize = 100;

/// A run over the intervals in rising order.
struct Run {
    tree: Frontier,
    last_note: Option<String>,
    outcome: Outcome,
}

/// Recomputes every interval's root from the heads kept, the tree over them, and checks the last
/// head's signature. A connection that does not see every organisation finds intervals wrong.
pub(super) async fn verify(
    ledger: &mut Ledger,
    keys: &[NamedVerifier],
) -> Result<Outcome, Failure> {
    let mut run = Run {
        tree: Frontier::default(),
        last_note: None,
        outcome: Outcome::named("global"),
    };
    {
        let mut intervals = ledger.intervals();
        while let Some(interval) = intervals.next().await {
            run.interval(interval?);
        }
    }
    Ok(run.finish(keys))
}

impl Run {
    fn interval(&mut self, interval: Interval) {
        let expected = self.tree.size();
        if interval.index != expected {
            let missing = format!("intervals {expected}..{} are missing", interval.index);
            self.found(Class::IncompleteRange, missing);
        }
        let heads = heads(&interval);
        if heads.is_none_or(|heads| interval_root(&heads) != Ok(interval.root)) {
            let index = interval.index;
            let text = format!("interval {index}: the heads kept are not those that were signed");
            self.found(Class::BadContent, text);
        }
        self.tree.append(leaf_hash(&interval.root));
        self.last_note = Some(interval.note);
    }

    fn finish(mut self, keys: &[NamedVerifier]) -> Outcome {
        self.outcome.entries = self.tree.size();
        let Some(note) = self.last_note.take() else {
            return self.outcome;
        };
        match checkpoint::open(&note, keys) {
            Err(NoteError::UnknownKey) => {
                self.found(Class::UnknownKey, "no trusted key signed the global head");
            }
            Err(error) => self.found(Class::BadContent, format!("the global head: {error}")),
            Ok(verified) => {
                let head = verified.checkpoint();
                let named = |name: &String| global_origin(name) == head.origin;
                let same = head.size == self.tree.size() && head.root == self.tree.root();
                if !same || !verified.signed_by().iter().any(named) {
                    self.found(
                        Class::BadContent,
                        "the intervals are not those that were signed",
                    );
                }
                self.outcome.sealed = Some(head.size);
                self.outcome.signed_by = verified.signed_by().to_vec();
            }
        }
        self.outcome
    }

    fn found(&mut self, class: Class, text: impl Into<String>) {
        let outcome = &mut self.outcome;
        outcome.class = outcome.class.max(class);
        outcome.total += 1;
        if outcome.findings.len() < MOST {
            outcome.findings.push(text.into());
        }
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
