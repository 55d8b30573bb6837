//! What may be signed: only what was read back from the store and hashed again.

use uuid::Uuid;
use writ_chain::Hash;
use writ_chain::leaf::{Leaf, genesis_hash, leaf_hash};
use writ_chain::merkle::Frontier;

/// A log as far as it was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) tenant: Uuid,
    pub(crate) frontier: Frontier,
    pub(crate) head_hash: Hash,
}

/// One entry as the store gives it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredLeaf {
    pub(crate) seq: u64,
    pub(crate) leaf_bytes: Vec<u8>,
    pub(crate) leaf_hash: Vec<u8>,
}

/// An entry that is not what was appended: the log must not be signed any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq} of {tenant} is damaged")]
pub(crate) struct Corrupt {
    pub(crate) tenant: Uuid,
    pub(crate) seq: u64,
}

impl Head {
    /// A log of which nothing was sealed yet.
    pub(crate) fn new(tenant: Uuid) -> Self {
        Self {
            tenant,
            frontier: Frontier::default(),
            head_hash: genesis_hash(tenant),
        }
    }

    /// The number of sealed entries.
    pub(crate) fn size(&self) -> u64 {
        self.frontier.size()
    }
}

/// The head after `rows`, which must be the next entries without a hole.
///
/// # Errors
/// [`Corrupt`] at the first entry whose bytes, hash, place or predecessor is not right.
pub(crate) fn extend(head: &Head, rows: &[StoredLeaf]) -> Result<Head, Corrupt> {
    let mut next = head.clone();
    for row in rows {
        let seq = next.size();
        let corrupt = Corrupt {
            tenant: next.tenant,
            seq,
        };
        let leaf = Leaf::parse(&row.leaf_bytes).map_err(|_| corrupt)?;
        let hash = leaf_hash(&row.leaf_bytes);
        let place = leaf.position;
        let right = row.seq == seq
            && row.leaf_hash == hash
            && place.seq == seq
            && place.tenant == next.tenant
            && place.prev_hash == next.head_hash;
        if !right {
            return Err(corrupt);
        }
        next.frontier.append(hash);
        next.head_hash = hash;
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use writ_chain::chain::Chain;
    use writ_chain::leaf::Source;

    use super::*;
    use crate::domain::arrival::unreadable;

    const TENANT: Uuid = Uuid::from_u128(7);

    fn rows(count: u64) -> (Chain, Vec<StoredLeaf>) {
        let mut chain = Chain::new(TENANT);
        let source = Source {
            stream: "S".into(),
            subject: "s".into(),
            emitter: "e".into(),
            emitter_seq: None,
            version: None,
        };
        let row = |n: u64| {
            let body = unreadable(source.clone(), 1);
            let appended = chain.append(Uuid::from_u128(n.into()), &body).unwrap();
            StoredLeaf {
                seq: appended.seq,
                leaf_bytes: appended.leaf_bytes,
                leaf_hash: appended.leaf_hash.to_vec(),
            }
        };
        let rows = (0..count).map(row).collect();
        (chain, rows)
    }

    #[test]
    fn what_was_appended_is_what_is_sealed_however_it_is_cut() {
        let (chain, rows) = rows(40);
        for cut in 0..=40 {
            let first = extend(&Head::new(TENANT), &rows[..cut]).unwrap();
            let all = extend(&first, &rows[cut..]).unwrap();
            assert_eq!(all.frontier, *chain.frontier());
            assert_eq!(all.head_hash, chain.head_hash());
        }
    }

    #[test]
    fn a_damaged_entry_is_never_sealed() {
        let (_, rows) = rows(12);
        let damages: [fn(&mut Vec<StoredLeaf>, usize); 5] = [
            |rows, at| rows[at].leaf_bytes[100] ^= 1,
            |rows, at| rows[at].leaf_hash[3] ^= 1,
            |rows, at| rows[at].seq += 1,
            |rows, at| drop(rows.remove(at)),
            |rows, at| {
                let next = (at + 1) % rows.len();
                rows.swap(at, next);
            },
        ];
        for damage in damages {
            for at in 0..11 {
                let mut damaged = rows.clone();
                damage(&mut damaged, at);
                let refused = extend(&Head::new(TENANT), &damaged);
                assert!(refused.is_err(), "at {at}");
            }
        }
    }
}
