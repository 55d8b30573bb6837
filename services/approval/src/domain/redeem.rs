//! The agent asks to do what was approved. Sent over REST by the key that asked. A refusal burns
//! nothing; the one use is claimed first and recorded on the gate after.

use writ_contract::{EventId, KeyId};

use super::{Event, Facts, Refusal, State, Status, Used};

/// Use the certificate for an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redeem {
    /// The key that asks.
    pub by: KeyId,
    /// Whether the act is the one approved; digests are compared before, in constant time.
    pub same_act: bool,
    /// Whether the stored certificate is what was signed.
    pub genuine: bool,
    /// Whether the agent is paused.
    pub paused: bool,
    /// Event id of the record on the gate, should it be granted.
    pub event: EventId,
}

impl Redeem {
    /// Decides.
    ///
    /// # Errors
    /// The [`Refusal`] that applies, in the order in which they are written here.
    pub fn decide(self, state: &State, facts: &Facts) -> Result<Event, Refusal> {
        if !state.asked_by(self.by) {
            return Err(Refusal::OtherRequester);
        }
        let certified = match (state.status_at(facts.now), state.certified) {
            (Status::Approved | Status::Consumed, Some(certified)) => certified,
            (Status::Expired, _) => return Err(Refusal::CertificateExpired),
            (
                Status::Pending
                | Status::Approved
                | Status::Denied
                | Status::Cancelled
                | Status::Consumed,
                _,
            ) => return Err(Refusal::Unanchored),
        };
        if !self.genuine {
            return Err(Refusal::Tampered);
        }
        if !self.same_act {
            return Err(Refusal::Mismatch);
        }
        if state.used.is_some() {
            return Err(Refusal::AlreadyUsed);
        }
        if facts.now < certified.not_before {
            return Err(Refusal::NotYetValid);
        }
        if facts.now >= certified.expires_at {
            return Err(Refusal::CertificateExpired);
        }
        if self.paused {
            return Err(Refusal::AgentPaused);
        }
        Ok(Event::Claimed(Used {
            event: self.event,
            at: facts.now,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::evolve;
    use super::super::samples::{at, certified, event_id, facts, granted, party, pending};
    use super::*;

    fn redeem() -> Redeem {
        Redeem {
            by: party(1).key,
            same_act: true,
            genuine: true,
            paused: false,
            event: event_id(7),
        }
    }

    #[test]
    fn a_certificate_is_good_once_in_its_time() {
        let state = certified(100);
        let event = redeem().decide(&state, &facts(150)).unwrap();
        let used = Used {
            event: event_id(7),
            at: at(150),
        };
        assert_eq!(event, Event::Claimed(used));
        let state = evolve(state, &event);
        let again = redeem().decide(&state, &facts(151));
        assert_eq!(again, Err(Refusal::AlreadyUsed));
        let consumed = evolve(state, &Event::Consumed(used));
        let again = redeem().decide(&consumed, &facts(152));
        assert_eq!(again, Err(Refusal::AlreadyUsed));
    }

    #[test]
    fn it_is_not_good_before_its_seal_nor_at_its_end() {
        let state = certified(100);
        let at = |secs| redeem().decide(&state, &facts(secs)).err();
        assert_eq!(at(99), Some(Refusal::NotYetValid));
        assert_eq!(at(100), None);
        assert_eq!(at(399), None);
        assert_eq!(at(400), Some(Refusal::CertificateExpired));
    }

    #[test]
    fn without_a_sealed_grant_there_is_no_certificate() {
        let unsealed = redeem().decide(&granted(), &facts(10));
        assert_eq!(unsealed, Err(Refusal::Unanchored));
        assert_eq!(
            redeem().decide(&pending(), &facts(10)),
            Err(Refusal::Unanchored)
        );
        let late = redeem().decide(&pending(), &facts(25 * 60));
        assert_eq!(late, Err(Refusal::CertificateExpired));
    }

    #[test]
    fn another_key_act_signature_or_a_pause_is_refused_and_burns_nothing() {
        let state = certified(100);
        let cases = [
            (
                Redeem {
                    by: party(2).key,
                    ..redeem()
                },
                Refusal::OtherRequester,
            ),
            (
                Redeem {
                    same_act: false,
                    ..redeem()
                },
                Refusal::Mismatch,
            ),
            (
                Redeem {
                    genuine: false,
                    ..redeem()
                },
                Refusal::Tampered,
            ),
            (
                Redeem {
                    paused: true,
                    ..redeem()
                },
                Refusal::AgentPaused,
            ),
        ];
        for (asked, refusal) in cases {
            assert_eq!(asked.decide(&state, &facts(150)), Err(refusal));
        }
        assert!(redeem().decide(&state, &facts(150)).is_ok());
    }
}
