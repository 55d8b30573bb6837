//! Reads of one organisation. Every value is a server-side parameter, the organisation first.

use clickhouse::error::Error;
use clickhouse::query::Query;
use writ_contract::{DecisionId, KeyId, OrgId};

use super::{DecisionRow, Store, TraceRow};

/// Where the next page starts: after the row with this time and identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Milliseconds (traces) or microseconds (decisions) since the Unix epoch.
    pub(crate) time: i64,
    /// Trace or decision id.
    pub(crate) id: String,
    /// Span id; empty for decisions.
    pub(crate) span: String,
}

/// Which traces are listed. Times in milliseconds since the Unix epoch, `until` exclusive.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "named as the query's parameters")]
pub(crate) struct TraceFilter {
    pub(crate) agent_id: Option<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) decision_id: Option<DecisionId>,
    pub(crate) key: Option<KeyId>,
    pub(crate) since: Option<i64>,
    pub(crate) until: Option<i64>,
    pub(crate) after: Option<Cursor>,
    pub(crate) limit: u32,
}

/// Which decisions are listed. Times in microseconds since the Unix epoch, `until` exclusive.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "named as the query's parameters")]
pub(crate) struct DecisionFilter {
    pub(crate) agent_id: Option<String>,
    /// Hexadecimal.
    pub(crate) user_digest: Option<String>,
    pub(crate) outcome: Option<String>,
    pub(crate) key: Option<KeyId>,
    pub(crate) environment: Option<String>,
    pub(crate) since: Option<i64>,
    pub(crate) until: Option<i64>,
    pub(crate) after: Option<Cursor>,
    pub(crate) limit: u32,
}

/// A statement under construction.
struct Select {
    sql: String,
    parameters: Vec<(&'static str, String)>,
}

impl Select {
    fn from(view: &str, org: OrgId) -> Self {
        Self {
            sql: format!("SELECT ?fields FROM {view} WHERE org_id = {{org:String}}"),
            parameters: vec![("org", org.to_string())],
        }
    }

    /// A condition that holds only when there is a value to compare with.
    fn and(mut self, condition: &str, name: &'static str, value: Option<impl ToString>) -> Self {
        if value.is_some() {
            self.sql.push_str(" AND ");
            self.sql.push_str(condition);
        }
        self.with(name, value)
    }

    fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.parameters
            .extend(value.map(|value| (name, value.to_string())));
        self
    }

    fn then(mut self, tail: &str) -> Self {
        self.sql.push_str(tail);
        self
    }

    fn query(self, store: &Store) -> Query {
        let query = store.client.query(&self.sql);
        self.parameters
            .into_iter()
            .fold(query, |query, (name, value)| query.param(name, value))
    }
}

impl Store {
    /// Traces of an organisation, latest first.
    ///
    /// # Errors
    /// When ClickHouse does not answer or refuses.
    pub(crate) async fn traces(
        &self,
        org: OrgId,
        filter: &TraceFilter,
    ) -> Result<Vec<TraceRow>, Error> {
        let after = filter.after.as_ref();
        let select = Select::from("traces", org)
            .and(
                "(agent_id = {agent:String} OR toString(agent_uuid) = {agent:String})",
                "agent",
                filter.agent_id.as_ref(),
            )
            .and("user_id = {user:String}", "user", filter.user_id.as_ref())
            .and("status = {status:String}", "status", filter.status.as_ref())
            .and(
                "environment = {env:String}",
                "env",
                filter.environment.as_ref(),
            )
            .and(
                "decision_id = {decision:String}",
                "decision",
                filter.decision_id,
            )
            .and("key_id = {key:String}", "key", filter.key)
            .and(
                "timestamp >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')",
                "since",
                filter.since,
            )
            .and(
                "timestamp < fromUnixTimestamp64Milli({until:Int64}, 'UTC')",
                "until",
                filter.until,
            )
            .and(
                "timestamp <= fromUnixTimestamp64Milli({time:Int64}, 'UTC')",
                "time",
                after.map(|c| c.time),
            )
            .and(
                "(timestamp, trace_id, span_id) < \
                 (fromUnixTimestamp64Milli({time:Int64}, 'UTC'), {id:String}, {span:String})",
                "id",
                after.map(|c| &c.id),
            )
            .with("span", after.map(|c| &c.span))
            .with("limit", Some(filter.limit))
            .then(" ORDER BY timestamp DESC, trace_id DESC, span_id DESC LIMIT {limit:UInt32}");
        self.reading(select.query(self).fetch_all()).await
    }

    /// Every span of a trace, by start.
    ///
    /// # Errors
    /// When ClickHouse does not answer or refuses.
    pub(crate) async fn trace(&self, org: OrgId, trace_id: &str) -> Result<Vec<TraceRow>, Error> {
        let select = Select::from("traces", org)
            .and("trace_id = {id:String}", "id", Some(trace_id))
            .then(" ORDER BY timestamp, received_at, span_id LIMIT 10000");
        self.reading(select.query(self).fetch_all()).await
    }

    /// What was learnt of a trace later, as JSON texts, in the order it was recorded.
    ///
    /// # Errors
    /// When ClickHouse does not answer or refuses.
    pub(crate) async fn resolutions(
        &self,
        org: OrgId,
        trace_id: &str,
    ) -> Result<Vec<String>, Error> {
        let sql = "SELECT resolution FROM resolutions WHERE org_id = {org:String} \
                   AND trace_id = {id:String} ORDER BY received_at, resolution_id LIMIT 1000";
        let query = self.client.query(sql).param("org", org.to_string());
        self.reading(query.param("id", trace_id).fetch_all()).await
    }

    /// Decisions of an organisation, latest first.
    ///
    /// # Errors
    /// When ClickHouse does not answer or refuses.
    pub(crate) async fn decisions(
        &self,
        org: OrgId,
        filter: &DecisionFilter,
    ) -> Result<Vec<DecisionRow>, Error> {
        let after = filter.after.as_ref();
        let select = Select::from("decisions", org)
            .and(
                "(agent_id = {agent:String} OR toString(agent_uuid) = {agent:String})",
                "agent",
                filter.agent_id.as_ref(),
            )
            .and(
                "user_digest = {user:String}",
                "user",
                filter.user_digest.as_ref(),
            )
            .and(
                "outcome = {outcome:String}",
                "outcome",
                filter.outcome.as_ref(),
            )
            .and(
                "environment = {env:String}",
                "env",
                filter.environment.as_ref(),
            )
            .and("key_id = {key:String}", "key", filter.key)
            .and(
                "timestamp >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')",
                "since",
                filter.since,
            )
            .and(
                "timestamp < fromUnixTimestamp64Micro({until:Int64}, 'UTC')",
                "until",
                filter.until,
            )
            .and(
                "timestamp <= fromUnixTimestamp64Micro({time:Int64}, 'UTC')",
                "time",
                after.map(|c| c.time),
            )
            .and(
                "(timestamp, decision_id) < \
                 (fromUnixTimestamp64Micro({time:Int64}, 'UTC'), {id:String})",
                "id",
                after.map(|c| &c.id),
            )
            .with("limit", Some(filter.limit))
            .then(" ORDER BY timestamp DESC, decision_id DESC LIMIT {limit:UInt32}");
        self.reading(select.query(self).fetch_all()).await
    }

    /// One decision.
    ///
    /// # Errors
    /// When ClickHouse does not answer or refuses.
    pub(crate) async fn decision(
        &self,
        org: OrgId,
        id: DecisionId,
    ) -> Result<Option<DecisionRow>, Error> {
        let select = Select::from("decisions", org)
            .and("decision_id = {id:String}", "id", Some(id))
            .then(" LIMIT 1");
        self.reading(select.query(self).fetch_optional()).await
    }

    /// Traces received at or after an instant (microseconds since the Unix epoch, the beginning of a
    /// day in UTC), with those that are deleted by now.
    ///
    /// # Errors
    /// When ClickHouse does not answer or refuses.
    pub(crate) async fn count_since(&self, org: OrgId, since_us: i64) -> Result<u64, Error> {
        let sql = "SELECT toUInt64(sum(traces)) FROM (\
                   SELECT count() AS traces FROM traces WHERE org_id = {org:String} \
                   AND received_at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC') \
                   AND toDate(received_at, 'UTC') NOT IN \
                   (SELECT day FROM trace_days WHERE org_id = {org:String}) \
                   UNION ALL SELECT sum(traces) FROM trace_days FINAL WHERE org_id = {org:String} \
                   AND day >= toDate(fromUnixTimestamp64Micro({since:Int64}, 'UTC'), 'UTC'))";
        let query = self
            .client
            .query(sql)
            .param("org", org.to_string())
            .param("since", since_us);
        self.within(query.fetch_one::<u64>()).await
    }
}
