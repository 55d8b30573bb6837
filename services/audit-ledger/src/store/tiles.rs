//! Trees as tiles: what proofs are made from. Full tiles are kept; the right edge is read from what
//! is below it.

use std::collections::BTreeSet;

use sqlx::PgConnection;
use uuid::Uuid;
use writ_chain::Hash;
use writ_chain::merkle::{self, Nodes, ProveError};
use writ_chain::tiles::{Needed, TileId, Tiles, WIDTH, hashes_at, tile_root, width_in};
use writ_pg::WriterTx;

use super::{number, stored};
use crate::error::Error;

/// Under which organisation the tiles of the global log are.
pub(crate) const GLOBAL: Uuid = Uuid::nil();

/// The audit path of leaf `index` in the tree of `size` leaves, which must have it.
pub(crate) async fn inclusion(
    db: &mut PgConnection,
    log: Uuid,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, Error> {
    let damaged = || Error::Damaged(format!("leaf {index} of {size} of {log}"));
    let needed = Needed::by(|nodes| merkle::prove_inclusion(nodes, index, size));
    let tiles = tiles(db, log, size, needed.map_err(|_| damaged())?).await?;
    merkle::prove_inclusion(&tiles, index, size).map_err(|_| damaged())
}

/// The proof that the tree of `new` leaves extends that of `old`, which must not be larger.
pub(crate) async fn consistency(
    db: &mut PgConnection,
    log: Uuid,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, Error> {
    let damaged = || Error::Damaged(format!("the trees {old} and {new} of {log}"));
    let needed = Needed::by(|nodes| merkle::prove_consistency(nodes, old, new));
    let tiles = tiles(db, log, new, needed.map_err(|_| damaged())?).await?;
    merkle::prove_consistency(&tiles, old, new).map_err(|_| damaged())
}

/// The roots of the subtrees over the leaves `from..to`, as [`merkle::subtrees`] has them.
pub(crate) async fn roots(
    db: &mut PgConnection,
    log: Uuid,
    size: u64,
    (from, to): (u64, u64),
) -> Result<Vec<Hash>, Error> {
    let damaged = || Error::Damaged(format!("the leaves {from} to {to} of {log}"));
    let needed = Needed::by(|nodes| {
        let mut places = merkle::subtrees(from, to);
        places.try_for_each(|(level, index)| {
            nodes
                .node(level, index)
                .map(drop)
                .map_err(ProveError::Store)
        })
    });
    let tiles = tiles(db, log, size, needed.map_err(|_| damaged())?).await?;
    let places = merkle::subtrees(from, to);
    let roots = places.map(|(level, index)| tiles.node(level, index));
    roots.collect::<Result<_, _>>().map_err(|_| damaged())
}

/// The tiles named, as they are in the tree of `size` leaves.
pub(crate) async fn tiles(
    db: &mut PgConnection,
    log: Uuid,
    size: u64,
    wanted: BTreeSet<TileId>,
) -> Result<Tiles, Error> {
    let mut found = Tiles::default();
    for id in wanted {
        let hashes = tile(db, log, id, width_in(id, size)).await?;
        found.0.insert(id, hashes);
    }
    Ok(found)
}

/// The first `width` hashes of a tile.
///
/// # Errors
/// [`Error::Damaged`] when what is stored has fewer.
pub(crate) async fn tile(
    db: &mut PgConnection,
    log: Uuid,
    id: TileId,
    width: u64,
) -> Result<Vec<Hash>, Error> {
    if width == WIDTH
        && let Some(hashes) = kept(db, log, id).await?
    {
        return Ok(hashes);
    }
    let start = id.index.saturating_mul(WIDTH);
    below(db, log, id.level, start, start.saturating_add(width)).await
}

async fn kept(db: &mut PgConnection, log: Uuid, id: TileId) -> Result<Option<Vec<Hash>>, Error> {
    let hashes: Option<Vec<u8>> = sqlx::query_scalar(
        "select hashes from tiles where org_id = $1 and level = $2 and index = $3",
    )
    .bind(log)
    .bind(i16::from(id.level))
    .bind(stored(id.index))
    .fetch_optional(db)
    .await?;
    Ok(hashes.map(|bytes| bytes.as_chunks::<32>().0.to_vec()))
}

/// Hashes `from..to` of a level: leaf hashes, or the roots of the full tiles below.
async fn below(
    db: &mut PgConnection,
    log: Uuid,
    level: u8,
    from: u64,
    to: u64,
) -> Result<Vec<Hash>, Error> {
    let rows: Vec<Vec<u8>> = match level {
        0 if log == GLOBAL => {
            let roots = leaves(db, log, from, to).await?.unwrap_or_default();
            let leaf = |root: Vec<u8>| merkle::leaf_hash(&root).to_vec();
            roots.into_iter().map(leaf).collect()
        }
        0 => {
            sqlx::query_scalar(
                "select leaf_hash from places
                 where org_id = $1 and seq >= $2 and seq < $3 order by seq",
            )
            .bind(log)
            .bind(stored(from))
            .bind(stored(to))
            .fetch_all(db)
            .await?
        }
        level => {
            sqlx::query_scalar(
                "select root from tiles where org_id = $1 and level = $2
                 and index >= $3 and index < $4 order by index",
            )
            .bind(log)
            .bind(i16::from(level) - 1)
            .bind(stored(from))
            .bind(stored(to))
            .fetch_all(db)
            .await?
        }
    };
    let hashes: Option<Vec<Hash>> = rows.into_iter().map(|row| row.try_into().ok()).collect();
    let whole = hashes.filter(|hashes| hashes.len() as u64 == to - from);
    whole.ok_or_else(|| Error::Damaged(format!("level {level} of the tree of {log}")))
}

/// The exact leaves `from..to` of a tree; `None` when some of them are not here any more.
pub(crate) async fn leaves(
    db: &mut PgConnection,
    log: Uuid,
    from: u64,
    to: u64,
) -> Result<Option<Vec<Vec<u8>>>, Error> {
    let (from, to) = (stored(from), stored(to));
    let rows: Vec<Vec<u8>> = if log == GLOBAL {
        sqlx::query_scalar(
            "select interval_root from global_log
             where index >= $1 and index < $2 order by index",
        )
        .bind(from)
        .bind(to)
        .fetch_all(db)
        .await?
    } else {
        sqlx::query_scalar(
            "select leaf_bytes from entries
             where org_id = $1 and seq >= $2 and seq < $3 order by seq",
        )
        .bind(log)
        .bind(from)
        .bind(to)
        .fetch_all(db)
        .await?
    };
    let whole = stored(rows.len() as u64) == to - from;
    Ok(whole.then_some(rows))
}

/// Keeps every full tile that a tree of `size` leaves has and that is not kept yet.
pub(crate) async fn keep_tiles(tx: &mut WriterTx, log: Uuid, size: u64) -> Result<(), Error> {
    let mut level = 0;
    loop {
        let full = hashes_at(level + 1, size);
        if full == 0 {
            return Ok(());
        }
        let next: i64 = sqlx::query_scalar(
            "select coalesce(max(index) + 1, 0) from tiles where org_id = $1 and level = $2",
        )
        .bind(log)
        .bind(i16::from(level))
        .fetch_one(&mut **tx)
        .await?;
        for index in number(next)..full {
            let id = TileId { level, index };
            let start = index * WIDTH;
            let hashes = below(tx, log, level, start, start + WIDTH).await?;
            insert(tx, log, id, &hashes).await?;
        }
        level += 1;
    }
}

async fn insert(tx: &mut WriterTx, log: Uuid, id: TileId, hashes: &[Hash]) -> Result<(), Error> {
    sqlx::query(
        "insert into tiles (org_id, level, index, root, hashes) values ($1, $2, $3, $4, $5)",
    )
    .bind(log)
    .bind(i16::from(id.level))
    .bind(stored(id.index))
    .bind(tile_root(hashes).as_slice())
    .bind(hashes.concat())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
