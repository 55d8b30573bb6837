//! What the service counts.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

use crate::domain::Metric;

const WINDOWS: &str = "writ_anomaly_windows_total";
const FINDINGS: &str = "writ_anomaly_findings_total";
const UNREADABLE: &str = "writ_anomaly_unreadable_total";
const LAG: &str = "writ_anomaly_lag_messages";

/// Names, units and help of every metric.
pub(crate) fn describe() {
    describe_counter!(WINDOWS, Unit::Count, "windows judged");
    describe_counter!(FINDINGS, Unit::Count, "findings by metric");
    describe_counter!(
        UNREADABLE,
        Unit::Count,
        "metered facts this build cannot read"
    );
    describe_gauge!(LAG, Unit::Count, "metered facts not yet judged");
}

pub(crate) fn windows(count: usize) {
    counter!(WINDOWS).increment(count as u64);
}

pub(crate) fn finding(metric: Metric) {
    counter!(FINDINGS, "metric" => metric.as_str()).increment(1);
}

pub(crate) fn unreadable() {
    counter!(UNREADABLE).increment(1);
}

#[allow(clippy::cast_precision_loss, reason = "a lag lies far below 2^53")]
pub(crate) fn lag(messages: u64) {
    gauge!(LAG).set(messages as f64);
}
