//! The identity providers of organisations, and what their tokens are checked with.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use uuid::Uuid;
use writ_access::issuer::{Claims, EmailTrust, IssuerRecord};
use writ_access::jwt::VerifyingKey;
use writ_contract::{Envelope, wire};

/// Issuers by `iss`, which never changes, and id.
#[derive(Debug, Default)]
pub(super) struct Issuers {
    known: HashMap<String, BTreeMap<Uuid, Stated>>,
}

/// An issuer as of a version of its fact; `None` is one that is not believed.
#[derive(Debug, Default)]
struct Stated {
    version: u64,
    record: Option<Arc<IssuerRecord>>,
}

impl Issuers {
    /// A fact that cannot be read leaves nothing of its issuer believed; then it is `None`.
    pub(super) fn apply(&mut self, envelope: &Envelope) -> Option<()> {
        let Ok(fact) = envelope.open::<wire::Issuer>() else {
            self.forget(&envelope.aggregate_id);
            return None;
        };
        let id = Uuid::from_slice(&fact.issuer_id).ok()?;
        let record = (!fact.removed).then(|| record(envelope.org.0, id, &fact));
        let same = self.known.entry(fact.issuer).or_default();
        let stated = same.entry(id).or_default();
        if envelope.version <= stated.version {
            return Some(());
        }
        let readable = record.as_ref().is_none_or(Option::is_some);
        *stated = Stated {
            version: envelope.version,
            record: record.flatten().map(Arc::new),
        };
        readable.then_some(())
    }

    pub(super) fn of(&self, issuer: &str) -> Vec<Arc<IssuerRecord>> {
        let known = self.known.get(issuer).into_iter().flatten();
        known
            .filter_map(|(_, stated)| stated.record.clone())
            .collect()
    }

    pub(super) fn of_organisation(&self, org: Uuid, issuer: &str) -> Option<Arc<IssuerRecord>> {
        self.of(issuer).into_iter().find(|one| one.org_id == org)
    }

    fn forget(&mut self, aggregate_id: &str) {
        for (id, stated) in self.known.values_mut().flatten() {
            if aggregate_id.ends_with(&id.as_simple().to_string()) {
                stated.record = None;
            }
        }
    }
}

/// `None` when a part of it is not what it should be.
fn record(org_id: Uuid, id: Uuid, fact: &wire::Issuer) -> Option<IssuerRecord> {
    let key = |key: &wire::IssuerKey| {
        let verifying = VerifyingKey::from_jwk(&key.jwk, key.algorithm.parse().ok()?);
        Some((key.kid.clone(), Arc::new(verifying.ok()?)))
    };
    let role = |mapped: &wire::MappedRole| Some((mapped.value.clone(), mapped.role.parse().ok()?));
    Some(IssuerRecord {
        id,
        org_id,
        issuer: fact.issuer.clone(),
        audiences: fact.audiences.clone(),
        authorized_parties: fact.authorized_parties.clone(),
        keys: fact.keys.iter().filter_map(key).collect(),
        keys_until_ms: fact.keys_until_us.div_euclid(1_000),
        claims: Claims {
            email: EmailTrust::read(&fact.email)?,
            roles: fact.roles_claim.clone(),
            scopes: fact.scopes_claim.clone(),
            member_roles: fact.member_roles.iter().map(role).collect::<Option<_>>()?,
        },
    })
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use writ_contract::{Audit, EventId, IssuerId, Kind, OrgId};

    use super::*;

    const ISSUER: &str = "https://id.example.com";

    fn stated(version: u64, change: impl FnOnce(&mut wire::Issuer)) -> Envelope {
        let id = IssuerId(Uuid::from_u128(7));
        let mut fact = wire::Issuer {
            issuer_id: id.to_bytes(),
            issuer: ISSUER.into(),
            audiences: vec!["writ".into()],
            email: "verified".into(),
            ..wire::Issuer::default()
        };
        change(&mut fact);
        Envelope {
            event_id: EventId(Uuid::nil()),
            kind: Kind::of::<wire::Issuer>("updated"),
            org: OrgId(Uuid::from_u128(1)),
            aggregate_id: id.to_string(),
            version,
            occurred_at_us: 0,
            audit: Audit::default(),
            fact: fact.encode_to_vec(),
            traceparent: String::new(),
        }
    }

    #[test]
    fn a_removed_issuer_stays_removed() {
        let mut issuers = Issuers::default();
        issuers.apply(&stated(1, |_| {})).unwrap();
        assert_eq!(issuers.of(ISSUER).len(), 1);
        assert!(
            issuers
                .of_organisation(Uuid::from_u128(2), ISSUER)
                .is_none()
        );
        issuers
            .apply(&stated(3, |fact| fact.removed = true))
            .unwrap();
        issuers.apply(&stated(2, |_| {})).unwrap();
        assert!(issuers.of(ISSUER).is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_not_believed_any_more() {
        let mut issuers = Issuers::default();
        issuers.apply(&stated(1, |_| {})).unwrap();
        let odd = stated(2, |fact| fact.email = "sometimes".into());
        assert_eq!(issuers.apply(&odd), None);
        assert!(issuers.of(ISSUER).is_empty());
        issuers.apply(&stated(3, |_| {})).unwrap();
        let unreadable = Envelope {
            fact: vec![0xff],
            ..stated(4, |_| {})
        };
        assert_eq!(issuers.apply(&unreadable), None);
        assert!(issuers.of(ISSUER).is_empty());
    }
}
