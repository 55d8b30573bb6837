//! What is kept of a key: never its text.

use std::fmt;

use crate::digest::hmac_sha256;

/// The deployment's secret under which keys are stored as message authentication codes.
#[derive(Clone)]
pub struct Pepper(Vec<u8>);

impl Pepper {
    /// Takes at least 16 bytes of secret.
    ///
    /// # Errors
    /// [`PepperTooShort`] below that.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, PepperTooShort> {
        let secret = secret.as_ref();
        if secret.len() < 16 {
            return Err(PepperTooShort);
        }
        Ok(Self(secret.to_vec()))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(redacted)")
    }
}

/// The pepper has fewer than 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key pepper needs at least 16 bytes")]
pub struct PepperTooShort;

/// HMAC-SHA256(pepper, whole key): what the `key.issued` fact carries and services verify with.
#[must_use]
pub fn mac(pepper: &Pepper, full_key: &str) -> [u8; 32] {
    hmac_sha256(&pepper.0, &[full_key.as_bytes()])
}

/// bcrypt of a key's secret part, for the key table. Tens of milliseconds: never on a request path.
///
/// # Errors
/// [`HashFailed`] when `cost` is outside 4–31.
pub fn bcrypt_hash(secret: &str, cost: u32, salt: [u8; 16]) -> Result<String, HashFailed> {
    bcrypt::hash_with_salt(secret, cost, salt)
        .map(|parts| parts.to_string())
        .map_err(|_| HashFailed)
}

/// Whether a secret part is the one a stored bcrypt hash was made of; an unreadable hash is `false`.
#[must_use]
pub fn bcrypt_verify(secret: &str, hash: &str) -> bool {
    bcrypt::verify(secret, hash).unwrap_or(false)
}

/// bcrypt refused its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bcrypt cost is outside 4 to 31")]
pub struct HashFailed;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{ApiKey, Prefix};

    #[test]
    fn bcrypt_accepts_only_the_secret_it_hashed() {
        let key = ApiKey::generate(Prefix::Live, [5; 32]);
        let hash = bcrypt_hash(key.secret(), 4, [8; 16]).unwrap();
        assert!(bcrypt_verify(key.secret(), &hash));
        assert!(!bcrypt_verify(key.public_id(), &hash));
        assert!(!bcrypt_verify(key.secret(), "not a hash"));
        assert_eq!(bcrypt_hash("x", 99, [0; 16]), Err(HashFailed));
    }

    #[test]
    fn the_code_depends_on_key_and_pepper() {
        let one = Pepper::new([1; 16]).unwrap();
        let two = Pepper::new([2; 16]).unwrap();
        assert_eq!(mac(&one, "k"), mac(&one, "k"));
        assert_ne!(mac(&one, "k"), mac(&two, "k"));
        assert_ne!(mac(&one, "k"), mac(&one, "l"));
        assert_eq!(Pepper::new("short").unwrap_err(), PepperTooShort);
    }
}
