//! What an agent's traces cost on average: the estimate of an act that brings none.

use std::collections::HashMap;

use super::{Actor, REACH, Spent};

/// Traces that count in full; of more, older ones count less and less.
const WINDOW: u32 = 1000;
/// Agents that are remembered; beyond that those that were not heard of for an hour are forgotten,
/// and new ones wait: whoever sends traces chooses the names.
const MOST: usize = 100_000;

#[derive(Debug)]
struct Mean {
    sum: i64,
    traces: u32,
    at_us: i64,
}

/// Mean costs by agent.
#[derive(Debug, Default)]
pub(super) struct Means(HashMap<Actor, Mean>);

impl Means {
    /// Takes a trace with a cost.
    pub(super) fn take(&mut self, spent: &Spent) {
        if self.0.len() >= MOST && !self.0.contains_key(&spent.actor) {
            self.0.retain(|_, mean| spent.at_us - mean.at_us < REACH);
            if self.0.len() >= MOST {
                return;
            }
        }
        let mean = self.0.entry(spent.actor.clone()).or_insert(Mean {
            sum: 0,
            traces: 0,
            at_us: 0,
        });
        if mean.traces >= WINDOW {
            (mean.sum, mean.traces) = (mean.sum / 2, mean.traces / 2);
        }
        mean.sum = mean.sum.saturating_add(spent.cost_micros);
        mean.traces += 1;
        mean.at_us = spent.at_us;
    }

    /// The mean cost of a trace of this agent, in US dollars; `None` before the first.
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    pub(super) fn of(&self, actor: &Actor) -> Option<f64> {
        let mean = self.0.get(actor)?;
        Some(mean.sum as f64 / f64::from(mean.traces.max(1)) / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use writ_contract::OrgId;

    use super::*;

    fn spent(agent: &str, cost_micros: i64) -> Spent {
        Spent {
            trace: "t".to_owned(),
            actor: actor(agent),
            decision: None,
            cost_micros,
            at_us: 1,
        }
    }

    fn actor(agent: &str) -> Actor {
        Actor {
            org: OrgId(Uuid::from_u128(1)),
            agent: agent.to_owned(),
            environment: "production".to_owned(),
        }
    }

    #[test]
    fn mean_is_of_one_agent_and_follows_what_it_costs_lately() {
        let mut means = Means::default();
        assert_eq!(means.of(&actor("a")), None);
        for cost in [200_000, 400_000] {
            means.take(&spent("a", cost));
        }
        means.take(&spent("b", 9_000_000));
        assert_eq!(means.of(&actor("a")), Some(0.3));
        for _ in 0..10 * WINDOW {
            means.take(&spent("a", 1_000_000));
        }
        assert!(means.of(&actor("a")).unwrap() > 0.99);
    }

    #[test]
    fn whoever_makes_up_names_fills_no_memory() {
        let mut means = Means::default();
        (0..MOST + 9).for_each(|n| means.take(&spent(&n.to_string(), 1)));
        assert_eq!(means.0.len(), MOST);
    }
}
