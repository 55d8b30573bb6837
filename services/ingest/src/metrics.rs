//! The metrics of this service.

/// Counter: traces by `outcome` (`accepted`, `repeated`, `refused`) and `origin`.
const TRACES: &str = "writ_ingest_traces_total";
/// Counter: rows written, by `table`.
const ROWS: &str = "writ_ingest_rows_total";
/// Counter: records that could not become rows, by `table`; they are in the dead-letter stream.
const POISON: &str = "writ_ingest_poison_rows_total";
/// Gauge: 1 while ClickHouse does not take a batch, by `table`.
const STALLED: &str = "writ_ingest_sink_stalled";
/// Histogram: seconds to write one batch, by `table`.
const BATCH_SECONDS: &str = "writ_ingest_batch_seconds";

/// Counts traces.
pub(crate) fn traces(outcome: &'static str, origin: &'static str, count: u64) {
    metrics::counter!(TRACES, "outcome" => outcome, "origin" => origin).increment(count);
}

/// Counts written rows.
pub(crate) fn rows(table: &'static str, count: usize) {
    metrics::counter!(ROWS, "table" => table).increment(count as u64);
}

/// Counts records that became dead letters.
pub(crate) fn poison(table: &'static str, count: usize) {
    metrics::counter!(POISON, "table" => table).increment(count as u64);
}

/// Says whether the store takes batches.
pub(crate) fn stalled(table: &str, stalled: bool) {
    metrics::gauge!(STALLED, "table" => table.to_owned()).set(f64::from(u8::from(stalled)));
}

/// Notes how long a batch took.
pub(crate) fn batch(table: &'static str, took: std::time::Duration) {
    metrics::histogram!(BATCH_SECONDS, "table" => table).record(took.as_secs_f64());
}
