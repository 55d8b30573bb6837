//! The approval certificate: a signed statement that one act may be done once.
//!
//! The signature covers `"writ-certificate/1" LF ‖ canonical JSON`, so it is good for nothing but a
//! certificate. Single use is kept by the approval service, not by the signature.

use crate::Hash;
use crate::action::same_digest;
use crate::canonical::{self, NotCanonical};
use crate::keys::{NamedSigner, NamedVerifier};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

const LABEL: &[u8] = b"writ-certificate/1\n";

/// What is certified. Times are microseconds since 1970; ids are in their wire form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Certificate {
    /// The approval request it answers.
    pub id: String,
    /// The organisation.
    pub org: String,
    /// The environment the act may happen in.
    pub environment: String,
    /// The agent that may act.
    pub agent: String,
    /// Lower-case hex of the keyed action digest.
    pub action_digest: String,
    /// The policies that held the act.
    pub policy_ids: Vec<String>,
    /// Hash of the policy set they were part of, lower-case hex.
    pub policy_set_hash: String,
    /// The person or key that asked.
    pub requester: String,
    /// Who approved, and when.
    pub approvers: Vec<Approver>,
    /// Not good before.
    pub not_before: i64,
    /// Not good at or after.
    pub expires_at: i64,
    /// How often it may be redeemed: always 1.
    pub max_uses: u32,
}

/// One person's approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approver {
    /// The pseudonymous person id.
    pub person: String,
    /// When, microseconds since 1970.
    pub approved_at: i64,
}

/// A certificate with its signature, as it is stored and sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedCertificate {
    /// What was signed.
    pub certificate: Certificate,
    /// Name of the signing key.
    pub key_name: String,
    /// Id of the signing key, 8 hex digits.
    pub key_id: String,
    /// The Ed25519 signature, base64.
    pub signature: String,
}

/// Why a certificate is not good for an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRefusal {
    /// No trusted key signed exactly this.
    #[error("certificate_tampered")]
    Tampered,
    /// Another act than the one approved.
    #[error("action_context_mismatch")]
    ActionMismatch,
    /// Before its time.
    #[error("certificate_not_yet_valid")]
    NotYetValid,
    /// After its time.
    #[error("certificate_expired")]
    Expired,
}

impl CertificateRefusal {
    /// The stable word the wire contract §5.8 names (`certificate_not_yet_valid` is ours).
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Tampered => "certificate_tampered",
            Self::ActionMismatch => "action_context_mismatch",
            Self::NotYetValid => "certificate_not_yet_valid",
            Self::Expired => "certificate_expired",
        }
    }
}

/// Signs a certificate.
///
/// # Errors
/// [`NotCanonical`] cannot happen for this type in practice; it is passed on rather than hidden.
pub fn sign(
    certificate: Certificate,
    signer: &NamedSigner,
) -> Result<SignedCertificate, NotCanonical> {
    let signature = signer.sign(&signed_bytes(&certificate)?);
    let public = signer.verifier();
    Ok(SignedCertificate {
        certificate,
        key_name: public.name().to_owned(),
        key_id: hex::encode(public.id()),
        signature: BASE64.encode(signature),
    })
}

impl SignedCertificate {
    /// The certificate, if a trusted key signed exactly it.
    ///
    /// # Errors
    /// [`CertificateRefusal::Tampered`].
    pub fn verify(&self, trusted: &[NamedVerifier]) -> Result<&Certificate, CertificateRefusal> {
        let message = signed_bytes(&self.certificate).map_err(|_| CertificateRefusal::Tampered)?;
        let signature = BASE64.decode(&self.signature).ok();
        let signature: Option<[u8; 64]> = signature.and_then(|bytes| bytes.try_into().ok());
        let signature = signature.ok_or(CertificateRefusal::Tampered)?;
        let good = trusted
            .iter()
            .filter(|key| key.name() == self.key_name && hex::encode(key.id()) == self.key_id)
            .any(|key| key.verifies(&message, &signature));
        if good {
            Ok(&self.certificate)
        } else {
            Err(CertificateRefusal::Tampered)
        }
    }
}

impl Certificate {
    /// Whether it is good for the act `digest` at `now` (microseconds since 1970). Says nothing of
    /// the signature or of earlier uses.
    ///
    /// # Errors
    /// The [`CertificateRefusal`] that applies; a mismatch comes before the times.
    pub fn check(&self, digest: &Hash, now: i64) -> Result<(), CertificateRefusal> {
        let named: Option<Hash> = hex::decode(&self.action_digest)
            .ok()
            .and_then(|bytes| bytes.try_into().ok());
        if !named.is_some_and(|named| same_digest(&named, digest)) {
            return Err(CertificateRefusal::ActionMismatch);
        }
        if now < self.not_before {
            return Err(CertificateRefusal::NotYetValid);
        }
        if now >= self.expires_at {
            Err(CertificateRefusal::Expired)
        } else {
            Ok(())
        }
    }
}

fn signed_bytes(certificate: &Certificate) -> Result<Vec<u8>, NotCanonical> {
    let mut bytes = LABEL.to_vec();
    bytes.extend(canonical::to_vec(certificate)?);
    Ok(bytes)
}

#[cfg(test)]
mod tests;
