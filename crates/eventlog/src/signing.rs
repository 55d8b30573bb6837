//! Owner signatures: each service signs what it publishes, and a reader drops what is not signed
//! by the owner of the subject. Somebody who can publish on a subject cannot thereby state a fact.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use writ_contract::{Service, Topology};

/// Signs as one service.
#[derive(Clone)]
pub struct Signer {
    service: Service,
    key: Arc<SigningKey>,
}

impl Signer {
    /// Signs for `service` with an Ed25519 key given by its 32-byte seed.
    #[must_use]
    pub fn new(service: Service, seed: [u8; 32]) -> Self {
        Self {
            service,
            key: Arc::new(SigningKey::from_bytes(&seed)),
        }
    }

    /// Which service signs.
    #[must_use]
    pub fn service(&self) -> Service {
        self.service
    }

    /// The public key others verify with.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// The value of the signature header: `<service>:<base64 Ed25519(subject ‖ LF ‖ payload)>`.
    #[must_use]
    pub fn sign(&self, subject: &str, payload: &[u8]) -> String {
        let signature = self.key.sign(&signed_bytes(subject, payload));
        format!("{}:{}", self.service, STANDARD.encode(signature.to_bytes()))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

/// Why a message is not a statement of its subject's owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// No signature header, or not of the form `<service>:<base64>`.
    #[error("no readable owner signature")]
    Missing,
    /// Signed by a service that has no known key or does not own the subject.
    #[error("\"{0}\" is not an owner of this subject")]
    NotOwner(String),
    /// The signature does not fit the subject and payload.
    #[error("the owner signature does not match")]
    Mismatch,
}

/// The public keys of the services.
#[derive(Clone, Default)]
pub struct Owners {
    keys: Arc<HashMap<Service, VerifyingKey>>,
}

impl Owners {
    /// Takes each service's public key; a key that is no curve point is left out.
    pub fn new(keys: impl IntoIterator<Item = (Service, [u8; 32])>) -> Self {
        let readable = |(service, bytes): (Service, [u8; 32])| {
            VerifyingKey::from_bytes(&bytes)
                .ok()
                .map(|key| (service, key))
        };
        Self {
            keys: Arc::new(keys.into_iter().filter_map(readable).collect()),
        }
    }

    /// Checks that `header` is the signature of an owner of `subject` over subject and payload.
    ///
    /// # Errors
    /// [`BadSignature`] says which part does not hold.
    pub fn verify(
        &self,
        topology: &Topology,
        subject: &str,
        header: Option<&str>,
        payload: &[u8],
    ) -> Result<Service, BadSignature> {
        let (name, encoded) = header
            .and_then(|h| h.split_once(':'))
            .ok_or(BadSignature::Missing)?;
        let not_owner = || BadSignature::NotOwner(name.to_owned());
        let service = Service::ALL
            .into_iter()
            .find(|s| s.name() == name)
            .ok_or_else(not_owner)?;
        let key = self.keys.get(&service).ok_or_else(not_owner)?;
        if !topology.owns(service, subject) {
            return Err(not_owner());
        }
        let signature = STANDARD
            .decode(encoded)
            .ok()
            .and_then(|bytes| Signature::from_slice(&bytes).ok())
            .ok_or(BadSignature::Missing)?;
        key.verify_strict(&signed_bytes(subject, payload), &signature)
            .map_err(|_| BadSignature::Mismatch)?;
        Ok(service)
    }
}

impl fmt::Debug for Owners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.keys()).finish()
    }
}

fn signed_bytes(subject: &str, payload: &[u8]) -> Vec<u8> {
    [subject.as_bytes(), b"\n", payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting() -> (Signer, Owners, Topology) {
        let signer = Signer::new(Service::Control, [1; 32]);
        let owners = Owners::new([(Service::Control, signer.public_key())]);
        (signer, owners, Topology::default())
    }

    #[test]
    fn the_owners_signature_is_accepted_and_names_the_service() {
        let (signer, owners, topology) = setting();
        let subject = "writ.evt.control.agent.org_1.a";
        let header = signer.sign(subject, b"payload");
        let checked = owners.verify(&topology, subject, Some(&header), b"payload");
        assert_eq!(checked, Ok(Service::Control));
    }

    #[test]
    fn a_signature_moved_to_another_payload_or_subject_is_refused() {
        let (signer, owners, topology) = setting();
        let subject = "writ.evt.control.agent.org_1.a";
        let header = signer.sign(subject, b"payload");
        let other = owners.verify(&topology, subject, Some(&header), b"other");
        assert_eq!(other, Err(BadSignature::Mismatch));
        let moved = "writ.evt.control.agent.org_2.a";
        let moved = owners.verify(&topology, moved, Some(&header), b"payload");
        assert_eq!(moved, Err(BadSignature::Mismatch));
    }

    #[test]
    fn a_service_cannot_state_a_fact_of_another() {
        let (signer, owners, topology) = setting();
        let subject = "writ.evt.approval.approval.org_1.a";
        let header = signer.sign(subject, b"payload");
        let refused = owners.verify(&topology, subject, Some(&header), b"payload");
        assert_eq!(refused, Err(BadSignature::NotOwner("control".into())));
        assert_eq!(
            owners.verify(&topology, subject, None, b""),
            Err(BadSignature::Missing)
        );
    }
}
