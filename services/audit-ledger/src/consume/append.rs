//! A batch of facts, appended in one transaction. Nothing is remembered between two batches: where
//! the chains stand is what the store says.

use std::collections::BTreeSet;

use uuid::Uuid;
use writ_pg::{WriterPool, WriterTx};

use super::sources::{Batch, Marks};
use crate::domain::{Arrival, Plan, plan};
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
    match commit(pool, marks, &batch).await {
        Err(error) if error.is_about_values() => {
            tracing::error!(%error, "the store cannot hold a fact: each is tried alone");
            for arrival in &mut batch.arrivals {
                if !holds(pool, arrival).await? {
                    tracing::error!(event = %arrival.event_id, "recorded as unreadable");
                    arrival.forget();
                }
            }
            commit(pool, marks, &batch).await
        }
        done => done,
    }
}

/// Whether the store can hold a fact. Nothing of it stays there.
async fn holds(pool: &WriterPool, arrival: &Arrival) -> Result<bool, Error> {
    let mut tx = pool.begin().await?;
    match record(&mut tx, vec![arrival.clone()]).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_about_values() => Ok(false),
        Err(error) => Err(error),
    }
}

async fn commit(
    pool: &WriterPool,
    marks: &mut Marks,
    batch: &Batch,
) -> Result<BTreeSet<Uuid>, Error> {
    let mut tx = pool.begin().await?;
    store::insist_on_disk(&mut tx).await?;
    marks.check(&mut tx).await?;
    let Plan {
        entries,
        repeated,
        gaps,
    } = record(&mut tx, batch.arrivals.clone()).await?;
    store::alive(&mut tx, &batch.alive).await?;
    store::close(&mut tx, &batch.closed).await?;
    store::recorded(&mut tx, &batch.own).await?;
    marks.save(&mut tx, batch).await?;
    tx.commit().await?;
    marks.saved(batch);
    metrics::entries(entries.len());
    metrics::repeated(repeated);
    metrics::gaps(gaps);
    Ok(entries.iter().map(|entry| entry.org.0).collect())
}

/// Makes entries of facts, and brings forward what the next ones have to know.
async fn record(tx: &mut WriterTx, arrivals: Vec<Arrival>) -> Result<Plan, Error> {
    let mut known = store::known(tx, &arrivals).await?;
    let mut numbers = store::numbers(tx, &arrivals).await?;
    let orgs: BTreeSet<Uuid> = arrivals.iter().map(|it| it.org.0).collect();
    let orgs: Vec<Uuid> = orgs.into_iter().collect();
    let mut chains = store::chains(tx, &orgs).await?;
    let salts = salts(arrivals.len() * 2)?;
    let mut salts = salts.as_chunks::<32>().0.iter().copied();
    let salt = || salts.next().unwrap_or_default();
    let plan = plan(arrivals, &mut known, &mut numbers, &mut chains, salt);
    store::insert(tx, &plan.entries).await?;
    store::save_evidence(tx, &plan.entries).await?;
    store::save_agents(tx, &plan.entries).await?;
    store::hear(tx, &plan.entries).await?;
    let grown: BTreeSet<Uuid> = plan.entries.iter().map(|entry| entry.org.0).collect();
    store::save_chains(tx, grown.iter().filter_map(|org| chains.get(org))).await?;
    store::save_numbers(tx, &numbers).await?;
    Ok(plan)
}

/// Room for a salt of every fact and of a hole before it.
fn salts(count: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; count * 32];
    getrandom::fill(&mut bytes).map_err(|_| Error::Randomness)?;
    Ok(bytes)
}
