//! All SQL of the service: entries, seals and listings.

mod agents;
mod cited;
mod coverage;
mod entries;
mod evidence;
mod insert;
mod listing;
mod own;
mod receipts;
mod seals;
mod tiles;
mod witnesses;

pub(crate) use agents::{agents, save_agents};
pub(crate) use cited::{Cited, cited, first_sealed};
pub(crate) use coverage::{
    EmitterRow, Period, emitters, lost_reports, months_taken_out, outcomes, present, windows,
};
pub(crate) use entries::{chains, close, known, numbers, positions, save_chains, save_numbers};
pub(crate) use evidence::{found, save_evidence};
pub(crate) use insert::{alive, hear, insert};
pub(crate) use listing::{
    ExportRow, Listing, LogRow, Selection, Signed, entries_between, export_page, list, signed,
};
pub(crate) use seals::{
    GlobalHead, LastSeal, NewSeal, event_ids, global_head, insert_global, insert_seals,
    insist_on_disk, last_seals, unsealed, unsealed_leaves,
};

pub(crate) use own::{
    NotedExport, OwnFact, Taker, make_partitions, note_damage, note_export, note_export_begun,
    note_hole, note_key, recorded, waiting,
};
pub(crate) use receipts::{
    Covering, HeadPlace, StoredEntry, covering, decision, entry, global_signed, is_recorded,
    latest_covering, leaf_hash, note_of,
};
pub(crate) use tiles::{GLOBAL, consistency, inclusion, keep_tiles, leaves, roots, tile};
pub(crate) use witnesses::{
    GlobalNote, cosigned_sizes, global_with, keep_cosignature, witnessed_size,
};

use sqlx::migrate::Migrator;

/// The service's schema, and the first part of its roles' names.
pub(crate) const SCHEMA: &str = "ledger";
/// The projection whose resume points are kept.
pub(crate) const PROJECTION: &str = "chain";

/// What makes the schema what the code expects.
pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!();

/// A size or sequence as the store keeps it.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A size or sequence as the store gave it back; it is checked there not to be negative.
fn number(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}
