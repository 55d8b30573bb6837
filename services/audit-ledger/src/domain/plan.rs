//! From arrivals to entries: each fact once, holes in the numbers recorded before what follows them.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use sha2::{Digest, Sha256};
use uuid::Uuid;
use writ_chain::Hash;
use writ_chain::chain::Chain;
use writ_chain::leaf::{EntryBody, salted_digest};
use writ_contract::{EventId, OrgId};

use super::arrival::{Arrival, Index, Number, unreadable};
use super::compliance::{Bearing, Evidence};

/// Type of the entry that says which numbers never came.
pub(crate) use writ_chain::leaf::GAP;

/// Salts: 32 random bytes each time.
pub(crate) trait Randomness: FnMut() -> [u8; 32] {}
impl<F: FnMut() -> [u8; 32]> Randomness for F {}

/// An entry ready to be inserted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewEntry {
    pub(crate) org: OrgId,
    pub(crate) seq: u64,
    pub(crate) event_id: EventId,
    pub(crate) single: bool,
    pub(crate) leaf_bytes: Vec<u8>,
    pub(crate) leaf_hash: Hash,
    pub(crate) salt: [u8; 32],
    pub(crate) body: EntryBody,
    pub(crate) index: Index,
    pub(crate) bearing: Bearing,
}

/// What one batch comes to.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) entries: Vec<NewEntry>,
    /// Facts that were in the ledger already.
    pub(crate) repeated: usize,
    /// Holes found.
    pub(crate) gaps: usize,
}

/// The last number seen of each source.
pub(crate) type Numbers = HashMap<(Uuid, String), u64>;

/// Plans the entries for `arrivals`, in order. `known` are the events that are in the ledger;
/// `chains` and `numbers` are brought forward. Every organisation must have its chain; one that has
/// none yet begins at its genesis.
pub(crate) fn plan(
    arrivals: Vec<Arrival>,
    known: &mut HashSet<(Uuid, Uuid)>,
    numbers: &mut Numbers,
    chains: &mut HashMap<Uuid, Chain>,
    mut salt: impl Randomness,
) -> Plan {
    let mut plan = Plan::default();
    for arrival in arrivals {
        // The number first: a fact that was recorded under two numbers used both of them up.
        let hole = arrival
            .number
            .as_ref()
            .and_then(|number| advance(numbers, arrival.org, number));
        let org = arrival.org.0;
        let chain = chains.entry(org).or_insert_with(|| Chain::new(org));
        if let Some(missing) = hole {
            let gap = gap(&arrival, missing);
            if known.insert((org, gap.event_id.0)) {
                plan.gaps += 1;
                plan.entries.extend(entry(chain, gap, salt()));
            }
        }
        if known.insert((org, arrival.event_id.0)) {
            plan.entries.extend(entry(chain, arrival, salt()));
        } else {
            plan.repeated += 1;
        }
    }
    plan
}

/// Takes the next number of a source; the numbers that were left out, if any were. A number that
/// comes late changes nothing.
fn advance(numbers: &mut Numbers, org: OrgId, number: &Number) -> Option<Range<u64>> {
    let last = numbers.entry((org.0, number.source.clone())).or_default();
    let missing = *last + 1..number.seq;
    *last = (*last).max(number.seq);
    (!missing.is_empty()).then_some(missing)
}

/// The entry that says which numbers of a source never came. Its id follows from the hole, so that
/// a hole is recorded once.
fn gap(after: &Arrival, missing: Range<u64>) -> Arrival {
    let source = after
        .number
        .as_ref()
        .map_or("", |number| number.source.as_str());
    let what = format!("{source}:{}-{}", missing.start, missing.end - 1);
    let digest = Sha256::new()
        .chain_update("writ-ledger-gap/1\n")
        .chain_update(after.org.0.as_bytes())
        .chain_update(&what)
        .finalize();
    let id = digest.first_chunk::<16>().copied().unwrap_or_default();
    Arrival {
        org: after.org,
        event_id: EventId(uuid::Builder::from_custom_bytes(id).into_uuid()),
        single: false,
        envelope: what.clone().into_bytes(),
        body: EntryBody {
            kind: GAP.to_owned(),
            action: Some("ledger.gap.detected".to_owned()),
            target: Some(what),
            reason_code: Some("GAP_DETECTED".to_owned()),
            ..unreadable(after.body.source.clone(), after.body.occurred_at)
        },
        index: Index::default(),
        bearing: Bearing::of(Evidence::GapsFound),
        number: None,
    }
}

/// Appends one arrival to its chain. A body that cannot be framed (a field far over its size) is
/// recorded as unreadable, so that no fact is left out and none stops the ledger.
fn entry(chain: &mut Chain, arrival: Arrival, salt: [u8; 32]) -> Option<NewEntry> {
    let digest = hex::encode(salted_digest(&salt, &arrival.envelope));
    let mut body = EntryBody {
        digest: digest.clone(),
        ..arrival.body
    };
    let event_id = arrival.event_id.0;
    let appended = match chain.append(event_id, &body) {
        Ok(appended) => appended,
        Err(_) => {
            body = EntryBody {
                digest,
                ..unreadable(body.source, body.occurred_at)
            };
            chain.append(event_id, &body).ok()?
        }
    };
    Some(NewEntry {
        org: arrival.org,
        seq: appended.seq,
        event_id: arrival.event_id,
        single: arrival.single,
        leaf_bytes: appended.leaf_bytes,
        leaf_hash: appended.leaf_hash,
        salt,
        body,
        index: arrival.index,
        bearing: arrival.bearing,
    })
}

#[cfg(test)]
mod tests;
