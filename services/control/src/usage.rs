//! How many traces each organisation has sent this month, as ingest counts them: memory only.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use writ_contract::{OrgId, Stream, wire};
use writ_eventlog::{Content, EventLog, ReaderError, Start};

/// What ingest calls its counts of traces.
const TRACES: &str = "traces";

/// The counts of all organisations.
#[derive(Debug, Default)]
pub struct Usage(Mutex<HashMap<OrgId, Counted>>);

/// A count of one month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// First microsecond of the month.
    pub start_us: i64,
    /// First microsecond after it.
    pub end_us: i64,
    /// Traces.
    pub used: u64,
}

impl Usage {
    /// Traces counted in the month that `now_us` is in, as far as was heard.
    #[must_use]
    pub fn traces(&self, org: OrgId, now_us: i64) -> u64 {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = counts.get(&org);
        let current = known.filter(|known| (known.start_us..known.end_us).contains(&now_us));
        current.map_or(0, |known| known.used)
    }

    /// Takes a count over: a later month replaces an earlier one, and within a month the most counts.
    pub fn hear(&self, org: OrgId, said: Counted) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rank = |counted: &Counted| (counted.start_us, counted.used);
        let known = counts.entry(org).or_insert(said);
        if rank(&said) > rank(known) {
            *known = said;
        }
    }

    /// Follows what ingest states; returns only with trouble.
    ///
    /// # Errors
    /// The log's; start it again.
    pub async fn follow(&self, log: &EventLog) -> Result<(), ReaderError> {
        let filters = vec![log.topology().facts::<wire::Quota>()];
        let mut reader = log
            .read(Stream::Ingest, filters, Start::LastPerSubject)
            .await?;
        loop {
            let delivered = reader.next().await?;
            let Content::Fact(envelope) = delivered.content else {
                continue;
            };
            match envelope.open::<wire::Quota>() {
                Ok(fact) if fact.resource == TRACES => self.hear(
                    envelope.org,
                    Counted {
                        start_us: fact.month_start_us,
                        end_us: fact.month_end_us,
                        used: fact.used,
                    },
                ),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "unreadable count of traces"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_replica_that_knows_less_lowers_nothing_and_a_new_month_starts_from_its_own_count() {
        let (usage, org) = (Usage::default(), OrgId(Uuid::nil()));
        let counted = |start_us, used| Counted {
            start_us,
            end_us: start_us + 10,
            used,
        };
        for said in [counted(0, 7), counted(0, 5)] {
            usage.hear(org, said);
        }
        assert_eq!((usage.traces(org, 9), usage.traces(org, 10)), (7, 0));
        for said in [counted(10, 1), counted(0, 9)] {
            usage.hear(org, said);
        }
        assert_eq!(usage.traces(org, 10), 1);
    }
}
