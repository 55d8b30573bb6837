//! Signing secrets at rest: AES-256-GCM under a key that can be rotated.

use std::collections::BTreeMap;
use std::fmt;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};

/// The keys secrets are sealed with.
#[derive(Clone)]
pub struct Sealer {
    current: String,
    keys: BTreeMap<String, [u8; 32]>,
}

/// A sealed secret and the name of the key it is sealed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key.
    pub key_id: String,
    /// Twelve bytes, never used twice with one key.
    pub nonce: [u8; 12],
    /// Ciphertext and tag.
    pub bytes: Vec<u8>,
}

/// The secret could not be sealed or opened: a key is missing, or the row was altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored secret cannot be sealed or opened")]
pub struct SealError;

impl Sealer {
    /// Seals with `current`; opens with any key.
    ///
    /// # Errors
    /// [`SealError`] when `current` is none of the keys.
    pub fn new(current: &str, keys: BTreeMap<String, [u8; 32]>) -> Result<Self, SealError> {
        if !keys.contains_key(current) {
            return Err(SealError);
        }
        Ok(Self {
            current: current.to_owned(),
            keys,
        })
    }

    /// Seals a secret for one place: it opens only with the same `place`.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(&self, secret: &str, place: &[u8], nonce: [u8; 12]) -> Result<Sealed, SealError> {
        let payload = Payload {
            msg: secret.as_bytes(),
            aad: place,
        };
        let bytes = self.cipher(&self.current)?.encrypt(&nonce.into(), payload);
        Ok(Sealed {
            key_id: self.current.clone(),
            nonce,
            bytes: bytes.map_err(|_| SealError)?,
        })
    }

    /// Opens a secret sealed for this place.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(&self, sealed: &Sealed, place: &[u8]) -> Result<String, SealError> {
        let payload = Payload {
            msg: &sealed.bytes,
            aad: place,
        };
        let opened = self
            .cipher(&sealed.key_id)?
            .decrypt(&sealed.nonce.into(), payload);
        String::from_utf8(opened.map_err(|_| SealError)?).map_err(|_| SealError)
    }

    fn cipher(&self, key_id: &str) -> Result<Aes256Gcm, SealError> {
        let key = self.keys.get(key_id).ok_or(SealError)?;
        Ok(Aes256Gcm::new(&(*key).into()))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("current", &self.current)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(current: &str) -> Sealer {
        let keys = BTreeMap::from([("old".to_owned(), [1; 32]), ("new".to_owned(), [2; 32])]);
        Sealer::new(current, keys).unwrap()
    }

    #[test]
    fn a_secret_opens_where_it_was_sealed_also_after_a_rotation() {
        let sealed = sealer("old").seal("whsec_x", b"org/hook", [3; 12]).unwrap();
        assert_eq!(sealed.key_id, "old");
        assert_eq!(sealer("new").open(&sealed, b"org/hook").unwrap(), "whsec_x");
    }

    #[test]
    fn a_moved_or_altered_secret_does_not_open() {
        let sealer = sealer("new");
        let sealed = sealer.seal("whsec_x", b"org/hook", [3; 12]).unwrap();
        assert_eq!(sealer.open(&sealed, b"org/other"), Err(SealError));
        for at in 0..sealed.bytes.len() {
            let mut altered = sealed.clone();
            altered.bytes[at] ^= 1;
            assert_eq!(sealer.open(&altered, b"org/hook"), Err(SealError));
        }
        let renamed = Sealed {
            key_id: "old".to_owned(),
            ..sealed
        };
        assert_eq!(sealer.open(&renamed, b"org/hook"), Err(SealError));
    }

    #[test]
    fn a_missing_key_is_named_at_start() {
        assert!(Sealer::new("other", BTreeMap::new()).is_err());
    }
}
