//! Deleting what an organisation does not keep.

use clickhouse::error::Error;
use writ_contract::OrgId;

use super::{DECISION_ROWS, Store, TRACE_ROWS};

/// The condition of all statements here.
const OLD: &str =
    "org_id = {org:String} AND received_at < fromUnixTimestamp64Micro({before:Int64}, 'UTC')";
const OLD_DECISIONS: &str =
    "org_id = {org:String} AND timestamp < fromUnixTimestamp64Micro({before:Int64}, 'UTC')";

impl Store {
    /// Deletes traces, resolutions and decisions from before an instant (microseconds since the Unix
    /// epoch, the beginning of a day in UTC). Usage still counts them: a day is counted before it is
    /// deleted, and once.
    ///
    /// # Errors
    /// When ClickHouse does not answer or refuses.
    pub(crate) async fn forget(&self, org: OrgId, before_us: i64) -> Result<(), Error> {
        if self.exists(TRACE_ROWS, OLD, org, before_us).await? {
            let count = format!(
                "INSERT INTO trace_days \
                 SELECT org_id, toDate(received_at, 'UTC') AS day, count() FROM traces WHERE {OLD} \
                 AND day NOT IN (SELECT day FROM trace_days WHERE org_id = {{org:String}}) \
                 GROUP BY org_id, day"
            );
            self.change(&count, org, before_us).await?;
            let delete = format!("DELETE FROM {TRACE_ROWS} WHERE {OLD}");
            self.change(&delete, org, before_us).await?;
        }
        if self
            .exists(DECISION_ROWS, OLD_DECISIONS, org, before_us)
            .await?
        {
            let delete = format!("DELETE FROM {DECISION_ROWS} WHERE {OLD_DECISIONS}");
            self.change(&delete, org, before_us).await?;
        }
        Ok(())
    }

    /// A deletion of nothing would be a mutation of everything.
    async fn exists(
        &self,
        table: &str,
        old: &str,
        org: OrgId,
        before_us: i64,
    ) -> Result<bool, Error> {
        let sql =
            format!("SELECT toUInt64(count()) FROM (SELECT 1 FROM {table} WHERE {old} LIMIT 1)");
        let query = self.client.query(&sql);
        let query = query
            .param("org", org.to_string())
            .param("before", before_us);
        Ok(self.within(query.fetch_one::<u64>()).await? > 0)
    }

    async fn change(&self, sql: &str, org: OrgId, before_us: i64) -> Result<(), Error> {
        let query = self.client.query(sql);
        let query = query
            .param("org", org.to_string())
            .param("before", before_us);
        self.within(query.execute()).await
    }
}
