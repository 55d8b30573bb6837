//! A batch of facts, appended in one transaction. Nothing is remembered between two batches: where
//! the chains stand is what the store says.

use std::collections::BTreeSet;

use uuid::Uuid;
use writ_pg::WriterPool;

use super::sources::{Batch, Marks};
use crate::domain::{Plan, plan};
use crate::error::Error;
use crate::{metrics, store};

/// Appends a batch and the resume points after it; returned = recorded. The organisations whose
/// chains grew.
///
/// # Errors
/// [`Error`]; the batch may then have been recorded or not, and comes again.
pub(super) async fn append(
    pool: &WriterPool,
    marks: &mut Marks,
    mut batch: Batch,
) -> Result<BTreeSet<Uuid>, Error> {
    let arrivals = std::mem::take(&mut batch.arrivals);
    let mut tx = pool.begin().await?;
    store::insist_on_disk(&mut tx).await?;
    marks.check(&mut tx).await?;
    let mut known = store::known(&mut tx, &arrivals).await?;
    let mut numbers = store::numbers(&mut tx, &arrivals).await?;
    let orgs: BTreeSet<Uuid> = arrivals.iter().map(|it| it.org.0).collect();
    let orgs: Vec<Uuid> = orgs.into_iter().collect();
    let mut chains = store::chains(&mut tx, &orgs).await?;
    let salts = salts(arrivals.len() * 2)?;
    let mut salts = salts.as_chunks::<32>().0.iter().copied();
    let salt = || salts.next().unwrap_or_default();
    let Plan {
        entries,
        repeated,
        gaps,
    } = plan(arrivals, &mut known, &mut numbers, &mut chains, salt);
    let grown: BTreeSet<Uuid> = entries.iter().map(|entry| entry.org.0).collect();
    store::insert(&mut tx, &entries).await?;
    store::save_evidence(&mut tx, &entries).await?;
    store::hear(&mut tx, &entries).await?;
    store::alive(&mut tx, &batch.alive).await?;
    store::save_chains(&mut tx, grown.iter().filter_map(|org| chains.get(org))).await?;
    store::save_numbers(&mut tx, &numbers).await?;
    store::close(&mut tx, &batch.closed).await?;
    store::recorded(&mut tx, &batch.own).await?;
    marks.save(&mut tx, &batch).await?;
    tx.commit().await?;
    marks.saved(&batch);
    metrics::entries(entries.len());
    metrics::repeated(repeated);
    metrics::gaps(gaps);
    Ok(grown)
}

/// Room for a salt of every fact and of a hole before it.
fn salts(count: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; count * 32];
    getrandom::fill(&mut bytes).map_err(|_| Error::Randomness)?;
    Ok(bytes)
}
