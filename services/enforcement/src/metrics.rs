//! Every metric of this service.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

/// Decisions given, by outcome: `allow`, `hold`, `deny`.
pub const DECISIONS: &str = "writ_enforcement_decisions_total";
/// Calls that got no decision.
pub const UNDECIDED: &str = "writ_enforcement_undecided_total";
/// Time spent judging, without recording.
pub const EVALUATION: &str = "writ_enforcement_evaluation_seconds";
/// Decisions taken again because a pause came in between.
pub const REDECIDED: &str = "writ_enforcement_redecided_total";
/// Denials kept in the local spool.
pub const SPOOLED: &str = "writ_enforcement_spooled_denials_total";
/// Denials that could be kept nowhere.
pub const LOST: &str = "writ_enforcement_unspooled_denials_total";

/// Declares units and help.
pub fn describe() {
    describe_counter!(DECISIONS, Unit::Count, "decisions given, by outcome");
    describe_counter!(UNDECIDED, Unit::Count, "calls answered 503");
    describe_histogram!(EVALUATION, Unit::Seconds, "time spent judging one act");
    describe_counter!(
        REDECIDED,
        Unit::Count,
        "decisions taken again behind a pause"
    );
    describe_counter!(
        SPOOLED,
        Unit::Count,
        "denials kept locally while the log was away"
    );
    describe_counter!(
        LOST,
        Unit::Count,
        "denials answered that could be recorded nowhere"
    );
}

pub(crate) fn decided(outcome: &'static str) {
    counter!(DECISIONS, "outcome" => outcome).increment(1);
}

pub(crate) fn evaluated(took: Duration) {
    histogram!(EVALUATION).record(took);
}

pub(crate) fn count(name: &'static str) {
    counter!(name).increment(1);
}
