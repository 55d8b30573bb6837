//! What entries are evidence of: kept with them, read for a window.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use uuid::Uuid;
use writ_pg::{TenantTx, WriterTx};

use writ_pg::fit::time;

use super::{number, stored};
use crate::domain::NewEntry;
use crate::domain::compliance::{Counted, Found, Held, Sealed, Standing, Window};
use crate::error::Error;

/// Entries that count as one word on one day.
struct Count {
    count: i64,
    first_seq: i64,
    last_seq: i64,
}

/// Keeps what new entries are evidence of, in the transaction that appends them.
pub(crate) async fn save_evidence(tx: &mut WriterTx, entries: &[NewEntry]) -> Result<(), Error> {
    save_counts(tx, entries).await?;
    save_standing(tx, entries).await
}

async fn save_counts(tx: &mut WriterTx, entries: &[NewEntry]) -> Result<(), Error> {
    let mut counts: BTreeMap<(Uuid, NaiveDate, &str), Count> = BTreeMap::new();
    for entry in entries {
        let (day, seq) = (time(entry.body.occurred_at).date_naive(), stored(entry.seq));
        for word in &entry.bearing.counts {
            let counted = counts.entry((entry.org.0, day, word.as_ref()));
            let counted = counted.or_insert(Count {
                count: 0,
                first_seq: seq,
                last_seq: seq,
            });
            counted.count += 1;
            counted.last_seq = seq;
        }
    }
    if counts.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into evidence_days (org_id, day, word, count, first_seq, last_seq)
         select * from unnest($1::uuid[], $2::date[], $3::text[], $4::bigint[], $5::bigint[],
             $6::bigint[])
         on conflict (org_id, day, word) do update
           set count = evidence_days.count + excluded.count, last_seq = excluded.last_seq",
    )
    .bind(counts.keys().map(|(org, _, _)| *org).collect::<Vec<_>>())
    .bind(counts.keys().map(|(_, day, _)| *day).collect::<Vec<_>>())
    .bind(counts.keys().map(|(_, _, word)| *word).collect::<Vec<_>>())
    .bind(counts.values().map(|it| it.count).collect::<Vec<_>>())
    .bind(counts.values().map(|it| it.first_seq).collect::<Vec<_>>())
    .bind(counts.values().map(|it| it.last_seq).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn save_standing(tx: &mut WriterTx, entries: &[NewEntry]) -> Result<(), Error> {
    let stated: Vec<(&NewEntry, &Standing)> = entries
        .iter()
        .filter_map(|entry| Some((entry, entry.bearing.standing.as_ref()?)))
        .collect();
    if stated.is_empty() {
        return Ok(());
    }
    // An array of arrays would have to be rectangular; no word contains a comma.
    let holds = stated.iter().map(|(_, it)| it.holds.join(","));
    let at = stated.iter().map(|(entry, _)| time(entry.body.occurred_at));
    sqlx::query(
        "insert into standing (org_id, subject, version, seq, at, holds)
         select org_id, subject, version, seq, at, string_to_array(holds, ',')
         from unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::timestamptz[],
             $6::text[]) as stated(org_id, subject, version, seq, at, holds)
         on conflict do nothing",
    )
    .bind(
        stated
            .iter()
            .map(|(entry, _)| entry.org.0)
            .collect::<Vec<_>>(),
    )
    .bind(
        stated
            .iter()
            .map(|(_, it)| it.subject.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        stated
            .iter()
            .map(|(_, it)| stored(it.version))
            .collect::<Vec<_>>(),
    )
    .bind(
        stated
            .iter()
            .map(|(entry, _)| stored(entry.seq))
            .collect::<Vec<_>>(),
    )
    .bind(at.collect::<Vec<_>>())
    .bind(holds.collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What the ledger of the transaction's organisation holds of a window.
pub(crate) async fn found(tx: &mut TenantTx, window: Window) -> Result<Found, Error> {
    Ok(Found {
        counted: counted(tx, window).await?,
        standing: standing(tx, window).await?,
        sealed: sealed(tx, window).await?,
        unrecorded: None,
    })
}

async fn sealed(tx: &mut TenantTx, window: Window) -> Result<Sealed, Error> {
    let (count, first, last): (i64, Option<i64>, Option<i64>) = sqlx::query_as(
        "select count(*), min(size), max(size) from checkpoints
         where created_at >= $1 and created_at < $2",
    )
    .bind(window.start())
    .bind(window.until)
    .fetch_one(&mut **tx)
    .await?;
    Ok(Sealed {
        count: number(count),
        sizes: first.map(number).zip(last.map(number)),
    })
}

async fn counted(tx: &mut TenantTx, window: Window) -> Result<HashMap<String, Counted>, Error> {
    let rows: Vec<(String, i64, i64, i64, Vec<i64>)> = sqlx::query_as(
        "select word, sum(count)::bigint, min(first_seq), max(last_seq),
             (array_agg(last_seq order by day desc))[1:3]
         from evidence_days where day between $1 and $2 group by word",
    )
    .bind(window.first)
    .bind(window.last)
    .fetch_all(&mut **tx)
    .await?;
    let counted =
        |(word, count, first_seq, last_seq, mut samples): (_, i64, i64, i64, Vec<i64>)| {
            if !samples.contains(&first_seq) {
                samples.push(first_seq);
            }
            let counted = Counted {
                count: number(count),
                first_seq,
                last_seq,
                samples,
            };
            (word, counted)
        };
    Ok(rows.into_iter().map(counted).collect())
}

/// What held at its beginning, and what began to hold in it.
async fn standing(tx: &mut TenantTx, window: Window) -> Result<HashMap<String, Held>, Error> {
    let rows: Vec<(String, i64, i64, i64, i64, Vec<i64>)> = sqlx::query_as(
        "with known as (select * from standing where at < $2),
         before as (
             select distinct on (subject) subject, seq, holds from known
             where at < $1 order by subject, version desc),
         last as (
             select distinct on (subject) subject, holds from known order by subject, version desc)
         select word, count(distinct subject),
             (select count(*) from last where word = any(last.holds)), min(seq), max(seq),
             (array_agg(seq order by seq desc))[1:3]
         from (select * from before
               union all select subject, seq, holds from known where at >= $1) held,
             unnest(holds) word
         group by word",
    )
    .bind(window.start())
    .bind(window.until)
    .fetch_all(&mut **tx)
    .await?;
    let held = |(word, count, at_end, first_seq, last_seq, samples): (_, i64, i64, _, _, _)| {
        let held = Held {
            count: number(count),
            at_end: number(at_end),
            first_seq,
            last_seq,
            samples,
        };
        (word, held)
    };
    Ok(rows.into_iter().map(held).collect())
}
