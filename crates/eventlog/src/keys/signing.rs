//! The public keys of the deployment's own tokens.

use std::collections::BTreeMap;
use std::sync::Arc;

use writ_access::jwt::VerifyingKey;
use writ_contract::{Envelope, Unreadable, wire};

/// Signing keys by id.
#[derive(Debug, Default)]
pub(super) struct Signing {
    known: BTreeMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    version: u64,
    key: Arc<VerifyingKey>,
    jwk: String,
    believed_until_us: Option<i64>,
}

impl Signing {
    pub(super) fn apply(&mut self, envelope: &Envelope) -> Result<(), Unreadable> {
        let fact = envelope.open::<wire::SigningKey>()?;
        let known = self.known.get(&fact.kid).map_or(0, |known| known.version);
        if envelope.version <= known {
            return Ok(());
        }
        let malformed = |why: String| Unreadable::Malformed(format!("signing key: {why}"));
        let algorithm = fact.algorithm.parse();
        let algorithm = algorithm.map_err(|error| malformed(format!("{error}")))?;
        let key = VerifyingKey::from_jwk(&fact.jwk, algorithm);
        let key = Arc::new(key.map_err(|error| malformed(error.to_string()))?);
        let stated = Known {
            version: envelope.version,
            key,
            jwk: fact.jwk,
            believed_until_us: fact.believed_until_us,
        };
        self.known.insert(fact.kid, stated);
        Ok(())
    }

    pub(super) fn get(&self, kid: &str, now_ms: i64) -> Option<Arc<VerifyingKey>> {
        let known = self.known.get(kid)?;
        known.believed(now_ms).then(|| known.key.clone())
    }

    pub(super) fn published(&self, now_ms: i64) -> Vec<String> {
        let keys = self.known.values().filter(|known| known.believed(now_ms));
        keys.map(|known| known.jwk.clone()).collect()
    }
}

impl Known {
    /// Whoever holds a former key could sign with it for ever.
    fn believed(&self, now_ms: i64) -> bool {
        let until = self.believed_until_us.unwrap_or(i64::MAX);
        now_ms.saturating_mul(1_000) < until
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use writ_access::jwt::SigningKey;
    use writ_contract::{Audit, EventId, Fact as _, Kind, OrgId};

    use super::*;

    fn stated(version: u64, believed_until_us: Option<i64>) -> (String, Envelope) {
        let key = SigningKey::ed25519(&[1; 32]).unwrap();
        let fact = wire::SigningKey {
            kid: key.kid().to_owned(),
            algorithm: "EdDSA".into(),
            jwk: key.jwk().to_string(),
            believed_until_us,
        };
        let envelope = Envelope {
            event_id: EventId(Uuid::nil()),
            kind: Kind::of::<wire::SigningKey>("stated"),
            org: OrgId(Uuid::nil()),
            aggregate_id: fact.kid.clone(),
            version,
            occurred_at_us: 0,
            audit: Audit::default(),
            fact: prost::Message::encode_to_vec(&fact),
            traceparent: String::new(),
        };
        assert_eq!(envelope.kind.aggregate(), wire::SigningKey::AGGREGATE);
        (fact.kid, envelope)
    }

    #[test]
    fn a_superseded_key_is_believed_and_published_until_its_overlap_ends() {
        let mut signing = Signing::default();
        let (kid, superseded) = stated(2, Some(5_000));
        signing.apply(&superseded).unwrap();
        signing.apply(&stated(1, None).1).unwrap();
        assert!(signing.get(&kid, 4).is_some() && signing.published(4).len() == 1);
        assert!(signing.get(&kid, 5).is_none() && signing.published(5).is_empty());
        assert!(signing.get("another", 4).is_none());
    }
}
