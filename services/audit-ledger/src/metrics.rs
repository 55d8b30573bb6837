//! What the service counts.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

const ENTRIES: &str = "writ_audit_ledger_entries_total";
const REPEATED: &str = "writ_audit_ledger_repeated_facts_total";
const SKIPPED: &str = "writ_audit_ledger_skipped_messages_total";
const GAPS: &str = "writ_audit_ledger_gaps_total";
const CHECKPOINTS: &str = "writ_audit_ledger_checkpoints_total";
const QUARANTINED: &str = "writ_audit_ledger_quarantined_logs";
const DAMAGED: &str = "writ_audit_ledger_damaged_streams_total";
const COSIGNATURES: &str = "writ_audit_ledger_cosignatures_total";
const WITNESS_AHEAD: &str = "writ_audit_ledger_witness_conflicts_total";
const LAG: &str = "writ_audit_ledger_lag_seconds";

/// Names, units and help of every metric.
pub(crate) fn describe() {
    describe_counter!(ENTRIES, Unit::Count, "entries appended");
    describe_counter!(
        REPEATED,
        Unit::Count,
        "facts that were already in the ledger"
    );
    describe_counter!(
        SKIPPED,
        Unit::Count,
        "messages that state no fact of their subject"
    );
    describe_counter!(GAPS, Unit::Count, "holes found in an emitter's numbers");
    describe_counter!(
        DAMAGED,
        Unit::Count,
        "streams found not to be what was read from them"
    );
    describe_counter!(CHECKPOINTS, Unit::Count, "tenant checkpoints signed");
    describe_gauge!(
        QUARANTINED,
        Unit::Count,
        "logs not signed because entries were damaged"
    );
    describe_counter!(COSIGNATURES, Unit::Count, "heads that a witness cosigned");
    describe_counter!(
        WITNESS_AHEAD,
        Unit::Count,
        "times a witness had seen a longer or another global log"
    );
    describe_gauge!(
        LAG,
        Unit::Seconds,
        "age of the oldest fact of the last batch when appended"
    );
}

pub(crate) fn entries(count: usize) {
    counter!(ENTRIES).increment(count as u64);
}

pub(crate) fn repeated(count: usize) {
    counter!(REPEATED).increment(count as u64);
}

pub(crate) fn skipped() {
    counter!(SKIPPED).increment(1);
}

pub(crate) fn gaps(count: usize) {
    counter!(GAPS).increment(count as u64);
}

pub(crate) fn stream_damaged(stream: &str) {
    counter!(DAMAGED, "stream" => stream.to_owned()).increment(1);
}

pub(crate) fn cosignatures() {
    counter!(COSIGNATURES).increment(1);
}

pub(crate) fn witness_ahead() {
    counter!(WITNESS_AHEAD).increment(1);
}

pub(crate) fn checkpoints(count: usize) {
    counter!(CHECKPOINTS).increment(count as u64);
}

#[allow(
    clippy::cast_precision_loss,
    reason = "organisations are far fewer than 2^53"
)]
pub(crate) fn quarantined(count: usize) {
    gauge!(QUARANTINED).set(count as f64);
}

#[allow(
    clippy::cast_precision_loss,
    reason = "ages in microseconds lie far below 2^53"
)]
pub(crate) fn lag_us(age: i64) {
    gauge!(LAG).set(age.max(0) as f64 / 1e6);
}
