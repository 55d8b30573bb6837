//! What becomes an entry, and what may be signed: decisions over values.

pub(crate) mod agent;
mod arrival;
pub(crate) mod compliance;
mod plan;
mod seal;
mod taken_out;
mod when;

pub(crate) use arrival::{Arrival, Index, arrivals, incarnation, trace_id, unreadable};
pub(crate) use plan::{GAP, NewEntry, Plan, plan};
pub(crate) use seal::{Head, StoredLeaf, extend};
pub(crate) use taken_out::taken_out;
pub(crate) use when::{NoTime, When};
