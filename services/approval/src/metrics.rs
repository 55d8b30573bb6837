//! What the service counts.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

const EVENTS: &str = "writ_approval_events_total";
const VERIFIED: &str = "writ_approval_verifications_total";
const UNREADABLE: &str = "writ_approval_unreadable_total";
const MISSING: &str = "writ_approval_missing_bodies_total";
const LAG: &str = "writ_approval_lag_messages";

/// Names, units and help of every metric.
pub(crate) fn describe() {
    describe_counter!(
        EVENTS,
        Unit::Count,
        "facts about requests, by what happened"
    );
    describe_counter!(
        VERIFIED,
        Unit::Count,
        "answers of verify, by reason or \"valid\""
    );
    describe_counter!(
        UNREADABLE,
        Unit::Count,
        "messages this build cannot use, by feed"
    );
    describe_counter!(
        MISSING,
        Unit::Count,
        "requests whose action context was gone"
    );
    describe_gauge!(LAG, Unit::Count, "messages not yet read, by feed");
}

pub(crate) fn event(verb: &'static str) {
    counter!(EVENTS, "event" => verb).increment(1);
}

pub(crate) fn verified(answer: String) {
    counter!(VERIFIED, "answer" => answer).increment(1);
}

pub(crate) fn unreadable(feed: &'static str) {
    counter!(UNREADABLE, "feed" => feed).increment(1);
}

pub(crate) fn missing_body() {
    counter!(MISSING).increment(1);
}

#[allow(clippy::cast_precision_loss, reason = "a lag lies far below 2^53")]
pub(crate) fn lag(feed: &'static str, messages: u64) {
    gauge!(LAG, "feed" => feed).set(messages as f64);
}
