//! The ledger's tables, read in one snapshot and never written.

use std::ops::Range;
use std::time::Duration;

use futures::stream::{BoxStream, StreamExt};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, FromRow, Row};
use uuid::Uuid;
use writ_chain::tiles::TileId;

use super::detached::Detached;
use super::index::{Columns, SELECTED};
use super::tiles::Tile;
use crate::api::innermost;
use crate::env_file::DevEnv;
use crate::failure::Failure;

const PATIENCE: Duration = Duration::from_secs(10);

/// Where the ledger is.
#[derive(clap::Args)]
pub(super) struct DatabaseArg {
    /// Postgres with the ledger, as a role that may read it (ledger_writer sees every organisation)
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
}

/// One read-only snapshot of the schema `ledger`.
pub(super) struct Ledger {
    connection: PgConnection,
}

/// A stored entry.
pub(super) struct Stored {
    /// The sequence number it is stored under.
    pub(super) seq: u64,
    /// Its exact bytes.
    pub(super) leaf_bytes: Vec<u8>,
    /// The hash stored beside them.
    pub(super) leaf_hash: Option<[u8; 32]>,
    /// What it is found and counted by.
    pub(super) columns: Box<Columns>,
}

/// What is stored of an entry that may have been taken out.
pub(super) enum Kept {
    /// All of it.
    Entry(Stored),
    /// Its place, and its hash.
    Hash(u64, [u8; 32]),
}

/// One interval of the global log.
pub(super) struct Interval {
    /// Dense from 0.
    pub(super) index: u64,
    /// The recorded root over its heads.
    pub(super) root: [u8; 32],
    /// The signed head of the global log after it.
    pub(super) note: String,
    /// Organisation, size and root, by organisation.
    pub(super) heads: Vec<(Uuid, i64, Vec<u8>)>,
}

impl DatabaseArg {
    /// Connects and fixes the snapshot.
    pub(super) async fn open(&self, env: &DevEnv) -> Result<Ledger, Failure> {
        let given = self.database_url.as_deref().filter(|url| !url.is_empty());
        let Some(url) = given.or_else(|| env.get("DATABASE_URL")) else {
            return Err(Failure::Usage(
                "which ledger? give --database-url or DATABASE_URL, or --file for a bundle".into(),
            ));
        };
        let options: PgConnectOptions = url
            .parse()
            .map_err(|error| Failure::Usage(format!("--database-url: {error}")))?;
        let opening = async {
            let mut connection = options.connect().await?;
            sqlx::query("begin isolation level repeatable read read only")
                .execute(&mut connection)
                .await?;
            Ok(Ledger { connection })
        };
        match tokio::time::timeout(PATIENCE, opening).await {
            Ok(opened) => opened.map_err(|error| trouble(&error)),
            Err(_) => Err(Failure::Unavailable(
                "Postgres does not answer; see `writ doctor`".into(),
            )),
        }
    }
}

impl Ledger {
    /// Every organisation that has entries or a checkpoint, as far as the role sees them.
    pub(super) async fn orgs(&mut self) -> Result<Vec<Uuid>, Failure> {
        sqlx::query_scalar(
            "select org_id from ledger.entries where seq = 0
             union select org_id from ledger.checkpoints order by 1",
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(|error| trouble(&error))
    }

    /// Row policies bind most roles to one organisation: this one, until the next.
    pub(super) async fn enter(&mut self, org: Uuid) -> Result<(), Failure> {
        sqlx::query("select set_config('app.current_org_id', $1, true)")
            .bind(org.to_string())
            .execute(&mut self.connection)
            .await
            .map(|_| ())
            .map_err(|error| trouble(&error))
    }

    /// The signed checkpoints of an organisation, the latest first.
    pub(super) async fn checkpoints(
        &mut self,
        org: Uuid,
        most: i64,
    ) -> Result<Vec<String>, Failure> {
        sqlx::query_scalar(
            "select note from ledger.checkpoints where org_id = $1 order by size desc limit $2",
        )
        .bind(org)
        .bind(most)
        .fetch_all(&mut self.connection)
        .await
        .map_err(|error| trouble(&error))
    }

    /// The entries below `end` in rising order, as they are stored.
    pub(super) fn entries(
        &mut self,
        org: Uuid,
        end: u64,
    ) -> BoxStream<'_, Result<Stored, Failure>> {
        self.entries_in(org, 0..end)
    }

    /// The entries of a range, in rising order.
    pub(super) fn entries_in(
        &mut self,
        org: Uuid,
        range: Range<u64>,
    ) -> BoxStream<'_, Result<Stored, Failure>> {
        let sql = format!(
            "select seq, e.leaf_bytes, e.leaf_hash, {SELECTED}
             from ledger.entries e left join ledger.places p using (org_id, seq)
             where org_id = $1 and seq >= $2 and seq < $3 order by seq"
        );
        self.rows(sql, org, &range, stored)
    }

    /// What is kept of a range in which entries may have been taken out, in rising order.
    pub(super) fn kept_in(
        &mut self,
        org: Uuid,
        range: Range<u64>,
    ) -> BoxStream<'_, Result<Kept, Failure>> {
        let sql = format!(
            "select seq, e.leaf_bytes, e.leaf_hash, {SELECTED}
             from (select * from ledger.places
                   where org_id = $1 and seq >= $2 and seq < $3) p
             full join (select * from ledger.entries
                        where org_id = $1 and seq >= $2 and seq < $3) e using (seq)
             order by seq"
        );
        self.rows(sql, org, &range, kept)
    }

    fn rows<T: Send + 'static>(
        &mut self,
        sql: String,
        org: Uuid,
        range: &Range<u64>,
        read: fn(&PgRow) -> Result<T, sqlx::Error>,
    ) -> BoxStream<'_, Result<T, Failure>> {
        let [from, end] = stored_range(range);
        sqlx::query(AssertSqlSafe(sql))
            .bind(org)
            .bind(from)
            .bind(end)
            .fetch(&mut self.connection)
            .map(move |row| {
                row.and_then(|row| read(&row))
                    .map_err(|error| trouble(&error))
            })
            .boxed()
    }

    /// Where entries say that a month was taken out: their numbers, and what they say. Nothing of it
    /// is verified yet.
    pub(super) async fn detached(&mut self, org: Uuid) -> Result<Vec<(u64, Detached)>, Failure> {
        let rows: Vec<(i64, Option<String>)> = sqlx::query_as(
            "select seq, target from ledger.entries
             where org_id = $1 and action = 'ledger.detach' order by seq",
        )
        .bind(org)
        .fetch_all(&mut self.connection)
        .await
        .map_err(|error| trouble(&error))?;
        let read = |(seq, target): &(i64, Option<String>)| {
            let detached = Detached::parse(target.as_deref()?)?;
            Some((u64::try_from(*seq).ok()?, detached))
        };
        Ok(rows.iter().filter_map(read).collect())
    }

    /// The full tiles of an organisation's tree, or of the global log's, in rising order.
    pub(super) fn tiles(&mut self, log: Uuid) -> BoxStream<'_, Result<Tile, Failure>> {
        sqlx::query(
            "select level, index, root, hashes from ledger.tiles where org_id = $1
             order by level, index",
        )
        .bind(log)
        .fetch(&mut self.connection)
        .map(|row| {
            row.and_then(|row| tile(&row))
                .map_err(|error| trouble(&error))
        })
        .boxed()
    }

    /// What witnesses signed of the global log: the size, and the signature line.
    pub(super) async fn cosignatures(&mut self) -> Result<Vec<(u64, String)>, Failure> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as("select size, line from ledger.cosignatures order by witness")
                .fetch_all(&mut self.connection)
                .await
                .map_err(|error| trouble(&error))?;
        let size = |(size, line)| Some((u64::try_from(size).ok()?, line));
        Ok(rows.into_iter().filter_map(size).collect())
    }
}

impl Ledger {
    /// The global log in rising order, each interval with the heads that are kept of it.
    pub(super) fn intervals(&mut self) -> BoxStream<'_, Result<Interval, Failure>> {
        sqlx::query(
            "select g.index, g.interval_root, g.note,
               array_remove(array_agg(c.org_id order by c.org_id), null),
               array_remove(array_agg(c.size order by c.org_id), null),
               array_remove(array_agg(c.root order by c.org_id), null)
             from ledger.global_log g left join ledger.checkpoints c on c.global_index = g.index
             group by g.index order by g.index",
        )
        .fetch(&mut self.connection)
        .map(|row| {
            row.and_then(|row| interval(&row))
                .map_err(|error| trouble(&error))
        })
        .boxed()
    }
}

fn interval(row: &PgRow) -> Result<Interval, sqlx::Error> {
    let index: i64 = row.try_get(0)?;
    let root: Vec<u8> = row.try_get(1)?;
    let (orgs, sizes): (Vec<Uuid>, Vec<i64>) = (row.try_get(3)?, row.try_get(4)?);
    let roots: Vec<Vec<u8>> = row.try_get(5)?;
    let heads = orgs.into_iter().zip(sizes).zip(roots);
    Ok(Interval {
        index: u64::try_from(index).map_err(|error| sqlx::Error::Decode(error.into()))?,
        root: root.try_into().unwrap_or_default(),
        note: row.try_get(2)?,
        heads: heads.map(|((org, size), root)| (org, size, root)).collect(),
    })
}

fn tile(row: &PgRow) -> Result<Tile, sqlx::Error> {
    let (level, index): (i16, i64) = (row.try_get(0)?, row.try_get(1)?);
    Ok(Tile {
        id: TileId {
            level: u8::try_from(level).map_err(|error| sqlx::Error::Decode(error.into()))?,
            index: u64::try_from(index).map_err(|error| sqlx::Error::Decode(error.into()))?,
        },
        root: row.try_get(2)?,
        hashes: row.try_get(3)?,
    })
}

fn stored_range(range: &Range<u64>) -> [i64; 2] {
    [range.start, range.end].map(|end| i64::try_from(end).unwrap_or(i64::MAX))
}

fn kept(row: &PgRow) -> Result<Kept, sqlx::Error> {
    if row.try_get::<Option<Vec<u8>>, _>(1)?.is_some() {
        return stored(row).map(Kept::Entry);
    }
    let seq: i64 = row.try_get(0)?;
    let hash: Vec<u8> = row.try_get("placed_hash")?;
    Ok(Kept::Hash(
        u64::try_from(seq).map_err(|error| sqlx::Error::Decode(error.into()))?,
        hash.try_into().unwrap_or_default(),
    ))
}

fn stored(row: &PgRow) -> Result<Stored, sqlx::Error> {
    let seq: i64 = row.try_get(0)?;
    let hash: Option<Vec<u8>> = row.try_get(2)?;
    Ok(Stored {
        seq: u64::try_from(seq).map_err(|error| sqlx::Error::Decode(error.into()))?,
        leaf_bytes: row.try_get(1)?,
        leaf_hash: hash.map(|it| it.try_into().unwrap_or_default()),
        columns: Box::new(Columns::from_row(row)?),
    })
}

fn trouble(error: &sqlx::Error) -> Failure {
    let why = innermost(error);
    Failure::Unavailable(format!(
        "cannot read the ledger: {why}; check --database-url"
    ))
}
