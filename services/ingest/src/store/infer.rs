//! The decisions that spans belong to without naming them.

use std::collections::BTreeSet;

use clickhouse::Row;
use clickhouse::error::Error;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use writ_contract::{DecisionId, OrgId};

use super::{Store, TraceRow};

/// How a row says that its decision was inferred.
const INFERRED: &str = "inferred";
/// Different inputs that are looked for at a time: they travel in the query's address.
const MOST: usize = 1_000;
/// Starts of spans are whole seconds.
const GRACE_MS: i64 = 1_000;

/// What a decision is compared by. Times in microseconds since the Unix epoch.
#[derive(Debug, Clone, Row, Serialize, Deserialize)]
struct Candidate {
    decision_id: DecisionId,
    timestamp: i64,
    agent_id: String,
    #[serde(with = "clickhouse::serde::uuid::option")]
    agent_uuid: Option<Uuid>,
    environment: String,
    input_digest: String,
}

impl Store {
    /// Links spans that name no decision to the nearest one of the same agent and environment whose
    /// input is equal, within the span's time. The view `trace_links` says the same.
    ///
    /// # Errors
    /// When ClickHouse does not answer or refuses.
    pub(crate) async fn infer(&self, org: OrgId, rows: &mut [TraceRow]) -> Result<(), Error> {
        let open = || rows.iter().filter(|row| !row.input_digest.is_empty());
        let first = open().map(starts).min();
        let last = open().map(ends).max();
        let (Some(first), Some(last)) = (first, last) else {
            return Ok(());
        };
        let digests: BTreeSet<&str> = open().map(|row| row.input_digest.as_str()).collect();
        let digests: Vec<&str> = digests.into_iter().take(MOST).collect();
        // Digests are 64 characters each, so one is found only where it begins.
        let sql = "SELECT ?fields FROM decisions WHERE org_id = {org:String} \
                   AND timestamp >= fromUnixTimestamp64Milli({first:Int64}, 'UTC') \
                   AND timestamp <= fromUnixTimestamp64Milli({last:Int64}, 'UTC') \
                   AND input_digest != '' AND position({digests:String}, input_digest) > 0 \
                   ORDER BY timestamp LIMIT 10000";
        let query = self.client.query(sql).param("org", org.to_string());
        let query = query.param("first", first).param("last", last);
        let found: Vec<Candidate> = self
            .reading(query.param("digests", digests.join(",")).fetch_all())
            .await?;
        for row in rows.iter_mut().filter(|row| row.decision_id.is_none()) {
            let fitting = found.iter().filter(|one| one.fits(row));
            let nearest = fitting.min_by_key(|one| (one.timestamp / 1000 - row.timestamp).abs());
            if let Some(nearest) = nearest {
                row.decision_id = Some(nearest.decision_id);
                INFERRED.clone_into(&mut row.decision_link);
            }
        }
        Ok(())
    }
}

fn starts(row: &TraceRow) -> i64 {
    row.timestamp - GRACE_MS
}

fn ends(row: &TraceRow) -> i64 {
    let took = i64::try_from(row.duration_ms.unwrap_or(0)).unwrap_or(i64::MAX);
    row.timestamp.saturating_add(took).saturating_add(GRACE_MS)
}

impl Candidate {
    fn fits(&self, row: &TraceRow) -> bool {
        let one_agent = self.agent_id == row.agent_id
            || (self.agent_uuid.is_some() && self.agent_uuid == row.agent_uuid);
        let at = self.timestamp / 1000;
        one_agent
            && self.input_digest == row.input_digest
            && self.environment == row.environment
            && (starts(row)..=ends(row)).contains(&at)
    }
}
