//! Digests that do not give away what they are of: HMAC-SHA256 under a key of the organisation,
//! derived from the deployment's digest key. A plain hash of a short input can be guessed for ever.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::ids::OrgId;

/// The deployment's digest key: 32 secret bytes, the same for every service.
#[derive(Clone)]
pub struct DigestKey([u8; 32]);

impl DigestKey {
    /// Takes the 32 secret bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key of one organisation: `HMAC(deployment key, "writ/digest/v1" ‖ org)`.
    #[must_use]
    pub fn for_org(&self, org: OrgId) -> OrgDigestKey {
        OrgDigestKey(hmac(&self.0, &[b"writ/digest/v1", org.0.as_bytes()]))
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(..)")
    }
}

/// The digest key of one organisation.
#[derive(Clone)]
pub struct OrgDigestKey([u8; 32]);

impl OrgDigestKey {
    /// The digest of `bytes`: 32 bytes, equal for equal bytes of the same organisation.
    #[must_use]
    pub fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        hmac(&self.0, &[bytes])
    }

    /// The digest of a person whom the application knows by `name`: an id or an e-mail address. Kept
    /// apart from that of an input with the same text.
    #[must_use]
    pub fn user(&self, name: &str) -> [u8; 32] {
        hmac(&self.0, &[b"writ/user/v1\0", name.as_bytes()])
    }

    /// The raw key, for functions of other crates that take one.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for OrgDigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OrgDigestKey(..)")
    }
}

#[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn equal_inputs_of_two_organisations_have_different_digests() {
        let key = DigestKey::new([7; 32]);
        let [one, two] = [1, 2].map(|n| key.for_org(OrgId(Uuid::from_u128(n))).digest(b"yes"));
        assert_ne!(one, two);
        assert_eq!(one, key.for_org(OrgId(Uuid::from_u128(1))).digest(b"yes"));
    }

    #[test]
    fn a_key_does_not_show_itself() {
        assert_eq!(format!("{:?}", DigestKey::new([7; 32])), "DigestKey(..)");
    }
}
