//! Entries of which there are only hashes: they must still add up to the signed root.

use super::{Finding, Verification};
use crate::Hash;
use crate::export::Redacted;
use crate::merkle::subtrees;

impl Verification {
    /// Takes the hash that is kept of an entry whose month was taken out of the ledger. It must add up
    /// to the signed root; that the ledger says so of its month is for the caller to find.
    pub fn taken_out(&mut self, position: u64, leaf_hash: Hash) {
        if !self.take_position(position) {
            return;
        }
        self.findings.hidden = self.findings.hidden.saturating_add(1);
        self.follow(position, leaf_hash);
    }

    /// Checks a redaction mark in the place of the entries it stands for.
    pub fn redacted(&mut self, mark: &Redacted) {
        let Redacted { from, to, .. } = *mark;
        if !self.take_position(from) {
            return;
        }
        let places = subtrees(from, to);
        let fits = from < to && self.sealed.is_none_or(|size| to <= size);
        if !fits || places.count() != mark.nodes.len() {
            return self.findings.add(Finding::BadRedaction { seq: from });
        }
        let missed = match &self.asked {
            Some(asked) => asked.start.max(from)..asked.end.min(to),
            None => 0..0,
        };
        if !missed.is_empty() {
            self.findings.add(Finding::Redacted {
                from: missed.start,
                to: missed.end,
            });
        }
        self.findings.hidden = self.findings.hidden.saturating_add(to - from);
        for ((level, _), root) in subtrees(from, to).zip(&mark.nodes) {
            // The last of them, when it is a single leaf, is what the next entry follows.
            self.previous = (level == 0).then_some(*root);
            let fits = self.tree.as_mut().map(|it| it.append_subtree(level, *root));
            if fits == Some(false) {
                self.tree = None;
            }
            self.compare_heads();
        }
        self.next = to;
    }
}
