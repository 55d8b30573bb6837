//! Names, labels, units, help.

/// Writes whose replicas had not announced them in time; no labels.
pub(crate) const UNCONFIRMED_WRITES: &str = "writ_control_unconfirmed_writes_total";
/// Seconds from a pause or resume to the gate's acknowledgement; no labels.
pub(crate) const SWITCH_SECONDS: &str = "writ_control_switch_seconds";
/// Sign-ins that could not be stated because the store was away too long; no labels.
pub(crate) const SIGN_INS_DROPPED: &str = "writ_control_sign_ins_dropped_total";
/// Open Socket.IO connections; no labels.
pub(crate) const SOCKETS: &str = "writ_control_sockets";
/// Facts that an agent was heard of which were given up because the log was away; no labels.
pub(crate) const PRESENCE_LOST: &str = "writ_control_presence_lost_total";

/// Describes the metrics to the recorder of this process.
pub(crate) fn describe() {
    metrics::describe_counter!(
        UNCONFIRMED_WRITES,
        metrics::Unit::Count,
        "writes answered before every enforcement replica had announced them"
    );
    metrics::describe_histogram!(
        SWITCH_SECONDS,
        metrics::Unit::Seconds,
        "from a pause or resume to the acknowledgement of the gate"
    );
    metrics::describe_counter!(
        PRESENCE_LOST,
        metrics::Unit::Count,
        "times in which an agent was heard of that the log will not say"
    );
    metrics::describe_counter!(
        SIGN_INS_DROPPED,
        metrics::Unit::Count,
        "sign-ins that are in no ledger: too many waited for the store"
    );
    metrics::describe_gauge!(
        SOCKETS,
        metrics::Unit::Count,
        "open Socket.IO connections of SDKs"
    );
}
