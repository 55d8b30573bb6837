//! What the people behind keys may do, and which people tokens are of.

use std::collections::HashMap;

use uuid::Uuid;
use writ_access::{Membership, Role};
use writ_contract::{Envelope, wire};

/// Members by organisation and `per_` id.
#[derive(Debug, Default)]
pub(super) struct Members {
    known: HashMap<Uuid, Organisation>,
}

#[derive(Debug, Default)]
struct Organisation {
    members: HashMap<String, (u64, Membership)>,
    /// `per_` ids by the codes of addresses and subjects.
    by_code: HashMap<[u8; 32], String>,
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
        let known = org.members.get(&fact.person);
        if envelope.version <= known.map_or(0, |(version, _)| *version) {
            return Some(());
        }
        org.by_code.retain(|_, person| *person != fact.person);
        if !member.removed {
            let codes = [fact.email_mac, fact.subject_mac];
            let codes = codes.into_iter().filter_map(|code| code.try_into().ok());
            org.by_code
                .extend(codes.map(|code| (code, fact.person.clone())));
        }
        org.members.insert(fact.person, (envelope.version, member));
        Some(())
    }

    pub(super) fn get(&self, org: Uuid, person: &str) -> Option<Membership> {
        let (_, member) = self.known.get(&org)?.members.get(person)?;
        Some(*member)
    }

    pub(super) fn by_code(&self, org: Uuid, code: &[u8; 32]) -> Option<(String, Membership)> {
        let person = self.known.get(&org)?.by_code.get(code)?;
        Some((person.clone(), self.get(org, person)?))
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
            email_mac: vec![u8::try_from(version).unwrap(); 32],
            subject_mac: Vec::new(),
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
    fn a_member_is_found_by_the_codes_it_has_now() {
        let mut members = Members::default();
        members.apply(&stated(1, "viewer", false)).unwrap();
        members.apply(&stated(2, "admin", false)).unwrap();
        let by = |members: &Members, code| members.by_code(Uuid::nil(), &[code; 32]);
        assert_eq!(by(&members, 1), None, "the former address");
        assert_eq!(by(&members, 2).unwrap().1.role, Role::Admin);
        members.apply(&stated(3, "admin", true)).unwrap();
        assert_eq!((by(&members, 2), by(&members, 3)), (None, None));
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
