//! Nobody waits for the request any more. Sent by the sweep and by the reader of prompts.

use super::{Event, Facts, Refusal, State, Status};

/// Withdraw the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancel(pub Cause);

/// Why nobody waits for a request any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Its agent was archived.
    AgentArchived,
    /// The prompt was deployed without it, or is asked for anew.
    PromptMovedOn,
}

impl Cause {
    /// The word in the audit block.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::AgentArchived => "AGENT_ARCHIVED",
            Self::PromptMovedOn => "PROMPT_MOVED_ON",
        }
    }
}

impl Cancel {
    /// Decides.
    ///
    /// # Errors
    /// [`Refusal::AlreadyDecided`] unless it is pending.
    pub fn decide(self, state: &State, facts: &Facts) -> Result<Event, Refusal> {
        match state.status {
            Status::Pending if state.is_open(facts.now) => Ok(Event::Cancelled(self.0)),
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

    const CANCEL: Cancel = Cancel(Cause::PromptMovedOn);

    #[test]
    fn only_a_request_that_waits_is_withdrawn() {
        assert_eq!(
            CANCEL.decide(&pending(), &facts(1)),
            Ok(Event::Cancelled(Cause::PromptMovedOn))
        );
        let refused = CANCEL.decide(&granted(), &facts(100));
        assert_eq!(refused, Err(Refusal::AlreadyDecided));
    }

    #[test]
    fn a_request_past_its_life_expires_instead() {
        let late = CANCEL.decide(&pending(), &facts(25 * 60));
        assert_eq!(late, Ok(Event::Expired));
        let expired = State {
            status: Status::Expired,
            ..pending()
        };
        let again = CANCEL.decide(&expired, &facts(25 * 60));
        assert_eq!(again, Err(Refusal::AlreadyDecided));
    }
}
