//! Appending: entries, and what the next append has to know.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;
use writ_chain::chain::Chain;
use writ_chain::merkle::Frontier;
use writ_pg::WriterTx;

use super::{PROJECTION, number, stored};
use crate::domain::Arrival;
use crate::error::Error;

/// Which of these facts are in the ledger.
pub(crate) async fn known(
    tx: &mut WriterTx,
    arrivals: &[Arrival],
) -> Result<HashSet<(Uuid, Uuid)>, Error> {
    let orgs: Vec<Uuid> = arrivals.iter().map(|it| it.org.0).collect();
    let events: Vec<Uuid> = arrivals.iter().map(|it| it.event_id.0).collect();
    let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "select e.org_id, e.event_id from places e
         join unnest($1::uuid[], $2::uuid[]) as a(org_id, event_id)
           on e.org_id = a.org_id and e.event_id = a.event_id",
    )
    .bind(orgs)
    .bind(events)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().collect())
}

/// The sequence each stream was read to, by partition; one that was never read is absent.
pub(crate) async fn positions(tx: &mut WriterTx) -> Result<HashMap<i32, u64>, Error> {
    let rows: Vec<(i32, i64)> = sqlx::query_as(
        "select partition, seq from positions where projection = $1 and seq is not null",
    )
    .bind(PROJECTION)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(partition, seq)| (partition, number(seq)))
        .collect())
}

/// The last number seen of each source these facts are numbered by.
pub(crate) async fn numbers(
    tx: &mut WriterTx,
    arrivals: &[Arrival],
) -> Result<HashMap<(Uuid, String), u64>, Error> {
    let numbered: HashSet<(Uuid, &str)> = arrivals
        .iter()
        .filter_map(|it| Some((it.org.0, it.number.as_ref()?.source.as_str())))
        .collect();
    let (orgs, sources): (Vec<Uuid>, Vec<&str>) = numbered.into_iter().unzip();
    let rows: Vec<(Uuid, String, i64)> = sqlx::query_as(
        "select n.org_id, n.source, n.last from numbering n
         join unnest($1::uuid[], $2::text[]) as a(org_id, source)
           on n.org_id = a.org_id and n.source = a.source",
    )
    .bind(orgs)
    .bind(sources)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(org, source, last)| ((org, source), number(last)))
        .collect())
}

/// Where these organisations' chains stand; one that has no entry yet is absent.
pub(crate) async fn chains(
    tx: &mut WriterTx,
    orgs: &[Uuid],
) -> Result<HashMap<Uuid, Chain>, Error> {
    let rows: Vec<(Uuid, i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "select org_id, size, head_hash, frontier from trees where org_id = any($1)",
    )
    .bind(orgs)
    .fetch_all(&mut **tx)
    .await?;
    let chain = |(org, size, head, frontier): (Uuid, i64, Vec<u8>, Vec<u8>)| {
        let damaged = || Error::Damaged(format!("the tree of {org}"));
        let head = head.try_into().map_err(|_| damaged())?;
        let frontier = Frontier::from_bytes(&frontier).ok_or_else(damaged)?;
        if frontier.size() != number(size) {
            return Err(damaged());
        }
        Ok((org, Chain::resume(org, head, frontier)))
    };
    rows.into_iter().map(chain).collect()
}

/// Saves where the chains stand.
pub(crate) async fn save_chains<'a>(
    tx: &mut WriterTx,
    chains: impl Iterator<Item = &'a Chain>,
) -> Result<(), Error> {
    let (mut orgs, mut sizes, mut heads, mut frontiers) = (vec![], vec![], vec![], vec![]);
    for chain in chains {
        orgs.push(chain.tenant());
        sizes.push(stored(chain.size()));
        heads.push(chain.head_hash().to_vec());
        frontiers.push(chain.frontier().to_bytes());
    }
    sqlx::query(
        "insert into trees (org_id, size, head_hash, frontier)
         select * from unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::bytea[])
         on conflict (org_id) do update
           set size = excluded.size, head_hash = excluded.head_hash, frontier = excluded.frontier",
    )
    .bind(orgs)
    .bind(sizes)
    .bind(heads)
    .bind(frontiers)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Saves the last number of each source.
pub(crate) async fn save_numbers(
    tx: &mut WriterTx,
    numbers: &HashMap<(Uuid, String), u64>,
) -> Result<(), Error> {
    let orgs: Vec<Uuid> = numbers.keys().map(|(org, _)| *org).collect();
    let sources: Vec<&str> = numbers.keys().map(|(_, source)| source.as_str()).collect();
    let last: Vec<i64> = numbers.values().map(|last| stored(*last)).collect();
    sqlx::query(
        "insert into numbering (org_id, source, last)
         select * from unnest($1::uuid[], $2::text[], $3::bigint[])
         on conflict (org_id, source) do update set last = excluded.last
         where numbering.last < excluded.last",
    )
    .bind(orgs)
    .bind(sources)
    .bind(last)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Records that these sources ended in order: nothing is missing after their last number.
pub(crate) async fn close(tx: &mut WriterTx, sources: &[String]) -> Result<(), Error> {
    if !sources.is_empty() {
        sqlx::query("update numbering set closed = true where source = any($1) and not closed")
            .bind(sources)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}
