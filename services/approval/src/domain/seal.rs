//! The ledger sealed the grant: only now is there a certificate, and its life begins. Sent by the
//! reader of the ledger's facts.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Certified, Event, Refusal, State, Status};

/// Certify the grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// When the ledger sealed it.
    pub at: DateTime<Utc>,
    /// How long the certificate is good.
    pub life: TimeDelta,
}

impl Seal {
    /// Decides.
    ///
    /// # Errors
    /// [`Refusal::AlreadyDecided`] unless the request is granted and not certified yet.
    pub fn decide(self, state: &State) -> Result<Event, Refusal> {
        if state.status != Status::Approved || state.certified.is_some() {
            return Err(Refusal::AlreadyDecided);
        }
        Ok(Event::Certified(Certified {
            not_before: self.at,
            expires_at: self.at.checked_add_signed(self.life).unwrap_or(self.at),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::evolve;
    use super::super::samples::{at, granted, pending};
    use super::*;

    fn seal(secs: i64) -> Seal {
        Seal {
            at: at(secs),
            life: TimeDelta::minutes(5),
        }
    }

    #[test]
    fn the_certificates_life_counts_from_the_first_seal() {
        let event = seal(100).decide(&granted()).unwrap();
        let certified = Certified {
            not_before: at(100),
            expires_at: at(400),
        };
        assert_eq!(event, Event::Certified(certified));
        let sealed = evolve(granted(), &event);
        assert_eq!(seal(200).decide(&sealed), Err(Refusal::AlreadyDecided));
    }

    #[test]
    fn only_a_grant_is_certified() {
        assert_eq!(seal(1).decide(&pending()), Err(Refusal::AlreadyDecided));
    }
}
