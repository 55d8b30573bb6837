//! Erasing what rows hold of a data subject. Rows stay, with ids, times, costs and outcomes; the
//! words of the subject and what names it go.

use std::time::Duration;

use clickhouse::error::Error;
use clickhouse::query::Query;
use writ_contract::OrgId;
use writ_contract::digest::OrgDigestKey;

use super::Store;

/// Rewriting parts of large tables takes its time.
const WITHIN: Duration = Duration::from_secs(1800);

/// Ids in one statement: they travel in its address.
const CHUNK: usize = 2_000;

/// Traces of these users, and those under a decision for them.
const TRACES: &str = "SELECT DISTINCT trace_id FROM trace_rows WHERE org_id = {org:String} \
    AND (user_id IN {users:Array(String)} OR decision_id IN (SELECT decision_id \
        FROM decision_rows WHERE org_id = {org:String} \
        AND user_digest IN {digests:Array(String)}))";

const BLANK_SPANS: &str = "ALTER TABLE trace_rows UPDATE input = '', output = '', metadata = '', \
    extra = '', error_message = '', effect_evidence = '', tags = [], user_id = '', \
    session_id = '', resolution = if(resolution = '', '', '{}') WHERE ";

const BLANK_DECISIONS: &str =
    "ALTER TABLE decision_rows UPDATE user_digest = '', session_id = '' WHERE ";

const SPANS: &str = "org_id = {org:String} AND trace_id IN {traces:Array(String)}";

const DECISIONS: &str = "org_id = {org:String} AND user_digest IN {digests:Array(String)}";

/// What was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Erased {
    pub(crate) spans: u64,
    pub(crate) decisions: u64,
}

impl Store {
    /// Erases what rows of these people hold; returned = no reader finds it any more. Doing it again
    /// changes nothing.
    ///
    /// # Errors
    /// When ClickHouse does not answer or refuses; some of it may be done.
    pub(crate) async fn erase(
        &self,
        org: OrgId,
        key: &OrgDigestKey,
        digests: &[Vec<u8>],
    ) -> Result<Erased, Error> {
        let users = self.users(org, key, digests).await?;
        let digests: Vec<String> = digests.iter().map(hex::encode).collect();
        // Traces first: which they are follows from the decisions. Their ids are read before, for a
        // mutation with a subquery over its own table may wait for itself.
        let traces = self.of(org, TRACES).param("users", users);
        let traces = traces.param("digests", &digests).fetch_all::<String>();
        let traces = patiently(traces).await?;
        let mut spans = 0;
        for some in traces.chunks(CHUNK) {
            spans += self
                .blank(org, "trace_rows", BLANK_SPANS, SPANS, ("traces", some))
                .await?;
        }
        let of = ("digests", digests.as_slice());
        let decisions = self
            .blank(org, "decision_rows", BLANK_DECISIONS, DECISIONS, of)
            .await?;
        Ok(Erased { spans, decisions })
    }

    /// The ids of an organisation's users that one of these digests is of.
    async fn users(
        &self,
        org: OrgId,
        key: &OrgDigestKey,
        digests: &[Vec<u8>],
    ) -> Result<Vec<String>, Error> {
        let sql = "SELECT DISTINCT user_id FROM trace_rows \
            WHERE org_id = {org:String} AND user_id != ''";
        let mut all = self.of(org, sql).fetch::<String>()?;
        let mut users = Vec::new();
        while let Some(user) = all.next().await? {
            let digest = key.user(&user);
            if digests.iter().any(|wanted| *wanted == digest) {
                users.push(user);
            }
        }
        Ok(users)
    }

    /// Blanks the rows that `which` says, and counts them.
    async fn blank(
        &self,
        org: OrgId,
        table: &str,
        blank: &str,
        which: &str,
        (name, values): (&str, &[String]),
    ) -> Result<u64, Error> {
        let count = format!("SELECT count() FROM {table} WHERE {which}");
        let count = self.of(org, &count).param(name, values);
        let count = patiently(count.fetch_one::<u64>()).await?;
        if count > 0 {
            let update = self.of(org, &format!("{blank}{which}")).param(name, values);
            // 2: every replica has done it before the answer.
            let update = update.with_setting("mutations_sync", "2");
            patiently(update.execute()).await?;
        }
        Ok(count)
    }

    fn of(&self, org: OrgId, sql: &str) -> Query {
        self.client.query(sql).param("org", org.to_string())
    }
}

async fn patiently<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let done = tokio::time::timeout(WITHIN, work).await;
    done.unwrap_or(Err(Error::TimedOut))
}
