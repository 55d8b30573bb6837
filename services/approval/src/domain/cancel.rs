//! The agent was archived, so nobody waits any more. Sent by the sweep.

use super::{Event, Facts, Refusal, State, Status};

/// Withdraw the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancel;

impl Cancel {
    /// Decides.
    ///
    /// # Errors
    /// [`Refusal::AlreadyDecided`] unless it is pending.
    pub fn decide(self, state: &State, facts: &Facts) -> Result<Event, Refusal> {
        match state.status {
            Status::Pending if state.is_open(facts.now) => Ok(Event::Cancelled),
            Status::Pending => Ok(Event::Expired),
            Status::Approved
            | Status::Denied
            | Status::Expired
            | Status::Cancelled
            | Status::Consumed => Err(Refusal::AlreadyDecided),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{facts, granted, pending};
    use super::*;

    #[test]
    fn only_a_request_that_waits_is_withdrawn() {
        assert_eq!(Cancel.decide(&pending(), &facts(1)), Ok(Event::Cancelled));
        let refused = Cancel.decide(&granted(), &facts(100));
        assert_eq!(refused, Err(Refusal::AlreadyDecided));
    }

    #[test]
    fn a_request_past_its_life_expires_instead() {
        let late = Cancel.decide(&pending(), &facts(25 * 60));
        assert_eq!(late, Ok(Event::Expired));
        let expired = State {
            status: Status::Expired,
            ..pending()
        };
        let again = Cancel.decide(&expired, &facts(25 * 60));
        assert_eq!(again, Err(Refusal::AlreadyDecided));
    }
}
