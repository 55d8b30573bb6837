//! A person grants or refuses a request. Sent over REST; who asked, by key or by person, is never
//! the one who decides.

use uuid::Uuid;
use writ_contract::KeyId;

use super::{Decided, Event, Facts, Party, Refusal, State, Status};

/// Decide a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decide {
    /// What was decided.
    pub verdict: Verdict,
    /// By whom.
    pub by: Party,
}

/// The two decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The act may be done once.
    Grant,
    /// It may not.
    Deny,
}

impl Decide {
    /// Decides.
    ///
    /// # Errors
    /// [`Refusal::OwnRequest`], [`Refusal::AlreadyDecided`] or [`Refusal::Expired`].
    pub fn decide(self, state: &State, facts: &Facts) -> Result<Event, Refusal> {
        if state.requesters.iter().any(|asked| asked.same_as(&self.by)) {
            return Err(Refusal::OwnRequest);
        }
        match state.status_at(facts.now) {
            Status::Pending => {}
            Status::Expired => return Err(Refusal::Expired),
            Status::Approved | Status::Denied | Status::Cancelled | Status::Consumed => {
                return Err(Refusal::AlreadyDecided);
            }
        }
        let decided = Decided {
            by: self.by,
            at: facts.now,
        };
        Ok(match self.verdict {
            Verdict::Grant => Event::Granted(decided),
            Verdict::Deny => Event::Denied(decided),
        })
    }
}

impl Party {
    /// Of who signed in as a person.
    pub const NO_KEY: KeyId = KeyId(Uuid::nil());

    /// The same key, or another key of the same person.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        (self.key == other.key && self.key != Self::NO_KEY)
            || (self.person.is_some() && self.person == other.person)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{facts, party, pending};
    use super::super::{Join, evolve};
    use super::*;

    fn by(party: Party, verdict: Verdict, secs: i64) -> Result<Event, Refusal> {
        Decide { verdict, by: party }.decide(&pending(), &facts(secs))
    }

    #[test]
    fn another_person_grants_or_denies() {
        let decided = |secs| Decided {
            by: party(9),
            at: facts(secs).now,
        };
        let granted = by(party(9), Verdict::Grant, 5);
        assert_eq!(granted, Ok(Event::Granted(decided(5))));
        let denied = by(party(9), Verdict::Deny, 6);
        assert_eq!(denied, Ok(Event::Denied(decided(6))));
    }

    #[test]
    fn who_asked_cannot_decide_with_any_key() {
        assert_eq!(
            by(party(1), Verdict::Grant, 5),
            Err(Refusal::OwnRequest),
            "the same key"
        );
        let other_key = Party {
            key: party(9).key,
            ..party(1)
        };
        assert_eq!(
            by(other_key, Verdict::Grant, 5),
            Err(Refusal::OwnRequest),
            "the same person"
        );
        assert_eq!(by(party(1), Verdict::Deny, 5), Err(Refusal::OwnRequest));
    }

    #[test]
    fn who_joined_cannot_decide() {
        let join = Join {
            decision: super::super::samples::hold(2).decision,
            by: party(2),
        };
        let joined = evolve(pending(), &join.decide(&pending(), &facts(1)).unwrap());
        let grant = Decide {
            verdict: Verdict::Grant,
            by: party(2),
        };
        let refused = grant.decide(&joined, &facts(2));
        assert_eq!(refused, Err(Refusal::OwnRequest));
    }

    #[test]
    fn keys_without_a_person_are_told_apart_by_key() {
        let [one, two] = [1, 2].map(|n| Party {
            person: None,
            ..party(n)
        });
        assert!(!one.same_as(&two) && one.same_as(&one));
        let [ada, bob] = ["per_a", "per_b"].map(|person| Party {
            key: Party::NO_KEY,
            person: Some(person.to_owned()),
        });
        assert!(
            !ada.same_as(&bob) && ada.same_as(&ada),
            "who signed in without one"
        );
    }

    #[test]
    fn expired_request_cannot_be_granted() {
        assert_eq!(by(party(9), Verdict::Grant, 25 * 60), Err(Refusal::Expired));
        assert!(by(party(9), Verdict::Grant, 25 * 60 - 1).is_ok());
    }

    #[test]
    fn a_decided_request_is_not_decided_again() {
        for status in [
            Status::Approved,
            Status::Denied,
            Status::Cancelled,
            Status::Consumed,
        ] {
            let state = State {
                status,
                ..pending()
            };
            let again = Decide {
                verdict: Verdict::Grant,
                by: party(9),
            };
            let refused = again.decide(&state, &facts(5));
            assert_eq!(refused, Err(Refusal::AlreadyDecided));
        }
    }
}
