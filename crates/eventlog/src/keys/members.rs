//! What the people behind keys may do.

use std::collections::HashMap;

use uuid::Uuid;
use writ_access::{Membership, Role};
use writ_contract::{Envelope, wire};

/// Members by organisation and `per_` id.
#[derive(Debug, Default)]
pub(super) struct Members {
    known: HashMap<Uuid, HashMap<String, (u64, Membership)>>,
}

impl Members {
    /// `None` when the fact cannot be read.
    pub(super) fn apply(&mut self, envelope: &Envelope) -> Option<()> {
        let fact = envelope.open::<wire::Member>().ok()?;
        let member = Membership {
            role: fact.role.parse::<Role>().ok()?,
            approver: fact.approver,
            removed: fact.removed,
        };
        let org = self.known.entry(envelope.org.0).or_default();
        let known = org.get(&fact.person).map_or(0, |(version, _)| *version);
        if envelope.version > known {
            org.insert(fact.person, (envelope.version, member));
        }
        Some(())
    }

    pub(super) fn get(&self, org: Uuid, person: &str) -> Option<Membership> {
        let (_, member) = self.known.get(&org)?.get(person)?;
        Some(*member)
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use writ_contract::{Audit, EventId, Kind, OrgId};

    use super::*;

    fn stated(version: u64, role: &str, removed: bool) -> Envelope {
        let fact = wire::Member {
            person: "per_1".into(),
            role: role.into(),
            approver: true,
            removed,
        };
        Envelope {
            event_id: EventId(Uuid::nil()),
            kind: Kind::of::<wire::Member>("updated"),
            org: OrgId(Uuid::nil()),
            aggregate_id: fact.person.clone(),
            version,
            occurred_at_us: 0,
            audit: Audit::default(),
            fact: fact.encode_to_vec(),
            traceparent: String::new(),
        }
    }

    #[test]
    fn a_removal_is_not_undone_by_an_older_fact_and_holds_in_its_organisation_only() {
        let mut members = Members::default();
        members.apply(&stated(2, "viewer", true)).unwrap();
        members.apply(&stated(1, "owner", false)).unwrap();
        let known = members.get(Uuid::nil(), "per_1").unwrap();
        assert_eq!((known.role, known.removed), (Role::Viewer, true));
        assert_eq!(members.get(Uuid::max(), "per_1"), None);
        assert_eq!(members.apply(&stated(3, "king", false)), None);
    }
}
