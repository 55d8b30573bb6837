//! A batch of facts, appended in one transaction.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;
use writ_chain::chain::Chain;
use writ_pg::WriterPool;

use super::sources::{Batch, Marks};
use crate::domain::{Plan, plan};
use crate::error::Error;
use crate::{metrics, store};

/// Appends, remembering where the chains stand. After an error it must be thrown away: what it
/// remembers may not have been committed.
#[derive(Debug)]
pub(super) struct Appender {
    pool: WriterPool,
    chains: HashMap<Uuid, Chain>,
}

impl Appender {
    pub(super) fn new(pool: WriterPool) -> Self {
        Self {
            pool,
            chains: HashMap::new(),
        }
    }

    /// Where an organisation's chain stands, if anything was appended to it.
    pub(super) fn chain(&self, org: Uuid) -> Option<&Chain> {
        self.chains.get(&org)
    }

    /// Appends a batch and the resume points after it; returned = recorded. The organisations whose
    /// chains grew.
    ///
    /// # Errors
    /// [`Error`]; the batch may then have been recorded or not, and comes again.
    pub(super) async fn append(
        &mut self,
        mut batch: Batch,
        marks: &Marks,
    ) -> Result<BTreeSet<Uuid>, Error> {
        let arrivals = std::mem::take(&mut batch.arrivals);
        let mut tx = self.pool.begin().await?;
        let mut known = store::known(&mut tx, &arrivals).await?;
        let mut numbers = store::numbers(&mut tx, &arrivals).await?;
        let orgs: BTreeSet<Uuid> = arrivals.iter().map(|it| it.org.0).collect();
        let unread: Vec<Uuid> = orgs
            .into_iter()
            .filter(|org| !self.chains.contains_key(org))
            .collect();
        self.chains.extend(store::chains(&mut tx, &unread).await?);
        let salts = salts(arrivals.len() * 2)?;
        let mut salts = salts.as_chunks::<32>().0.iter().copied();
        let salt = || salts.next().unwrap_or_default();
        let Plan {
            entries,
            repeated,
            gaps,
        } = plan(arrivals, &mut known, &mut numbers, &mut self.chains, salt);
        let grown: BTreeSet<Uuid> = entries.iter().map(|entry| entry.org.0).collect();
        store::insert(&mut tx, &entries).await?;
        let chains = grown.iter().filter_map(|org| self.chains.get(org));
        store::save_chains(&mut tx, chains).await?;
        store::save_numbers(&mut tx, &numbers).await?;
        store::close(&mut tx, &batch.closed).await?;
        marks.save(&mut tx, &batch).await?;
        tx.commit().await?;
        metrics::entries(entries.len());
        metrics::repeated(repeated);
        metrics::gaps(gaps);
        Ok(grown)
    }
}

/// Room for a salt of every fact and of a hole before it.
fn salts(count: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; count * 32];
    getrandom::fill(&mut bytes).map_err(|_| Error::Randomness)?;
    Ok(bytes)
}
