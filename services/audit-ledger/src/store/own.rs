//! What the ledger itself has to record: an inbox of its own, in the store.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;
use writ_chain::export::Period;
use writ_pg::WriterTx;

use super::stored;
use crate::error::Error;

/// A fact of the ledger's own.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct OwnFact {
    pub(crate) event_id: Uuid,
    pub(crate) org_id: Uuid,
    pub(crate) r#type: String,
    pub(crate) actor: String,
    pub(crate) on_behalf_of: Vec<String>,
    pub(crate) action: String,
    pub(crate) target: String,
    pub(crate) aggregate_id: Option<String>,
    pub(crate) outcome: String,
    pub(crate) reason_code: Option<String>,
    pub(crate) traceparent: String,
    pub(crate) occurred_at: DateTime<Utc>,
}

/// Who takes an export, as entries name them.
#[derive(Debug, Clone)]
pub(crate) struct Taker {
    pub(crate) actor: String,
    /// The person behind the key.
    pub(crate) on_behalf_of: Vec<String>,
    /// W3C traceparent of the request; empty when it came without one.
    pub(crate) traceparent: String,
}

/// An export, as it is noted.
#[derive(Debug, Clone)]
pub(crate) struct NotedExport {
    pub(crate) taker: Taker,
    pub(crate) format: &'static str,
    /// The entries that were asked for.
    pub(crate) range: Range<u64>,
    pub(crate) period: Option<Period>,
    pub(crate) filter: BTreeMap<String, String>,
    /// Whether it is all there is, in the form that can be verified.
    pub(crate) whole: bool,
    /// How many entries were shown.
    pub(crate) shown: u64,
    /// Whether the filter's values are those of an entry. Others are not noted: anybody may ask for
    /// anything, and nothing leaves the ledger again.
    pub(crate) known: bool,
}

impl NotedExport {
    fn target(&self) -> String {
        match self.range.is_empty() {
            true => "entries:none".to_owned(),
            false => format!("entries:{}-{}", self.range.start, self.range.end - 1),
        }
    }

    /// What was asked for and how much it was, as JSON.
    fn says(&self, shown: Option<u64>) -> String {
        let value = |value: &String| match self.known {
            true => value.clone(),
            false => "(matches nothing)".to_owned(),
        };
        let mut said = serde_json::Map::new();
        said.insert("format".to_owned(), self.format.into());
        for (field, asked) in &self.filter {
            said.insert(field.clone(), value(asked).into());
        }
        let period = self.period.unwrap_or(Period {
            from: None,
            to: None,
        });
        for (field, micros) in [("from", period.from), ("to", period.to)] {
            let time = micros.and_then(DateTime::from_timestamp_micros);
            said.extend(time.map(|time| (field.to_owned(), time.to_rfc3339().into())));
        }
        said.extend(shown.map(|shown| ("entries".to_owned(), shown.into())));
        serde_json::Value::Object(said).to_string()
    }
}

/// Notes that an export begins: nothing of it has left yet.
pub(crate) async fn note_export_begun(
    db: &mut PgConnection,
    org: Uuid,
    export: &NotedExport,
) -> Result<(), Error> {
    let kind = ("ledger.export_begun.v1", "ledger.export.begin");
    note(db, org, export, kind, None).await
}

/// Notes that an export was read to its end.
pub(crate) async fn note_export(
    db: &mut PgConnection,
    org: Uuid,
    export: &NotedExport,
) -> Result<(), Error> {
    let kind = ("ledger.exported.v1", "ledger.export");
    note(db, org, export, kind, Some(export.shown)).await
}

async fn note(
    db: &mut PgConnection,
    org: Uuid,
    export: &NotedExport,
    (kind, action): (&str, &str),
    shown: Option<u64>,
) -> Result<(), Error> {
    let covers = shown
        .filter(|_| export.whole)
        .map(|_| stored(export.range.end));
    sqlx::query(
        "insert into own_facts (org_id, type, actor, action, target, aggregate_id, outcome, covers,
                on_behalf_of, traceparent)
         values ($1, $2, $3, $4, $5, $6, 'succeeded', $7, $8, $9)",
    )
    .bind(org)
    .bind(kind)
    .bind(&export.taker.actor)
    .bind(action)
    .bind(export.target())
    .bind(export.says(shown))
    .bind(covers)
    .bind(&export.taker.on_behalf_of)
    .bind(&export.taker.traceparent)
    .execute(db)
    .await?;
    Ok(())
}

/// Notes in every ledger that a stream is not what was read from it.
pub(crate) async fn note_damage(tx: &mut WriterTx, stream: &str) -> Result<(), Error> {
    sqlx::query(
        "insert into own_facts (org_id, type, actor, action, target, outcome, reason_code)
         select org_id, 'ledger.stream_damaged.v1', 'system:audit-ledger', 'ledger.stream.damaged',
                'stream:' || $1, 'failed', 'STREAM_SHORTENED' from trees",
    )
    .bind(stream)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes in every ledger that a stream lost messages from its middle, unless it is noted already.
/// Whether it was not.
pub(crate) async fn note_hole(
    tx: &mut WriterTx,
    stream: &str,
    hole: &RangeInclusive<u64>,
) -> Result<bool, Error> {
    let noted = sqlx::query(
        "insert into own_facts (org_id, type, actor, action, target, outcome, reason_code)
         select org_id, 'ledger.stream_damaged.v1', 'system:audit-ledger', 'ledger.stream.damaged',
                $1, 'failed', 'STREAM_HOLED' from trees
         where not exists (select from own_facts where target = $1)",
    )
    .bind(format!("stream:{stream}:{}-{}", hole.start(), hole.end()))
    .execute(&mut **tx)
    .await?;
    Ok(noted.rows_affected() > 0)
}

/// Notes a checkpoint key that is new, in every ledger that the key before has signed, with the hash
/// of the last head it signed alone. Whether it was new.
pub(crate) async fn note_key(tx: &mut WriterTx, key: &str) -> Result<bool, Error> {
    let new = sqlx::query("insert into signing_keys (key) values ($1) on conflict do nothing")
        .bind(key)
        .execute(&mut **tx)
        .await?;
    if new.rows_affected() == 0 {
        return Ok(false);
    }
    let changed = sqlx::query(
        "insert into own_facts (org_id, type, actor, action, target, aggregate_id, outcome)
         select distinct on (org_id) org_id, 'ledger.key_changed.v1', 'system:audit-ledger',
                'ledger.key.change', 'key:' || $1,
                'checkpoint:' || encode(sha256(convert_to(note, 'UTF8')), 'hex'), 'succeeded'
         from checkpoints where exists (select from signing_keys where key <> $1)
         order by org_id, size desc",
    )
    .bind(key)
    .execute(&mut **tx)
    .await?;
    Ok(changed.rows_affected() > 0)
}

/// What waits to become entries, oldest first.
pub(crate) async fn waiting(tx: &mut WriterTx, most: usize) -> Result<Vec<OwnFact>, Error> {
    Ok(sqlx::query_as(
        "select event_id, org_id, type, actor, on_behalf_of, action, target, aggregate_id, outcome,
                reason_code, traceparent, occurred_at
         from own_facts where not recorded order by occurred_at, event_id limit $1",
    )
    .bind(i64::try_from(most).unwrap_or(i64::MAX))
    .fetch_all(&mut **tx)
    .await?)
}

/// Marks them as recorded, in the transaction that appends them.
pub(crate) async fn recorded(tx: &mut WriterTx, ids: &[Uuid]) -> Result<(), Error> {
    if !ids.is_empty() {
        sqlx::query("update own_facts set recorded = true where event_id = any($1)")
            .bind(ids)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// Makes the tables of this month and the next two.
pub(crate) async fn make_partitions(tx: &mut WriterTx) -> Result<(), Error> {
    sqlx::query("select make_partitions()")
        .execute(&mut **tx)
        .await?;
    Ok(())
}
