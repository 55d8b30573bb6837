//! Round trips, and bytes from outside.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use proptest::prelude::*;
use uuid::Uuid;
use writ_contract::{Audit, Envelope, EventId, Kind, OrgId, Packed, Unreadable, wire};

proptest! {
    #[test]
    fn an_envelope_reads_back_what_was_written(
        event in any::<u128>(), org in any::<u128>(), aggregate in ".*", version in any::<u64>(),
        at in any::<i64>(), actor in ".*", behalf in prop::collection::vec(".*", 0..4),
        fact in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let written = Envelope {
            event_id: EventId(Uuid::from_u128(event)),
            kind: Kind::of::<wire::Policy>("updated"),
            org: OrgId(Uuid::from_u128(org)),
            aggregate_id: aggregate,
            version,
            occurred_at_us: at,
            audit: Audit { actor, on_behalf_of: behalf, ..Audit::default() },
            fact,
            traceparent: String::new(),
        };
        prop_assert_eq!(Envelope::decode(&written.encode()), Ok(written));
    }

    #[test]
    fn arbitrary_bytes_are_refused_not_fatal(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        if let Ok(envelope) = Envelope::decode(&bytes) {
            prop_assert_eq!(Envelope::decode(&envelope.encode()), Ok(envelope));
        }
        if let Ok(packed) = Packed::decode(&bytes) {
            prop_assert_eq!(Packed::decode(&packed.encode()), Ok(packed));
        }
    }
}

#[test]
fn a_newer_major_version_is_told_from_a_malformed_fact() {
    let envelope = Envelope {
        event_id: EventId(Uuid::nil()),
        kind: "policy.updated.v2".parse().unwrap(),
        org: OrgId(Uuid::nil()),
        aggregate_id: String::new(),
        version: 1,
        occurred_at_us: 0,
        audit: Audit::default(),
        fact: Vec::new(),
        traceparent: String::new(),
    };
    assert!(matches!(
        envelope.open::<wire::Policy>(),
        Err(Unreadable::NewerMajor { .. })
    ));
    assert!(matches!(
        envelope.open::<wire::Agent>(),
        Err(Unreadable::OtherAggregate { .. })
    ));
}
