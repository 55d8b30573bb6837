//! What the service counts.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

const NOTICES: &str = "writ_notifier_notices_total";
const UNREADABLE: &str = "writ_notifier_unreadable_total";
const LAG: &str = "writ_notifier_lag_messages";
const ATTEMPTS: &str = "writ_notifier_attempts_total";
const ATTEMPT: &str = "writ_notifier_attempt_seconds";
const DISABLED: &str = "writ_notifier_endpoints_disabled_total";

/// Names, units and help of every metric.
pub(crate) fn describe() {
    describe_counter!(NOTICES, Unit::Count, "deliveries made of facts");
    describe_counter!(UNREADABLE, Unit::Count, "facts this build cannot read");
    describe_gauge!(LAG, Unit::Count, "messages of a stream not yet looked at");
    describe_counter!(ATTEMPTS, Unit::Count, "calls of endpoints by result");
    describe_histogram!(
        ATTEMPT,
        Unit::Seconds,
        "duration of calls that were answered"
    );
    describe_counter!(DISABLED, Unit::Count, "endpoints disabled by reason");
}

pub(crate) fn notices(count: u64) {
    counter!(NOTICES).increment(count);
}

pub(crate) fn unreadable() {
    counter!(UNREADABLE).increment(1);
}

#[allow(clippy::cast_precision_loss, reason = "a lag lies far below 2^53")]
pub(crate) fn lag(stream: &'static str, messages: u64) {
    gauge!(LAG, "stream" => stream).set(messages as f64);
}

pub(crate) fn attempt(result: &'static str, answered_in: Option<Duration>) {
    counter!(ATTEMPTS, "result" => result).increment(1);
    if let Some(elapsed) = answered_in {
        histogram!(ATTEMPT).record(elapsed);
    }
}

pub(crate) fn disabled(reason: &'static str) {
    counter!(DISABLED, "reason" => reason).increment(1);
}
