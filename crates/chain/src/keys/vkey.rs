use super::{InvalidKey, KeyId, is_key_name};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};
use std::fmt;

/// A verifier key of any type: `name+id+base64(type ‖ key)`, the id over exactly those parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vkey {
    name: String,
    id: KeyId,
    typed: Vec<u8>,
}

impl Vkey {
    pub(crate) fn new(name: &str, kind: &[u8], key: &[u8]) -> Result<Self, InvalidKey> {
        if !is_key_name(name) {
            return Err(InvalidKey::Name);
        }
        let typed = [kind, key].concat();
        let digest = Sha256::new()
            .chain_update(name)
            .chain_update(b"\n")
            .chain_update(&typed)
            .finalize();
        Ok(Self {
            name: name.to_owned(),
            id: digest.first_chunk::<4>().copied().unwrap_or_default(),
            typed,
        })
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// [`InvalidKey`] names what does not hold.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(typed)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(InvalidKey::Encoding);
        };
        let typed = BASE64.decode(typed).map_err(|_| InvalidKey::Encoding)?;
        let parsed = Self::new(name, &[], &typed)?;
        if hex::encode(parsed.id) == id {
            Ok(parsed)
        } else {
            Err(InvalidKey::Encoding)
        }
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key's id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The algorithm, and the key as it is encoded: 32 bytes of Ed25519, or a DER `RSAPublicKey`.
    #[must_use]
    pub fn public_key(&self) -> (&'static str, &[u8]) {
        match self.typed.split_first() {
            Some((0x01 | 0x04, key)) => ("Ed25519", key),
            Some(_) | None => {
                let label = self.typed.iter().position(|byte| *byte == b'\n');
                let der = label.and_then(|at| self.typed.get(at + 1..));
                ("RSA-SHA256", der.unwrap_or_default())
            }
        }
    }

    /// The key, when it is of the type `kind`.
    pub(crate) fn key_of(&self, kind: &[u8]) -> Option<&[u8]> {
        self.typed.strip_prefix(kind)
    }
}

impl fmt::Display for Vkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, typed) = (hex::encode(self.id), BASE64.encode(&self.typed));
        write!(f, "{}+{id}+{typed}", self.name)
    }
}
