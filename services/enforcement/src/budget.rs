//! Reserving from budgets: one increment of a shared counter, whose answer is the total. What goes
//! over becomes the policy's hit; where the hit refuses the act, the increment is given back.
//!
//! Each increment has an id that follows from its decision ([`Booking`]), so that whoever reads the
//! counters later knows what each was for: [`crate::books`] settles it, or gives it back when the
//! caller died.

use std::fmt;
use std::str::FromStr;

use writ_contract::wire::{BudgetMark, BudgetUnit};
use writ_contract::{DecisionId, OrgId, PolicyId};
use writ_eventlog::{CounterError, EventLog};
use writ_policy::{Decision, Mode, Reservation, Unit};

/// One increment of one of a policy's counters for one decision; its text is the id of the
/// increment's message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Booking {
    /// What for. Every try at an act has a decision id of its own.
    pub decision: DecisionId,
    /// Whose counter.
    pub policy: PolicyId,
    /// Which of the policy's counters.
    pub counter: String,
}

/// How a booking ends; its word is appended to the booking's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The cap refused it, or the act does not take place.
    Void,
    /// The true amount is known.
    Settle,
}

impl Booking {
    /// Key of the counter within the organisation.
    #[must_use]
    pub fn key(&self) -> String {
        format!("budget_{}_{}", self.policy, self.counter)
    }

    /// Id of the message that ends it: whatever the ending, it happens once.
    #[must_use]
    pub fn ending(&self, ending: Ending) -> String {
        format!("{self}:{}", ending.word())
    }
}

impl Ending {
    /// `void` or `settle`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Ending::Void => "void",
            Ending::Settle => "settle",
        }
    }
}

impl fmt::Display for Booking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.decision, self.policy, self.counter)
    }
}

/// The id of a message that is no booking and no end of one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a booking")]
pub struct NotABooking;

impl FromStr for Booking {
    type Err = NotABooking;

    fn from_str(id: &str) -> Result<Self, NotABooking> {
        let mut parts = id.split(':');
        let mut next = || parts.next().ok_or(NotABooking);
        let booking = Self {
            decision: next()?.parse().map_err(|_| NotABooking)?,
            policy: next()?.parse().map_err(|_| NotABooking)?,
            counter: next()?.to_owned(),
        };
        match parts.next() {
            None => Ok(booking),
            Some(_) => Err(NotABooking),
        }
    }
}

/// What was reserved for one decision.
#[derive(Debug, Default)]
pub struct Reserved {
    /// For the decision's record.
    pub marks: Vec<BudgetMark>,
    taken: Vec<Taken>,
}

/// What stays counted, and the mark that says so.
#[derive(Debug)]
struct Taken {
    booking: Booking,
    amount: u64,
    mark: usize,
}

/// Reserves what the decision asks for and adds a hit for each budget that is spent. An act that
/// goes on all the same, because the hit only warns, stays counted.
///
/// # Errors
/// [`CounterError`] when a counter does not answer; what was taken stays counted until the books
/// give it back, so that the error is on the safe side.
pub async fn reserve(
    log: &EventLog,
    org: OrgId,
    decision: &mut Decision,
    id: DecisionId,
) -> Result<Reserved, CounterError> {
    let mut reserved = Reserved::default();
    for wanted in std::mem::take(&mut decision.reservations) {
        take(log, org, decision, id, &wanted, &mut reserved).await?;
    }
    Ok(reserved)
}

async fn take(
    log: &EventLog,
    org: OrgId,
    decision: &mut Decision,
    id: DecisionId,
    wanted: &Reservation,
    reserved: &mut Reserved,
) -> Result<(), CounterError> {
    let booking = Booking {
        decision: id,
        policy: PolicyId(wanted.policy_id),
        counter: wanted.counter.clone(),
    };
    let (key, amount) = (booking.key(), signed(wanted.amount));
    let total = log.count(org, &key, amount, &booking.to_string()).await?;
    let total = u64::try_from(total).unwrap_or(0);
    let exceeded = total > wanted.cap;
    let refused = exceeded && wanted.violation.enforcement_mode == Mode::Block;
    let mark = mark(wanted, total, exceeded);
    if exceeded {
        decision.add(wanted.violation.clone());
    }
    let taken = Taken {
        booking,
        amount: wanted.amount,
        mark: reserved.marks.len(),
    };
    reserved.marks.push(mark);
    if refused {
        reserved.give_back(log, org, taken).await;
    } else {
        reserved.taken.push(taken);
    }
    Ok(())
}

fn mark(wanted: &Reservation, total: u64, exceeded: bool) -> BudgetMark {
    let mode = wanted.violation.enforcement_mode;
    BudgetMark {
        policy_id: PolicyId(wanted.policy_id).to_bytes(),
        period: wanted.period.clone(),
        reserved: wanted.amount,
        total,
        cap: wanted.cap,
        exceeded,
        unit: unit(wanted.unit).into(),
        warned: wanted.warn_above.is_some_and(|above| total > above),
        // A policy that only watches pauses nobody.
        pause_agent: exceeded && wanted.pause_agent && mode >= Mode::RequireApproval,
        counter: wanted.counter.clone(),
    }
}

fn unit(unit: Unit) -> BudgetUnit {
    match unit {
        Unit::MicroUsd => BudgetUnit::MicroUsd,
        Unit::Calls => BudgetUnit::Calls,
        Unit::Records => BudgetUnit::Records,
    }
}

/// A counter moves by signed amounts.
fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

impl Reserved {
    /// Gives everything back: the act does not take place.
    pub async fn void(&mut self, log: &EventLog, org: OrgId) {
        for taken in std::mem::take(&mut self.taken) {
            self.give_back(log, org, taken).await;
        }
    }

    /// The mark says what stays counted once this is through: where the counter does not answer,
    /// the books give it back later.
    async fn give_back(&mut self, log: &EventLog, org: OrgId, taken: Taken) {
        let (key, id) = (taken.booking.key(), taken.booking.ending(Ending::Void));
        let back = log.count(org, &key, -signed(taken.amount), &id).await;
        if let Err(error) = back {
            tracing::warn!(%error, "a reservation could not be given back yet");
        }
        if let Some(mark) = self.marks.get_mut(taken.mark) {
            mark.total = mark.total.saturating_sub(mark.reserved);
            mark.reserved = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_booking_reads_back_from_its_id_and_an_end_does_not() {
        let booking = Booking {
            decision: DecisionId(Uuid::from_u128(1)),
            policy: PolicyId(Uuid::from_u128(2)),
            counter: "user_ab12_20261120".into(),
        };
        assert_eq!(booking.to_string().parse(), Ok(booking.clone()));
        let end = booking.ending(Ending::Settle);
        assert_eq!(end.parse::<Booking>(), Err(NotABooking));
        assert_eq!("a:b".parse::<Booking>(), Err(NotABooking));
    }
}
