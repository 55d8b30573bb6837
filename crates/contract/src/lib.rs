//! What the services agree on, and nothing else: ids, the envelope, fact messages, the shard
//! function, and the table of streams and subjects. Pure: no IO, no clock, no randomness.
//!
//! A fact is a past-tense statement by the one service that owns its subject. Facts of `control`
//! and `approval` carry the full state of their aggregate and a dense `version`, so that the last
//! fact of a subject is the state and the order of arrival does not matter. Records of the gate
//! and of the input streams are packed, many to a message, and numbered by their emitter.

pub mod digest;
pub mod envelope;
pub mod fact;
pub mod ids;
pub mod pause;
mod sealed;
pub mod shard;
pub mod topology;

/// The messages of `proto/writ/event/v1`, as generated.
#[allow(
    missing_debug_implementations,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "generated from proto/writ/event/v1"
)]
pub mod wire {
    include!(concat!(env!("OUT_DIR"), "/writ.event.v1.rs"));
}

pub use envelope::{Audit, Envelope, Packed, Record, Unreadable};
pub use fact::{Fact, Kind};
pub use ids::*;
pub use pause::{Acting, Pause, Scope, Standing};
pub use shard::{SHARDS, Shard};
pub use topology::{Service, Stream, Topology};
