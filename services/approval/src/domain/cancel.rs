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
        match state.status_at(facts.now) {
            Status::Pending => Ok(Event::Cancelled),
            Status::Expired => Ok(Event::Expired),
            Status::Approved | Status::Denied | Status::Cancelled | Status::Consumed => {
                Err(Refusal::AlreadyDecided)
            }
        }
    }
}
