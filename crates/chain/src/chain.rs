//! One tenant's growing chain: the state an appender carries from leaf to leaf.

use crate::Hash;
use crate::leaf::{self, EntryBody, InvalidLeaf, Position};
use crate::merkle::Frontier;
use uuid::Uuid;

/// The head of a tenant's ledger: what is needed to append the next leaf, in O(log n) space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    tenant: Uuid,
    head_hash: Hash,
    frontier: Frontier,
}

/// A leaf that was appended in memory. It is not recorded until its transaction commits, and not
/// sealed until a checkpoint covers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Dense from 0.
    pub seq: u64,
    /// The exact bytes to store.
    pub leaf_bytes: Vec<u8>,
    /// Their hash.
    pub leaf_hash: Hash,
}

impl Chain {
    /// An empty ledger.
    #[must_use]
    pub fn new(tenant: Uuid) -> Self {
        Self {
            tenant,
            head_hash: leaf::genesis_hash(tenant),
            frontier: Frontier::default(),
        }
    }

    /// The state after `frontier.size()` leaves, the last of which hashes to `head_hash`.
    #[must_use]
    pub fn resume(tenant: Uuid, head_hash: Hash, frontier: Frontier) -> Self {
        if frontier.size() == 0 {
            return Self::new(tenant);
        }
        Self {
            tenant,
            head_hash,
            frontier,
        }
    }

    /// Appends one entry.
    ///
    /// # Errors
    /// [`InvalidLeaf`] when the body cannot be framed; the chain is then unchanged.
    pub fn append(&mut self, event_id: Uuid, body: &EntryBody) -> Result<Appended, InvalidLeaf> {
        let seq = self.size();
        let prev_hash = self.head_hash;
        let position = Position {
            tenant: self.tenant,
            seq,
            event_id,
            prev_hash,
        };
        let leaf_bytes = leaf::frame(&position, body)?;
        let leaf_hash = leaf::leaf_hash(&leaf_bytes);
        self.frontier.append(leaf_hash);
        self.head_hash = leaf_hash;
        Ok(Appended {
            seq,
            leaf_bytes,
            leaf_hash,
        })
    }

    /// Whose ledger it is.
    #[must_use]
    pub fn tenant(&self) -> Uuid {
        self.tenant
    }

    /// The number of leaves, which is the next sequence number.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The last leaf's hash, or the genesis hash.
    #[must_use]
    pub fn head_hash(&self) -> Hash {
        self.head_hash
    }

    /// The tree's state.
    #[must_use]
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::leaf::{Leaf, Source};

    pub(crate) fn tenant(n: u128) -> Uuid {
        Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + n)
    }

    pub(crate) fn body(n: u64) -> EntryBody {
        EntryBody {
            kind: "agent.paused.v1".into(),
            occurred_at: 1_790_000_000_000_000 + i64::try_from(n).unwrap(),
            actor: Some("key_7".into()),
            action: Some("agent.paused".into()),
            target: Some(format!("agent-{n}")),
            aggregate_id: None,
            on_behalf_of: Vec::new(),
            outcome: Some("ok".into()),
            reason_code: None,
            policy_set_hash: None,
            trace_id: None,
            window: None,
            source: Source {
                stream: "EVT_GATE".into(),
                subject: "writ.evt.gate.3.kill".into(),
                emitter: "control-1".into(),
                emitter_seq: Some(n),
                version: None,
            },
            digest: hex::encode([7; 32]),
        }
    }

    pub(crate) fn leaves(owner: Uuid, count: u64) -> (Chain, Vec<Vec<u8>>) {
        let mut chain = Chain::new(owner);
        let leaves = (0..count)
            .map(|n| {
                chain
                    .append(tenant(u128::from(n) + 1000), &body(n))
                    .unwrap()
                    .leaf_bytes
            })
            .collect();
        (chain, leaves)
    }

    #[test]
    fn every_leaf_names_the_one_before() {
        let (chain, leaves) = leaves(tenant(1), 20);
        let mut previous = leaf::genesis_hash(tenant(1));
        for (seq, bytes) in (0u64..).zip(&leaves) {
            let position = Leaf::parse(bytes).unwrap().position;
            assert_eq!((position.seq, position.prev_hash), (seq, previous));
            previous = leaf::leaf_hash(bytes);
        }
        assert_eq!((chain.size(), chain.head_hash()), (20, previous));
    }

    #[test]
    fn a_resumed_chain_goes_on_as_if_it_had_never_stopped() {
        let (mut live, _) = leaves(tenant(1), 13);
        let stored = Frontier::from_bytes(&live.frontier().to_bytes()).unwrap();
        let mut resumed = Chain::resume(tenant(1), live.head_hash(), stored);
        assert_eq!(
            live.append(tenant(5), &body(5)).unwrap(),
            resumed.append(tenant(5), &body(5)).unwrap()
        );
        assert_eq!(live, resumed);
    }

    #[test]
    fn two_tenants_share_no_leaf() {
        let ((_, a), (_, b)) = (leaves(tenant(1), 5), leaves(tenant(2), 5));
        assert!(
            a.iter()
                .zip(&b)
                .all(|(a, b)| leaf::leaf_hash(a) != leaf::leaf_hash(b))
        );
    }
}
