//! Every metric of this service.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use writ_policy::{Decision, Outcome};

use crate::budget::Ending;

/// Decisions given, by outcome: `allow`, `hold`, `deny`, `plan_spent`.
pub const DECISIONS: &str = "writ_enforcement_decisions_total";
/// Calls that got no decision.
pub const UNDECIDED: &str = "writ_enforcement_undecided_total";
/// Time spent judging, without recording.
pub const EVALUATION: &str = "writ_enforcement_evaluation_seconds";
/// Questions put to validators and models, by kind and answer.
pub const ASKED: &str = "writ_enforcement_outside_questions_total";
/// Time until such a question was answered or given up.
pub const ASKING: &str = "writ_enforcement_outside_seconds";
/// Decisions that let an act go on although a policy could not be judged.
pub const FAILED_OPEN: &str = "writ_enforcement_failed_open_total";
/// Decisions taken again because a pause came in between.
pub const REDECIDED: &str = "writ_enforcement_redecided_total";
/// Denials kept in the local spool.
pub const SPOOLED: &str = "writ_enforcement_spooled_denials_total";
/// Denials that could be kept nowhere.
pub const LOST: &str = "writ_enforcement_unspooled_denials_total";
/// Reservations that ended after their decision, by ending: `void`, `settle`.
pub const ENDED: &str = "writ_enforcement_ended_reservations_total";

/// Declares units and help.
pub fn describe() {
    describe_counter!(DECISIONS, Unit::Count, "decisions given, by outcome");
    describe_counter!(UNDECIDED, Unit::Count, "calls answered 503");
    describe_histogram!(EVALUATION, Unit::Seconds, "time spent judging one act");
    describe_counter!(
        ASKED,
        Unit::Count,
        "questions to validators and models, by kind and answer"
    );
    describe_histogram!(
        ASKING,
        Unit::Seconds,
        "time until a question was answered or given up"
    );
    describe_counter!(
        FAILED_OPEN,
        Unit::Count,
        "acts that may go on although a policy could not be judged"
    );
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
        ENDED,
        Unit::Count,
        "reservations settled, or given back because no act stands behind them"
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

pub(crate) fn ended(ending: Ending) {
    counter!(ENDED, "ending" => ending.word()).increment(1);
}

pub(crate) fn evaluated(took: Duration) {
    histogram!(EVALUATION).record(took);
}

pub(crate) fn asked(kind: &'static str, answer: &'static str, took: Duration) {
    counter!(ASKED, "kind" => kind, "answer" => answer).increment(1);
    histogram!(ASKING, "kind" => kind).record(took);
}

/// Counts a decision that a failed policy did not stop.
pub(crate) fn went_on(decision: &Decision) {
    let failed = decision.considered.iter().any(|policy| policy.failed);
    if failed && decision.outcome != Outcome::Block {
        counter!(FAILED_OPEN).increment(1);
    }
}

pub(crate) fn count(name: &'static str) {
    counter!(name).increment(1);
}
