//! Incidents: what one agent did against one policy within an hour, and what else a person has to
//! look at. Occurrences are counted; a fact is stated only when something changes for those who work
//! on it.

use std::cmp::{max, min};
use std::fmt;
use std::str::FromStr;

use uuid::Uuid;
use writ_contract::{DecisionId, IncidentId, OrgId, PolicyId};

use super::derived;

/// Microseconds of the window in which occurrences are one incident.
const HOUR_US: i64 = 3_600 * 1_000_000;

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// A policy hit, whether it stopped the act, held it or let it pass.
    Policy,
    /// Enforcement refused an act by itself.
    Refusal,
    /// A metric of the agent left its band.
    Finding,
    /// A client acted without a decision.
    Bypass,
    /// A certificate was presented for another act than the approved one.
    Certificate,
    /// Traces came with a credential that nobody here made, or that is another agent's.
    Forgery,
    /// A key got into hands it was not meant for.
    Leak,
}

/// How bad, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    Low,
    Medium,
    High,
    Critical,
}

/// Where the work on it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Open,
    Acknowledged,
    Resolved,
}

macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $name {
            /// The word for it on the wire and in the store.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = ();

            fn from_str(word: &str) -> Result<Self, ()> {
                match word { $($word => Ok(Self::$variant),)* _ => Err(()) }
            }
        }
    };
}

words!(What {
    Policy = "policy",
    Refusal = "refusal",
    Finding = "finding",
    Bypass = "bypass",
    Certificate = "certificate",
    Forgery = "forgery",
    Leak = "leak",
});
words!(Gravity { Low = "low", Medium = "medium", High = "high", Critical = "critical" });
words!(Progress { Open = "open", Acknowledged = "acknowledged", Resolved = "resolved" });

/// What belongs to one incident, apart from the hour.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group {
    pub org: OrgId,
    pub what: What,
    /// As the application named the agent.
    pub agent: String,
    pub environment: String,
    pub policy: Option<PolicyId>,
    /// Type of the policy, reason of the refusal or bypass, metric of the finding, id of the key.
    pub subject: String,
}

/// Something that happened, so often, at about one time (microseconds since the Unix epoch).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    pub group: Group,
    pub agent_uuid: Option<Uuid>,
    pub decision: Option<DecisionId>,
    pub gravity: Gravity,
    pub at_us: i64,
    pub count: u64,
    /// W3C traceparent of what caused it; empty when there was none.
    pub traceparent: String,
}

/// An incident as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    pub id: IncidentId,
    pub group: Group,
    pub agent_uuid: Option<Uuid>,
    /// The first decision behind it.
    pub decision: Option<DecisionId>,
    pub gravity: Gravity,
    pub progress: Progress,
    pub occurrences: u64,
    pub first_us: i64,
    pub last_us: i64,
    /// When somebody last changed its state.
    pub moved_us: i64,
    /// Of its facts; the first has 1.
    pub version: u64,
}

/// A change that those who work on incidents are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Opened,
    /// It is graver than it was.
    Escalated,
    /// It happened again after somebody had resolved it.
    Reopened,
    Acknowledged,
    Resolved,
    /// Somebody wrote something beside it.
    Noted,
}

impl Change {
    /// The verb of the action in the audit log.
    #[must_use]
    pub const fn action(self) -> &'static str {
        match self {
            Self::Opened => "open",
            Self::Escalated => "escalate",
            Self::Reopened => "reopen",
            Self::Acknowledged => "acknowledge",
            Self::Resolved => "resolve",
            Self::Noted => "note",
        }
    }
}

words!(Change {
    Opened = "opened",
    Escalated = "escalated",
    Reopened = "reopened",
    Acknowledged = "acknowledged",
    Resolved = "resolved",
    Noted = "noted",
});

impl Signal {
    /// The beginning of its hour, in microseconds since the Unix epoch.
    #[must_use]
    pub fn hour_us(&self) -> i64 {
        self.at_us - self.at_us.rem_euclid(HOUR_US)
    }

    /// The incident it belongs to (UUIDv8): every replica and every rebuild finds the same one.
    #[must_use]
    pub fn incident(&self) -> IncidentId {
        let Group {
            org,
            what,
            agent,
            environment,
            policy,
            subject,
        } = &self.group;
        let hour = self.at_us.div_euclid(HOUR_US);
        let policy = policy.map(|id| id.0).unwrap_or_default();
        let parts: [&[u8]; 7] = [
            org.0.as_bytes(),
            what.as_str().as_bytes(),
            agent.as_bytes(),
            environment.as_bytes(),
            policy.as_bytes(),
            subject.as_bytes(),
            &hour.to_be_bytes(),
        ];
        IncidentId(derived(&parts))
    }
}

impl Incident {
    /// What a signal makes of the incident it belongs to, and what is told of it.
    #[must_use]
    pub fn after(known: Option<Self>, signal: &Signal) -> (Self, Option<Change>) {
        let Some(mut incident) = known else {
            return (Self::opened(signal), Some(Change::Opened));
        };
        let graver = signal.gravity > incident.gravity;
        incident.occurrences = incident.occurrences.saturating_add(signal.count);
        incident.first_us = min(incident.first_us, signal.at_us);
        incident.last_us = max(incident.last_us, signal.at_us);
        incident.gravity = max(incident.gravity, signal.gravity);
        incident.decision = incident.decision.or(signal.decision);
        incident.agent_uuid = incident.agent_uuid.or(signal.agent_uuid);
        let change = if incident.progress == Progress::Resolved && signal.at_us > incident.moved_us
        {
            incident.progress = Progress::Open;
            Some(Change::Reopened)
        } else {
            graver.then_some(Change::Escalated)
        };
        incident.version += u64::from(change.is_some());
        (incident, change)
    }

    fn opened(signal: &Signal) -> Self {
        Self {
            id: signal.incident(),
            group: signal.group.clone(),
            agent_uuid: signal.agent_uuid,
            decision: signal.decision,
            gravity: signal.gravity,
            progress: Progress::Open,
            occurrences: signal.count,
            first_us: signal.at_us,
            last_us: signal.at_us,
            moved_us: i64::MIN,
            version: 1,
        }
    }

    /// Somebody works on it; `None` when it stands there already.
    #[must_use]
    pub fn moved(mut self, to: Progress) -> Option<(Self, Change)> {
        if self.progress == to {
            return None;
        }
        self.progress = to;
        self.version += 1;
        let change = match to {
            Progress::Open => Change::Reopened,
            Progress::Acknowledged => Change::Acknowledged,
            Progress::Resolved => Change::Resolved,
        };
        Some((self, change))
    }

    /// Somebody wrote something beside it.
    #[must_use]
    pub fn noted(mut self) -> (Self, Change) {
        self.version += 1;
        (self, Change::Noted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(gravity: Gravity, at_us: i64) -> Signal {
        Signal {
            group: Group {
                org: OrgId(Uuid::from_u128(1)),
                what: What::Policy,
                agent: "bot".to_owned(),
                environment: "production".to_owned(),
                policy: Some(PolicyId(Uuid::from_u128(2))),
                subject: "pii_access".to_owned(),
            },
            agent_uuid: None,
            decision: None,
            gravity,
            at_us,
            count: 1,
            traceparent: String::new(),
        }
    }

    #[test]
    fn one_agent_against_one_policy_in_one_hour_is_one_incident() {
        let one = signal(Gravity::Low, 5 * HOUR_US);
        let later = signal(Gravity::High, 6 * HOUR_US - 1);
        assert_eq!(one.incident(), later.incident());
        assert_ne!(one.incident(), signal(Gravity::Low, 6 * HOUR_US).incident());
        let mut other = one.clone();
        other.group.agent = "bot2".to_owned();
        assert_ne!(one.incident(), other.incident());
    }

    #[test]
    fn occurrences_are_counted_and_only_changes_are_told() {
        let (incident, change) = Incident::after(None, &signal(Gravity::Low, 10));
        assert_eq!((change, incident.version), (Some(Change::Opened), 1));
        let (incident, change) = Incident::after(Some(incident), &signal(Gravity::Low, 5));
        assert_eq!(
            (change, incident.version, incident.occurrences),
            (None, 1, 2)
        );
        assert_eq!((incident.first_us, incident.last_us), (5, 10));
        let (incident, change) = Incident::after(Some(incident), &signal(Gravity::High, 20));
        assert_eq!((change, incident.version), (Some(Change::Escalated), 2));
        assert_eq!(incident.gravity, Gravity::High);
    }

    #[test]
    fn what_happens_again_after_it_was_resolved_is_open_again() {
        let (incident, _) = Incident::after(None, &signal(Gravity::Low, 1));
        let (incident, change) = incident.moved(Progress::Acknowledged).unwrap();
        assert_eq!(change, Change::Acknowledged);
        assert_eq!(incident.clone().moved(Progress::Acknowledged), None);
        let (again, change) = Incident::after(Some(incident.clone()), &signal(Gravity::Low, 2));
        assert_eq!((again.progress, change), (Progress::Acknowledged, None));
        let (mut resolved, _) = incident.moved(Progress::Resolved).unwrap();
        resolved.moved_us = 2;
        let (late, change) = Incident::after(Some(resolved.clone()), &signal(Gravity::Low, 2));
        assert_eq!((late.progress, change), (Progress::Resolved, None));
        let (again, change) = Incident::after(Some(resolved), &signal(Gravity::Low, 3));
        assert_eq!(
            (again.progress, change),
            (Progress::Open, Some(Change::Reopened))
        );
        assert_eq!(again.version, 4);
    }
}
