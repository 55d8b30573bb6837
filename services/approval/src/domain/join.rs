//! A held decision about the same act joins a request that is still open. Sent by the reader of
//! the gate; never after a decision, and never after the request's life.

use writ_contract::DecisionId;

use super::{Event, Facts, Party, Refusal, State};

/// Wait for an open request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The decision that waits.
    pub decision: DecisionId,
    /// Who made it.
    pub by: Party,
}

impl Join {
    /// Decides.
    ///
    /// # Errors
    /// [`Refusal::AlreadyDecided`] or [`Refusal::Expired`]: the decision makes a request of its own.
    pub fn decide(self, state: &State, facts: &Facts) -> Result<Event, Refusal> {
        if state.is_open(facts.now) {
            let Self { decision, by } = self;
            return Ok(Event::Joined { decision, by });
        }
        Err(match state.status_at(facts.now) {
            super::Status::Expired => Refusal::Expired,
            super::Status::Pending
            | super::Status::Approved
            | super::Status::Denied
            | super::Status::Cancelled
            | super::Status::Consumed => Refusal::AlreadyDecided,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{facts, hold, party, pending};
    use super::super::{Status, evolve};
    use super::*;

    fn join() -> Join {
        Join {
            decision: hold(2).decision,
            by: party(2),
        }
    }

    #[test]
    fn a_request_that_many_join_names_the_first_and_the_latest() {
        let mut state = pending();
        for n in 2..=1_000 {
            let join = Join {
                decision: hold(n).decision,
                by: party(2),
            };
            state = evolve(state.clone(), &join.decide(&state, &facts(10)).unwrap());
        }
        assert_eq!(state.decisions.len(), 100);
        assert_eq!(state.decisions.first(), Some(&hold(1).decision));
        assert_eq!(state.decisions.last(), Some(&hold(1_000).decision));
    }

    #[test]
    fn an_equal_decision_waits_for_the_open_request() {
        let state = pending();
        let event = join().decide(&state, &facts(10)).unwrap();
        let joined = evolve(state, &event);
        assert_eq!(joined.decisions, [hold(1).decision, hold(2).decision]);
        assert_eq!(joined.requesters, [party(1), party(2)]);
    }

    #[test]
    fn a_decided_or_expired_request_is_not_joined() {
        let denied = State {
            status: Status::Denied,
            ..pending()
        };
        let refused = join().decide(&denied, &facts(10));
        assert_eq!(refused, Err(Refusal::AlreadyDecided));
        let late = join().decide(&pending(), &facts(25 * 60));
        assert_eq!(late, Err(Refusal::Expired));
    }
}
