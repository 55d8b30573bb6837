//! Sealing: reading back what was committed, and keeping what was signed.

use std::collections::HashMap;

use uuid::Uuid;
use writ_chain::Hash;
use writ_chain::merkle::Frontier;
use writ_pg::WriterTx;

use super::receipts::HeadPlace;
use super::{number, stored};
use crate::domain::{Head, StoredLeaf};
use crate::error::Error;

/// How far an organisation's log was sealed.
#[derive(Debug, Clone)]
pub(crate) struct LastSeal {
    pub(crate) head: Head,
    /// Number of its last `sealed` fact; 0 when there was none.
    pub(crate) version: u64,
}

/// A signed head to keep.
#[derive(Debug, Clone)]
pub(crate) struct NewSeal {
    pub(crate) head: Head,
    pub(crate) version: u64,
    pub(crate) note: String,
}

/// The global log as far as it was signed.
#[derive(Debug, Clone, Default)]
pub(crate) struct GlobalHead {
    pub(crate) frontier: Frontier,
}

/// Makes this transaction's commit wait for the disk, whatever the server's default is: a
/// checkpoint that was told to somebody and then lost could be signed again with another root.
pub(crate) async fn insist_on_disk(tx: &mut WriterTx) -> Result<(), Error> {
    sqlx::query("set local synchronous_commit = on")
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Organisations with entries under no checkpoint.
pub(crate) async fn unsealed(tx: &mut WriterTx) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar(
        "select t.org_id from trees t where t.size > coalesce(
             (select max(c.size) from checkpoints c where c.org_id = t.org_id), 0)",
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// How far these organisations' logs were sealed. A stored head whose parts do not fit together
/// is left out and reported.
pub(crate) async fn last_seals(
    tx: &mut WriterTx,
    orgs: &[Uuid],
) -> Result<HashMap<Uuid, LastSeal>, Error> {
    type Row = (Uuid, i64, i64, Vec<u8>, Vec<u8>, Vec<u8>);
    let rows: Vec<Row> = sqlx::query_as(
        "select distinct on (org_id) org_id, size, version, root, head_hash, frontier
         from checkpoints where org_id = any($1) order by org_id, size desc",
    )
    .bind(orgs)
    .fetch_all(&mut **tx)
    .await?;
    let fresh = |org: &Uuid| {
        (
            *org,
            LastSeal {
                head: Head::new(*org),
                version: 0,
            },
        )
    };
    let mut seals: HashMap<Uuid, LastSeal> = orgs.iter().map(fresh).collect();
    for (tenant, size, version, root, head_hash, frontier) in rows {
        let frontier = Frontier::from_bytes(&frontier);
        let frontier = frontier.filter(|it| it.size() == number(size) && it.root()[..] == *root);
        match (frontier, Hash::try_from(head_hash)) {
            (Some(frontier), Ok(head_hash)) => {
                let head = Head {
                    tenant,
                    frontier,
                    head_hash,
                };
                seals.insert(
                    tenant,
                    LastSeal {
                        head,
                        version: number(version),
                    },
                );
            }
            _ => {
                tracing::error!(%tenant, size, "stored checkpoint does not fit together");
                seals.remove(&tenant);
            }
        }
    }
    Ok(seals)
}

/// Up to `limit` committed entries of an organisation from `from` on.
pub(crate) async fn unsealed_leaves(
    tx: &mut WriterTx,
    org: Uuid,
    from: u64,
    limit: i64,
) -> Result<Vec<StoredLeaf>, Error> {
    let rows: Vec<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "select seq, leaf_bytes, leaf_hash from entries
         where org_id = $1 and seq >= $2 order by seq limit $3",
    )
    .bind(org)
    .bind(stored(from))
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    let leaf = |(seq, leaf_bytes, leaf_hash): (i64, Vec<u8>, Vec<u8>)| StoredLeaf {
        seq: number(seq),
        leaf_bytes,
        leaf_hash,
    };
    Ok(rows.into_iter().map(leaf).collect())
}

/// The single facts among an organisation's entries `from..to`.
pub(crate) async fn event_ids(
    tx: &mut WriterTx,
    org: Uuid,
    from: u64,
    to: u64,
) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar(
        "select event_id from entries
         where org_id = $1 and seq >= $2 and seq < $3 and single_fact order by seq",
    )
    .bind(org)
    .bind(stored(from))
    .bind(stored(to))
    .fetch_all(&mut **tx)
    .await?)
}

/// The global log as far as it was signed.
pub(crate) async fn global_head(tx: &mut WriterTx) -> Result<GlobalHead, Error> {
    let last: Option<(i64, Vec<u8>, Vec<u8>)> =
        sqlx::query_as("select index, root, frontier from global_log order by index desc limit 1")
            .fetch_optional(&mut **tx)
            .await?;
    let Some((index, root, frontier)) = last else {
        return Ok(GlobalHead::default());
    };
    let frontier = Frontier::from_bytes(&frontier)
        .filter(|it| it.size() == number(index) + 1 && it.root()[..] == *root);
    let frontier = frontier.ok_or_else(|| Error::Damaged("the global log".to_owned()))?;
    Ok(GlobalHead { frontier })
}

/// Keeps one interval of the global log with the signed head after it.
pub(crate) async fn insert_global(
    tx: &mut WriterTx,
    interval_root: &Hash,
    frontier: &Frontier,
    note: &str,
) -> Result<(), Error> {
    sqlx::query(
        "insert into global_log (index, interval_root, root, note, frontier)
         values ($1, $2, $3, $4, $5)",
    )
    .bind(stored(frontier.size()) - 1)
    .bind(interval_root.as_slice())
    .bind(frontier.root().as_slice())
    .bind(note)
    .bind(frontier.to_bytes())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps the signed heads of one interval.
pub(crate) async fn insert_seals(
    tx: &mut WriterTx,
    seals: &[NewSeal],
    places: &[HeadPlace],
    global_index: u64,
) -> Result<(), Error> {
    let small = |number: u64| i32::try_from(number).unwrap_or(i32::MAX);
    sqlx::query(
        "insert into checkpoints (org_id, size, version, root, note, head_hash, frontier,
             interval_index, interval_size, interval_path, global_index)
         select *, $11 from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bytea[], $5::text[],
             $6::bytea[], $7::bytea[], $8::int[], $9::int[], $10::bytea[])",
    )
    .bind(seals.iter().map(|it| it.head.tenant).collect::<Vec<_>>())
    .bind(
        seals
            .iter()
            .map(|it| stored(it.head.size()))
            .collect::<Vec<_>>(),
    )
    .bind(
        seals
            .iter()
            .map(|it| stored(it.version))
            .collect::<Vec<_>>(),
    )
    .bind(
        seals
            .iter()
            .map(|it| it.head.frontier.root().to_vec())
            .collect::<Vec<_>>(),
    )
    .bind(seals.iter().map(|it| it.note.as_str()).collect::<Vec<_>>())
    .bind(
        seals
            .iter()
            .map(|it| it.head.head_hash.to_vec())
            .collect::<Vec<_>>(),
    )
    .bind(
        seals
            .iter()
            .map(|it| it.head.frontier.to_bytes())
            .collect::<Vec<_>>(),
    )
    .bind(places.iter().map(|it| small(it.index)).collect::<Vec<_>>())
    .bind(places.iter().map(|it| small(it.size)).collect::<Vec<_>>())
    .bind(places.iter().map(|it| it.path.concat()).collect::<Vec<_>>())
    .bind(stored(global_index))
    .execute(&mut **tx)
    .await?;
    Ok(())
}
