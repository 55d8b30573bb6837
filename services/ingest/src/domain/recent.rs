//! Which items were stored a short time ago, so that a chunk sent again counts once.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use writ_contract::OrgId;

/// Identities of a generation; two generations are kept.
const GENERATION: usize = 200_000;

/// A bounded memory of identities. What it has forgotten is still stored once: the table's key is
/// the same identity.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    hasher: RandomState,
    young: HashSet<u64>,
    old: HashSet<u64>,
}

impl Recent {
    /// The item's place in the memory.
    #[must_use]
    pub(crate) fn key(&self, org: OrgId, trace_id: &str, span_id: &str) -> u64 {
        self.hasher.hash_one((org.0, trace_id, span_id))
    }

    /// Whether the item was stored lately.
    #[must_use]
    pub(crate) fn contains(&self, key: u64) -> bool {
        self.young.contains(&key) || self.old.contains(&key)
    }

    /// Remembers a stored item; false when it was there already.
    pub(crate) fn insert(&mut self, key: u64) -> bool {
        if self.contains(key) {
            return false;
        }
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_another_item_than_its_trace() {
        let mut recent = Recent::default();
        let org = OrgId::from_bytes(&[1; 16]).unwrap();
        let (root, span) = (recent.key(org, "t", ""), recent.key(org, "t", "s"));
        assert!(recent.insert(root) && !recent.insert(root));
        assert!(recent.contains(root) && !recent.contains(span));
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut recent = Recent::default();
        for key in 0..3 * GENERATION as u64 {
            recent.insert(key);
        }
        assert!(recent.young.len() + recent.old.len() <= 2 * GENERATION);
        assert!(recent.contains(3 * GENERATION as u64 - 1) && !recent.contains(0));
    }
}
