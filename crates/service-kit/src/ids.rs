//! New identifiers.

use uuid::{NoContext, Timestamp, Uuid};

use crate::clock::Clock;

/// A new UUIDv7 (RFC 9562) whose time is the clock's.
#[must_use]
pub fn new_v7(clock: &dyn Clock) -> Uuid {
    let now = clock.now();
    let secs = u64::try_from(now.timestamp()).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(
        NoContext,
        secs,
        now.timestamp_subsec_nanos(),
    ))
}
