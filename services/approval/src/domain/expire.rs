//! Nobody decided in time. Sent by the sweep, and by the reader of the gate when an equal decision
//! meets a request whose life is over. Expired is never "denied".

use super::{Event, Facts, Refusal, State, Status};

/// Write down that the request's life is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expire;

impl Expire {
    /// Decides.
    ///
    /// # Errors
    /// [`Refusal::StillWaiting`] before its time, [`Refusal::AlreadyDecided`] after a decision.
    pub fn decide(self, state: &State, facts: &Facts) -> Result<Event, Refusal> {
        match state.status {
            Status::Pending if state.is_open(facts.now) => Err(Refusal::StillWaiting),
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
    use super::super::samples::{facts, pending};
    use super::*;

    #[test]
    fn a_request_expires_at_the_end_of_its_life_and_not_before() {
        let at = |secs| Expire.decide(&pending(), &facts(secs));
        assert_eq!(at(25 * 60 - 1), Err(Refusal::StillWaiting));
        assert_eq!(at(25 * 60), Ok(Event::Expired));
    }

    #[test]
    fn a_granted_request_does_not_expire() {
        let granted = State {
            status: Status::Approved,
            ..pending()
        };
        let refused = Expire.decide(&granted, &facts(25 * 60));
        assert_eq!(refused, Err(Refusal::AlreadyDecided));
    }
}
