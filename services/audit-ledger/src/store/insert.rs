//! Entries into their table.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use writ_chain::leaf::Window;
use writ_pg::{WriterTx, fit};

use super::stored;
use crate::domain::{GAP, NewEntry};
use crate::error::Error;

const INSERT: &str =
    "insert into entries (org_id, seq, event_id, leaf_bytes, leaf_hash, salt, single_fact,
         type, action, actor, target, outcome, reason_code, agent_id, agent_external_id,
         decision_id, occurred_at, emitter, emitter_seq, window_from, window_to, window_count)
     select * from unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::bytea[], $5::bytea[],
         $6::bytea[], $7::bool[], $8::text[], $9::text[], $10::text[], $11::text[],
         $12::text[], $13::text[], $14::text[], $15::text[], $16::text[],
         $17::timestamptz[], $18::text[], $19::bigint[], $20::timestamptz[], $21::timestamptz[],
         $22::bigint[])";

/// Inserts entries, and their places.
pub(crate) async fn insert(tx: &mut WriterTx, entries: &[NewEntry]) -> Result<(), Error> {
    let (emitters, numbers): (Vec<Option<String>>, Vec<Option<i64>>) =
        entries.iter().map(|it| numbered(it).unzip()).unzip();
    sqlx::query(INSERT)
        .bind(column(entries, |it| it.org.0))
        .bind(column(entries, |it| stored(it.seq)))
        .bind(column(entries, |it| it.event_id.0))
        .bind(column(entries, |it| it.leaf_bytes.as_slice()))
        .bind(column(entries, |it| it.leaf_hash.as_slice()))
        .bind(column(entries, |it| it.salt.as_slice()))
        .bind(column(entries, |it| it.single))
        .bind(column(entries, |it| it.body.kind.as_str()))
        .bind(column(entries, |it| text(it.body.action.as_ref())))
        .bind(column(entries, |it| text(it.body.actor.as_ref())))
        .bind(column(entries, |it| text(it.body.target.as_ref())))
        .bind(column(entries, |it| text(it.body.outcome.as_ref())))
        .bind(column(entries, |it| text(it.body.reason_code.as_ref())))
        .bind(column(entries, |it| text(it.index.agent_id.as_ref())))
        .bind(column(entries, |it| {
            text(it.index.agent_external_id.as_ref())
        }))
        .bind(column(entries, |it| text(it.index.decision_id.as_ref())))
        .bind(column(entries, |it| fit::time(it.body.occurred_at)))
        .bind(emitters)
        .bind(numbers)
        .bind(column(entries, |it| {
            window(it).map(|it| fit::time(it.from))
        }))
        .bind(column(entries, |it| window(it).map(|it| fit::time(it.to))))
        .bind(column(entries, |it| window(it).map(|it| stored(it.count))))
        .execute(&mut **tx)
        .await?;
    places(tx, entries).await
}

/// Where each fact stands, for proofs and for "once each". Two writers cannot both get past the
/// primary key.
async fn places(tx: &mut WriterTx, entries: &[NewEntry]) -> Result<(), Error> {
    sqlx::query(
        "insert into places (org_id, seq, event_id, leaf_hash)
         select * from unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::bytea[])",
    )
    .bind(column(entries, |it| it.org.0))
    .bind(column(entries, |it| stored(it.seq)))
    .bind(column(entries, |it| it.event_id.0))
    .bind(column(entries, |it| it.leaf_hash.as_slice()))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn column<'a, T>(entries: &'a [NewEntry], of: impl Fn(&'a NewEntry) -> T) -> Vec<T> {
    entries.iter().map(of).collect()
}

fn window(entry: &NewEntry) -> Option<&Window> {
    entry.body.window.as_ref()
}

/// Who numbered an entry, as its source of numbers is called, and the number.
fn numbered(entry: &NewEntry) -> Option<(String, i64)> {
    let source = &entry.body.source;
    let seq = source.emitter_seq?;
    // A hole is told of by the record after it, which has that number itself.
    let is_record = entry.body.kind != GAP;
    is_record.then(|| (format!("incarnation:{}", source.emitter), stored(seq)))
}

/// Saves when each emitter was last heard of.
pub(crate) async fn hear(tx: &mut WriterTx, entries: &[NewEntry]) -> Result<(), Error> {
    let mut last: BTreeMap<String, i64> = BTreeMap::new();
    for entry in entries {
        if let Some((source, _)) = numbered(entry) {
            let at = last.entry(source).or_insert(i64::MIN);
            *at = (*at).max(entry.body.occurred_at);
        }
    }
    if last.is_empty() {
        return Ok(());
    }
    let (sources, times): (Vec<String>, Vec<DateTime<Utc>>) = last
        .into_iter()
        .map(|(source, at)| (source, fit::time(at)))
        .unzip();
    sqlx::query(
        "insert into emitters (source, last_at) select * from unnest($1::text[], $2::timestamptz[])
         on conflict (source) do update set last_at = excluded.last_at
         where emitters.last_at < excluded.last_at",
    )
    .bind(sources)
    .bind(times)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Saves when emitters said that they live; one that is not known numbered nothing.
pub(crate) async fn alive(tx: &mut WriterTx, said: &BTreeMap<String, i64>) -> Result<(), Error> {
    if said.is_empty() {
        return Ok(());
    }
    let (sources, times): (Vec<&str>, Vec<DateTime<Utc>>) = said
        .iter()
        .map(|(source, at)| (source.as_str(), fit::time(*at)))
        .unzip();
    sqlx::query(
        "update emitters set alive_at = greatest(emitters.alive_at, said.at)
         from unnest($1::text[], $2::timestamptz[]) as said (source, at)
         where emitters.source = said.source",
    )
    .bind(sources)
    .bind(times)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A text of the index. The leaf has it as it was stated.
fn text(stated: Option<&String>) -> Option<Cow<'_, str>> {
    stated.map(|stated| fit::text(stated))
}
