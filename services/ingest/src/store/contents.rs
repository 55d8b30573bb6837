//! What traces say of decisions: the texts that the decisions themselves do not keep.

use std::collections::HashMap;

use clickhouse::Row;
use clickhouse::error::Error;
use serde::Deserialize;
use writ_contract::{DecisionId, OrgId};

use super::Store;

/// A day, in microseconds: an act and its trace are not further apart.
const DAY_US: i64 = 86_400_000_000;

/// The first span that names a decision. JSON texts, empty when absent; the first 65,536 characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Row, Deserialize)]
#[allow(missing_docs, reason = "documented in migrations/*_trace_rows*.sql")]
pub(crate) struct Content {
    id: String,
    pub(crate) input: String,
    pub(crate) output: String,
    pub(crate) metadata: String,
}

impl Store {
    /// The contents of decisions made between two instants (microseconds since the Unix epoch),
    /// where a trace names the decision.
    ///
    /// # Errors
    /// When ClickHouse does not answer or refuses.
    pub(crate) async fn contents(
        &self,
        org: OrgId,
        decisions: &[DecisionId],
        between_us: (i64, i64),
    ) -> Result<HashMap<DecisionId, Content>, Error> {
        let sql = "SELECT assumeNotNull(decision_id) AS id, \
                   argMin(substringUTF8(traces.input, 1, 65536), timestamp) AS input, \
                   argMin(substringUTF8(traces.output, 1, 65536), timestamp) AS output, \
                   argMin(traces.metadata, timestamp) AS metadata \
                   FROM traces WHERE org_id = {org:String} AND decision_link = 'exact' \
                   AND timestamp >= fromUnixTimestamp64Micro({since:Int64}, 'UTC') \
                   AND timestamp <= fromUnixTimestamp64Micro({until:Int64}, 'UTC') \
                   AND decision_id IN {ids:Array(String)} GROUP BY decision_id";
        let ids: Vec<String> = decisions.iter().map(DecisionId::to_string).collect();
        let (since, until) = between_us;
        let query = self.client.query(sql);
        let query = query
            .param("org", org.to_string())
            .param("since", since.saturating_sub(DAY_US))
            .param("until", until.saturating_add(DAY_US))
            .param("ids", ids);
        let rows: Vec<Content> = self.reading(query.fetch_all()).await?;
        let named = rows
            .into_iter()
            .filter_map(|row| Some((row.id.parse().ok()?, row)));
        Ok(named.collect())
    }
}
