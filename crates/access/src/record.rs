//! What is known of an issued key, and the check of a presented one against it.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use ipnet::IpNet;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::caller::Caller;
use crate::issuer::IssuerRecord;
use crate::key::{ApiKey, Pepper, mac};
use crate::role::Role;

/// One issued key as its fact describes it; holds no secret, only a code made from one.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Identity of the key.
    pub key_id: Uuid,
    /// The organisation it acts for.
    pub org_id: Uuid,
    /// Pseudonymous `per_` id of the person it was issued to.
    pub person: Option<String>,
    /// The twelve characters it is looked up by.
    pub public_id: String,
    /// HMAC-SHA256(pepper, whole key).
    pub mac: [u8; 32],
    /// What it may do.
    pub role: Role,
    /// Whether it is a test key.
    pub test: bool,
    /// Unix milliseconds from which it is refused.
    pub expires_at_ms: Option<i64>,
    /// Whether it was revoked.
    pub revoked: bool,
    /// Networks it may be used from; empty means any.
    pub cidrs: Vec<IpNet>,
    /// Environments it may act in; empty means any.
    pub environments: Vec<String>,
    /// Whether each request must carry a signature.
    pub signature_required: bool,
}

impl std::fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRecord")
            .field("key_id", &self.key_id)
            .field("org_id", &self.org_id)
            .field("public_id", &self.public_id)
            .field("role", &self.role)
            .field("revoked", &self.revoked)
            .finish_non_exhaustive()
    }
}

/// What a person may do in an organisation, as its fact says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// The most that keys of this person may do.
    pub role: Role,
    /// May decide approvals whatever the role.
    pub approver: bool,
    /// Is no longer one.
    pub removed: bool,
}

/// Where key records are found: in memory, fed by the control facts.
#[async_trait]
pub trait KeyLookup: Send + Sync {
    /// The record with this public id, if it has been heard of.
    fn get(&self, public_id: &str) -> Option<Arc<KeyRecord>>;

    /// What the person behind a key is in its organisation, if that has been heard of.
    fn membership(&self, org_id: Uuid, person: &str) -> Option<Membership>;

    /// The identity providers with this `iss`, one of an organisation each.
    fn issuers(&self, _issuer: &str) -> Vec<Arc<IssuerRecord>> {
        Vec::new()
    }

    /// The member whose fact carries this code of an address or a subject, and the `per_` id.
    fn member_by(&self, _org_id: Uuid, _code: &[u8; 32]) -> Option<(String, Membership)> {
        None
    }

    /// Returns once everything published before the call has been read, or after a bounded wait.
    /// Concurrent calls share one catch-up.
    async fn catch_up(&self);
}

/// Checks a presented key against the record found under its public id.
///
/// Revocation, expiry and network are checked on every call. The code is computed and compared in
/// constant time even when there is no record, so an answer's time does not tell which ids exist.
///
/// # Errors
/// [`AuthRefusal`] names the first rule broken; for the caller all of them are HTTP 401.
pub fn authenticate(
    presented: &str,
    record: Option<&KeyRecord>,
    pepper: &Pepper,
    now_ms: i64,
    client_ip: Option<IpAddr>,
) -> Result<Caller, AuthRefusal> {
    let parsed = ApiKey::parse(presented).map_err(|_| AuthRefusal::Malformed)?;
    let presented_mac = mac(pepper, presented);
    let expected = record.map_or([0; 32], |record| record.mac);
    let same = bool::from(presented_mac.ct_eq(&expected));
    let record = match record {
        Some(record) if same && record.public_id == parsed.public_id() => record,
        Some(_) | None => return Err(AuthRefusal::Unknown),
    };
    if record.revoked {
        return Err(AuthRefusal::Revoked);
    }
    if record.expires_at_ms.is_some_and(|expiry| now_ms >= expiry) {
        return Err(AuthRefusal::Expired);
    }
    if !network_allowed(&record.cidrs, client_ip) {
        return Err(AuthRefusal::Network);
    }
    Ok(Caller::from_key(record))
}

/// An address that is not known fits no allowlist.
fn network_allowed(cidrs: &[IpNet], client_ip: Option<IpAddr>) -> bool {
    if cidrs.is_empty() {
        return true;
    }
    client_ip.is_some_and(|ip| {
        let ip = ip.to_canonical();
        cidrs.iter().any(|cidr| cidr.contains(&ip))
    })
}

/// Why a presented key does not authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthRefusal {
    /// The text cannot be a key.
    #[error("the API key is malformed")]
    Malformed,
    /// No such key was issued.
    #[error("the API key is not valid")]
    Unknown,
    /// The key was revoked.
    #[error("the API key was revoked")]
    Revoked,
    /// The key's life is over.
    #[error("the API key has expired")]
    Expired,
    /// The request came from outside the key's networks.
    #[error("the API key may not be used from this address")]
    Network,
}

impl AuthRefusal {
    /// The stable word for the error body's `code`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed | Self::Unknown => "INVALID_API_KEY",
            Self::Revoked => "API_KEY_REVOKED",
            Self::Expired => "API_KEY_EXPIRED",
            Self::Network => "API_KEY_NETWORK",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Prefix;

    fn pepper() -> Pepper {
        Pepper::new([4; 32]).unwrap()
    }

    fn issued(seed: u8) -> (ApiKey, KeyRecord) {
        let key = ApiKey::generate(Prefix::Live, [seed; 32]);
        let record = KeyRecord {
            key_id: Uuid::from_u128(1),
            org_id: Uuid::from_u128(2),
            person: Some("per_1".into()),
            public_id: key.public_id().into(),
            mac: mac(&pepper(), key.expose()),
            role: Role::Developer,
            test: false,
            expires_at_ms: None,
            revoked: false,
            cidrs: vec![],
            environments: vec![],
            signature_required: false,
        };
        (key, record)
    }

    fn check(key: &ApiKey, record: Option<&KeyRecord>) -> Result<Caller, AuthRefusal> {
        authenticate(key.expose(), record, &pepper(), 1_000, None)
    }

    #[test]
    fn an_issued_key_authenticates_as_its_record_says() {
        let (key, record) = issued(1);
        let caller = check(&key, Some(&record)).unwrap();
        assert_eq!(caller.org_id(), record.org_id);
        assert_eq!(caller.key_id(), Some(record.key_id));
        assert_eq!(caller.person(), Some("per_1"));
        assert_eq!(caller.role(), Role::Developer);
    }

    #[test]
    fn a_key_without_its_own_record_is_unknown() {
        let (key, record) = issued(1);
        let (other, _) = issued(2);
        assert_eq!(check(&key, None), Err(AuthRefusal::Unknown));
        assert_eq!(check(&other, Some(&record)), Err(AuthRefusal::Unknown));
        let forged = KeyRecord {
            mac: [0; 32],
            ..record
        };
        assert_eq!(check(&key, Some(&forged)), Err(AuthRefusal::Unknown));
    }

    #[test]
    fn a_record_under_another_pepper_is_unknown() {
        let (key, record) = issued(1);
        let other = Pepper::new([5; 32]).unwrap();
        let refused = authenticate(key.expose(), Some(&record), &other, 0, None);
        assert_eq!(refused, Err(AuthRefusal::Unknown));
    }

    #[test]
    fn a_revoked_key_is_refused() {
        let (key, record) = issued(1);
        let record = KeyRecord {
            revoked: true,
            ..record
        };
        assert_eq!(check(&key, Some(&record)), Err(AuthRefusal::Revoked));
    }

    #[test]
    fn a_key_is_refused_from_the_millisecond_it_expires() {
        let (key, record) = issued(1);
        let record = KeyRecord {
            expires_at_ms: Some(1_001),
            ..record
        };
        assert!(check(&key, Some(&record)).is_ok());
        let record = KeyRecord {
            expires_at_ms: Some(1_000),
            ..record
        };
        assert_eq!(check(&key, Some(&record)), Err(AuthRefusal::Expired));
    }

    #[test]
    fn a_key_bound_to_networks_is_refused_from_elsewhere_and_from_nowhere() {
        let (key, record) = issued(1);
        let record = KeyRecord {
            cidrs: vec!["10.1.0.0/16".parse().unwrap()],
            ..record
        };
        let from = |ip: &str| {
            let ip = Some(ip.parse().unwrap());
            authenticate(key.expose(), Some(&record), &pepper(), 0, ip).map(|_| ())
        };
        assert_eq!(from("10.1.2.3"), Ok(()));
        assert_eq!(from("::ffff:10.1.2.3"), Ok(()));
        assert_eq!(from("10.2.0.1"), Err(AuthRefusal::Network));
        assert_eq!(from("2001:db8::1"), Err(AuthRefusal::Network));
        assert_eq!(check(&key, Some(&record)), Err(AuthRefusal::Network));
    }

    #[test]
    fn a_malformed_key_is_refused_before_any_record_is_read() {
        let (_, record) = issued(1);
        let refused = authenticate("ag_nope", Some(&record), &pepper(), 0, None);
        assert_eq!(refused, Err(AuthRefusal::Malformed));
    }

    #[test]
    fn debug_of_a_record_hides_its_code() {
        let (_, record) = issued(1);
        let shown = format!("{record:?}");
        assert!(!shown.contains("mac"), "{shown}");
    }
}
