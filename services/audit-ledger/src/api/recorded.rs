//! What was recorded, read from the bytes that were hashed, and since when anything was.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use writ_chain::leaf::{EntryBody, Leaf, leaf_hash};
use writ_pg::TenantTx;

use crate::error::Error;
use crate::store::{self, Cited};

/// Since when an organisation has a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recording {
    /// When its first entry happened; when that was taken out, when the first checkpoint was made.
    pub(super) began: DateTime<Utc>,
    pub(super) first_sealed: DateTime<Utc>,
}

impl Recording {
    /// Of the transaction's organisation; `None` while nothing is sealed.
    pub(super) async fn of(tx: &mut TenantTx, org: Uuid) -> Result<Option<Self>, Error> {
        let Some(first_sealed) = store::first_sealed(tx).await? else {
            return Ok(None);
        };
        let first = store::cited(tx, vec![0]).await?;
        let began = match first.first() {
            Some(first) => occurred_at(&entry(org, first)?),
            None => first_sealed,
        };
        Ok(Some(Self {
            began,
            first_sealed,
        }))
    }
}

/// What an entry says.
///
/// # Errors
/// When its bytes are not those whose hash is in the tree: nothing may be signed over it.
pub(super) fn entry(org: Uuid, cited: &Cited) -> Result<EntryBody, Error> {
    let damaged = || Error::Damaged(format!("entry {}", cited.seq));
    if leaf_hash(&cited.leaf_bytes).as_slice() != cited.leaf_hash {
        return Err(damaged());
    }
    let leaf = Leaf::parse(&cited.leaf_bytes).map_err(|_| damaged())?;
    let place = leaf.position;
    if place.tenant != org || i64::try_from(place.seq) != Ok(cited.seq) {
        return Err(damaged());
    }
    leaf.entry().map_err(|_| damaged())
}

/// When an entry happened.
pub(super) fn occurred_at(entry: &EntryBody) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(entry.occurred_at).unwrap_or_default()
}
