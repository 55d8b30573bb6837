//! The books: what was reserved from budgets and is not final yet. A reservation of money settles
//! with the trace that tells its true cost; one that no act stands behind is given back.
//!
//! The books are built from three streams and can be built anew at any time: the counters (every
//! booking and every end of one, by id), the decisions, and the traces. Every replica keeps them. An
//! end has an id of its own, so that it counts once, whoever comes first.

mod follow;
mod means;
mod spent;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use uuid::Uuid;
use writ_contract::wire::{BudgetUnit, Outcome};
use writ_contract::{DecisionId, OrgId, PolicyId, wire};
use writ_eventlog::Increment;

use crate::budget::{Booking, Ending};
pub use follow::Keeper;
pub use spent::Spent;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
/// How long a trace waits for the reservation it belongs to, which comes on another stream.
const SETTLING: i64 = 10 * SECOND;
/// After this a reservation of an act that went on is final at its estimate.
const FINAL: i64 = 15 * MINUTE;
/// The same for a held act: its request may live 25 minutes, its certificate 5.
const HELD_FINAL: i64 = FINAL + 30 * MINUTE;
/// How far back the books are read at a start; what is older is final.
pub(crate) const REACH: i64 = 60 * MINUTE;

/// A booking that is not final.
#[derive(Debug)]
struct Open {
    org: OrgId,
    amount: i64,
    at_us: i64,
}

/// What is known of a decision.
#[derive(Debug)]
struct Made {
    /// Of whom a trace without a decision's id may be.
    actor: Actor,
    /// The act takes place, or may yet.
    stands: bool,
    held: bool,
    /// Counters of money it booked from.
    money: Vec<String>,
    at_us: i64,
}

impl Made {
    fn last(&self) -> i64 {
        if self.held { HELD_FINAL } else { FINAL }
    }
}

/// Who spends: what the application calls the agent, and where it runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Actor {
    pub(crate) org: OrgId,
    pub(crate) agent: String,
    pub(crate) environment: String,
}

/// A booking's end that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Whose counter.
    pub org: OrgId,
    /// What ends.
    pub booking: Booking,
    /// How.
    pub ending: Ending,
    /// What to add to the counter.
    pub delta: i64,
    /// The trace that tells it; empty for a void.
    pub cause: String,
}

/// What is open.
#[derive(Debug, Default)]
pub struct Books {
    open: BTreeMap<Booking, Open>,
    made: HashMap<DecisionId, Made>,
    /// Bookings whose decision is still to be looked for, oldest first.
    unchecked: VecDeque<(i64, Booking)>,
    /// Decisions that booked money, oldest first.
    spenders: HashMap<Actor, BTreeSet<(i64, DecisionId)>>,
    spent: VecDeque<Spent>,
    /// Traces that settled something, with the time they did.
    used: HashMap<String, i64>,
    forgot_us: i64,
}

impl Books {
    /// Takes an increment of a counter: a booking, or the end of one.
    pub fn counted(&mut self, increment: &Increment) {
        let at_us = increment.stored_at_us;
        if let Ok(booking) = increment.id.parse::<Booking>() {
            let open = Open {
                org: increment.org,
                amount: increment.delta,
                at_us,
            };
            self.unchecked.push_back((at_us, booking.clone()));
            self.open.insert(booking, open);
            return;
        }
        let ended = increment.id.rsplit_once(':');
        if let Some(Ok(booking)) = ended.map(|(booking, _)| booking.parse::<Booking>()) {
            self.open.remove(&booking);
        }
        if !increment.cause.is_empty() {
            self.used.insert(increment.cause.clone(), at_us);
        }
    }

    /// Takes a decision. One that cannot be read stands: what it booked is final.
    pub fn decided(&mut self, org: OrgId, id: DecisionId, fact: &wire::Decision, at_us: i64) {
        let money = fact.budget_marks.iter();
        let money = money.filter(|mark| mark.unit() == BudgetUnit::MicroUsd);
        let made = Made {
            actor: Actor {
                org,
                agent: fact.external_agent_id.clone(),
                environment: fact.environment.clone(),
            },
            stands: fact.outcome() != Outcome::Deny,
            held: fact.outcome() == Outcome::Hold,
            money: money.map(|mark| mark.counter.clone()).collect(),
            at_us,
        };
        if made.stands && !made.money.is_empty() {
            let spender = self.spenders.entry(made.actor.clone()).or_default();
            spender.insert((at_us, id));
        }
        self.made.insert(id, made);
    }

    /// Takes the end of an approval request: a held act that nobody approved does not take place.
    pub fn refused(&mut self, decisions: impl Iterator<Item = DecisionId>) {
        for id in decisions {
            if let Some(made) = self.made.get_mut(&id) {
                made.stands = false;
            }
            for booking in self.of(id) {
                self.unchecked.push_front((0, booking));
            }
        }
    }

    /// Takes a trace that tells what an act cost.
    pub fn spent(&mut self, spent: Spent) {
        self.spent.push_back(spent);
    }

    /// What is due at a time, each end once. All three streams must have been read as far as they
    /// go; a booking without a decision is given back `unclaimed_us` after it was made.
    pub fn due(&mut self, now_us: i64, unclaimed_us: i64) -> Vec<End> {
        self.forget(now_us);
        let mut ends = self.unclaimed(now_us.saturating_sub(unclaimed_us));
        let arrived = now_us - SETTLING.min(unclaimed_us);
        while let Some(spent) = self.spent.pop_front() {
            if spent.at_us > arrived {
                self.spent.push_front(spent);
                break;
            }
            if !self.used.contains_key(&spent.trace) {
                ends.extend(self.settled_by(&spent));
            }
        }
        ends
    }

    /// Bookings whose decision was never made, or refuses the act. Of the others only those stay in
    /// the books that may still change: money, and what waits for a human.
    fn unclaimed(&mut self, made_before: i64) -> Vec<End> {
        let mut ends = Vec::new();
        while let Some((at_us, booking)) = self.unchecked.pop_front() {
            if at_us > made_before {
                self.unchecked.push_front((at_us, booking));
                break;
            }
            let made = self.made.get(&booking.decision);
            let stands = made.is_some_and(|made| made.stands);
            let changes = made.is_some_and(|m| m.held || m.money.contains(&booking.counter));
            if stands && changes {
                continue;
            }
            let Some(open) = self.open.remove(&booking).filter(|_| !stands) else {
                continue;
            };
            ends.push(End {
                org: open.org,
                booking,
                ending: Ending::Void,
                delta: open.amount.saturating_neg(),
                cause: String::new(),
            });
        }
        ends
    }

    /// Ends the bookings of money of the decision that a trace belongs to: the one it names, else
    /// the oldest open one of the same agent.
    fn settled_by(&mut self, spent: &Spent) -> Vec<End> {
        let Some(decision) = spent.decision.or_else(|| self.oldest(spent)) else {
            return Vec::new();
        };
        let bookings = self.of(decision);
        let Some(made) = self.made.get(&decision) else {
            return Vec::new();
        };
        if made.actor.org != spent.actor.org || !made.stands {
            return Vec::new();
        }
        let mut ends = Vec::new();
        for booking in bookings {
            if !made.money.contains(&booking.counter) {
                continue;
            }
            // Not the next trace's, even before the counters say so.
            if let Some(open) = self.open.remove(&booking) {
                ends.push(End {
                    org: open.org,
                    booking,
                    ending: Ending::Settle,
                    delta: spent.cost_micros.saturating_sub(open.amount),
                    cause: spent.trace.clone(),
                });
            }
        }
        ends
    }

    /// The oldest decision of the trace's agent, made before it, with money that is open.
    fn oldest(&mut self, spent: &Spent) -> Option<DecisionId> {
        loop {
            let queue = self.spenders.get(&spent.actor)?;
            let (at_us, id) = *queue.first()?;
            if at_us > spent.at_us {
                return None;
            }
            let made = self.made.get(&id).filter(|made| made.stands);
            let money = |b: &Booking| made.is_some_and(|made| made.money.contains(&b.counter));
            if self.of(id).iter().any(money) {
                return Some(id);
            }
            self.spenders.get_mut(&spent.actor)?.pop_first();
        }
    }

    /// The open bookings of a decision.
    fn of(&self, decision: DecisionId) -> Vec<Booking> {
        let first = Booking {
            decision,
            policy: PolicyId(Uuid::nil()),
            counter: String::new(),
        };
        let open = self.open.range(first..).map(|(booking, _)| booking);
        open.take_while(|booking| booking.decision == decision)
            .cloned()
            .collect()
    }

    /// Drops what is final. It stays counted as it is.
    fn forget(&mut self, now_us: i64) {
        if now_us - self.forgot_us < MINUTE {
            return;
        }
        self.forgot_us = now_us;
        let made = &self.made;
        self.open.retain(|booking, open| {
            let last = made.get(&booking.decision).map_or(REACH, Made::last);
            now_us - open.at_us < last
        });
        self.made.retain(|_, made| now_us - made.at_us < REACH);
        self.used.retain(|_, at_us| now_us - *at_us < 2 * REACH);
        self.spenders.retain(|_, queue| {
            queue.retain(|(at_us, _)| now_us - at_us < REACH);
            !queue.is_empty()
        });
    }
}

#[cfg(test)]
mod tests;
