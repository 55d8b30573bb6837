//! Named Ed25519 keys as signed notes use them (C2SP signed-note).
//!
//! A key is known by its name and an id: the first 4 bytes of SHA-256(name ‖ LF ‖ type ‖ key). The
//! name is part of what is trusted; the id only picks candidates. The type keeps purposes apart:
//! 0x01 is an Ed25519 key of the ledger, 0x04 a witness's ([`crate::cosignature`]), 0xff an RSA key
//! for exports ([`crate::export`]).

mod trusted;
mod vkey;

pub use trusted::{InvalidTrusted, Trusted};
pub use vkey::Vkey;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use std::fmt;

const ED25519: u8 = 0x01;

/// The first 4 bytes of SHA-256(name ‖ LF ‖ type ‖ key).
pub type KeyId = [u8; 4];

/// Why a key was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Empty, or contains whitespace, a control character or `+`.
    #[error("key name must be one word without '+'")]
    Name,
    /// Not `name+id+base64`, or the id does not belong to name and key.
    #[error("not a verifier key of the form name+id+key")]
    Encoding,
    /// Not a point an Ed25519 key can be.
    #[error("not an Ed25519 public key")]
    Point,
}

/// A named secret key. Its `Debug` shows only the public half.
#[derive(Clone)]
pub struct NamedSigner {
    key: SigningKey,
    public: NamedVerifier,
}

impl NamedSigner {
    /// A signer from a 32-byte seed.
    ///
    /// # Errors
    /// [`InvalidKey::Name`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, InvalidKey> {
        let key = SigningKey::from_bytes(seed);
        let public = NamedVerifier::new(name, key.verifying_key())?;
        Ok(Self { key, public })
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> &NamedVerifier {
        &self.public
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for NamedSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedSigner")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// A named public key. Its text form is `name+id+base64(0x01 ‖ key)`, a signed-note "vkey".
#[derive(Clone, PartialEq, Eq)]
pub struct NamedVerifier {
    vkey: Vkey,
    key: VerifyingKey,
}

impl NamedVerifier {
    /// A verifier from a 32-byte public key.
    ///
    /// # Errors
    /// [`InvalidKey::Name`] or [`InvalidKey::Point`].
    pub fn from_public(name: &str, key: &[u8; 32]) -> Result<Self, InvalidKey> {
        let key = VerifyingKey::from_bytes(key).map_err(|_| InvalidKey::Point)?;
        Self::new(name, key)
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// [`InvalidKey`] names what does not hold.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let vkey = Vkey::parse(text)?;
        let key = vkey.key_of(&[ED25519]).ok_or(InvalidKey::Encoding)?;
        let key: &[u8; 32] = key.try_into().map_err(|_| InvalidKey::Encoding)?;
        Self::from_public(vkey.name(), key)
    }

    fn new(name: &str, key: VerifyingKey) -> Result<Self, InvalidKey> {
        Ok(Self {
            vkey: Vkey::new(name, &[ED25519], key.as_bytes())?,
            key,
        })
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.vkey.name()
    }

    /// The key's id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.vkey.id()
    }

    /// The text form in its parts.
    #[must_use]
    pub fn vkey(&self) -> &Vkey {
        &self.vkey
    }

    /// The 32 bytes of the public key.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|it| self.key.verify_strict(message, &it).is_ok())
    }
}

impl fmt::Display for NamedVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.vkey.fmt(f)
    }
}

impl fmt::Debug for NamedVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NamedVerifier({self})")
    }
}

pub(crate) fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD as BASE64;

    /// The example of Go's `golang.org/x/mod/sumdb/note` documentation.
    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn a_verifier_key_reads_as_other_implementations_write_it() {
        let key = NamedVerifier::parse(PETER).unwrap();
        assert_eq!(key.name(), "PeterNeumann");
        assert_eq!(key.to_string(), PETER);
    }

    #[test]
    fn a_verifier_key_with_another_name_id_or_point_is_refused() {
        for text in [
            PETER.replace("Peter", "Paul"),
            PETER.replace("c74f20a3", "c74f20a4"),
            PETER.replace("TW", "TX"),
            PETER.replace("ARpc", "Abpc"),
            "PeterNeumann".into(),
            "a+b".into(),
            String::new(),
        ] {
            assert!(NamedVerifier::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_one_word() {
        for name in ["", "a b", "a+b", "a\nb", "a\u{2003}b"] {
            assert!(NamedSigner::from_seed(name, &[1; 32]).is_err(), "{name:?}");
        }
    }

    #[test]
    fn debug_does_not_show_the_secret() {
        let signer = NamedSigner::from_seed("log", &[42; 32]).unwrap();
        let shown = format!("{signer:?}");
        assert!(
            !shown.contains("42") || !shown.contains("SigningKey"),
            "{shown}"
        );
        assert!(
            !shown.contains(&hex::encode([42; 32])) && !shown.contains(&BASE64.encode([42; 32]))
        );
    }
}
