//! Credentials that nobody here made, counted until they are stated.

use std::collections::BTreeMap;

use uuid::Uuid;
use writ_contract::{AgentId, OrgId};

/// Whose traces came with them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Forged {
    /// Whose organisation.
    pub(crate) org: OrgId,
    /// As the traces name the agent.
    pub(crate) agent: String,
    /// The registered agent, when there is one.
    pub(crate) agent_id: Option<AgentId>,
    /// Where it says it ran.
    pub(crate) environment: String,
    /// The key they came with.
    pub(crate) key: Option<Uuid>,
}

/// How often, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Traces.
    pub(crate) traces: u64,
    /// Microseconds since the Unix epoch.
    pub(crate) first_us: i64,
    /// Microseconds since the Unix epoch.
    pub(crate) last_us: i64,
}

/// Agents and keys that are kept apart between two statements; whoever forges chooses the names.
const MOST: usize = 1_000;

/// What was seen since the last statement.
#[derive(Debug, Default)]
pub(crate) struct Forgeries {
    seen: BTreeMap<Forged, Seen>,
}

impl Forgeries {
    /// Counts one.
    pub(crate) fn add(&mut self, forged: Forged, now_us: i64) {
        if self.seen.len() >= MOST && !self.seen.contains_key(&forged) {
            return;
        }
        let seen = self.seen.entry(forged).or_insert(Seen {
            traces: 0,
            first_us: now_us,
            last_us: now_us,
        });
        seen.traces += 1;
        seen.last_us = now_us;
    }

    /// Everything that was seen; from here on it is counted anew.
    pub(crate) fn take(&mut self) -> BTreeMap<Forged, Seen> {
        std::mem::take(&mut self.seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forged(agent: &str) -> Forged {
        Forged {
            org: OrgId(Uuid::nil()),
            agent: agent.into(),
            agent_id: None,
            environment: "production".into(),
            key: None,
        }
    }

    #[test]
    fn forgeries_of_one_agent_are_one_statement_until_it_was_taken() {
        let mut all = Forgeries::default();
        all.add(forged("a"), 5);
        all.add(forged("a"), 9);
        let seen = Seen {
            traces: 2,
            first_us: 5,
            last_us: 9,
        };
        assert_eq!(all.take(), [(forged("a"), seen)].into());
        assert!(all.take().is_empty());
    }

    #[test]
    fn whoever_makes_up_names_fills_no_memory() {
        let mut all = Forgeries::default();
        (0..2 * MOST).for_each(|n| all.add(forged(&n.to_string()), 1));
        assert_eq!(all.take().len(), MOST);
    }
}
