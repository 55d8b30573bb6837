use crate::keys::{InvalidKey, KeyId, NamedSigner, Vkey};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use std::fmt;

/// 0xff is C2SP's type for what has no number of its own.
const RSA: &[u8] = b"\xffwrit-export/rsa-sha256\n";

/// Signs the manifest of an export. RSA needs randomness to sign, so its implementation lives with
/// whoever has that.
pub trait ExportSigner {
    /// Name and id of the key.
    fn named(&self) -> (&str, KeyId);

    /// The signature over `text`; `None` when the key cannot sign.
    fn sign(&self, text: &[u8]) -> Option<Vec<u8>>;
}

impl ExportSigner for NamedSigner {
    fn named(&self) -> (&str, KeyId) {
        (self.verifier().name(), self.verifier().id())
    }

    fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        Some(Self::sign(self, text).to_vec())
    }
}

/// An RSA key for exports: RSASSA-PKCS1-v1_5 with SHA-256. The text form is a signed-note "vkey" over
/// the PKCS #1 `RSAPublicKey`.
#[derive(Clone, PartialEq, Eq)]
pub struct RsaKey {
    vkey: Vkey,
    der: Vec<u8>,
}

impl RsaKey {
    /// A key of 2048 to 8192 bits from its DER `RSAPublicKey`.
    ///
    /// # Errors
    /// [`InvalidKey::Name`].
    pub fn new(name: &str, der: &[u8]) -> Result<Self, InvalidKey> {
        Ok(Self {
            vkey: Vkey::new(name, RSA, der)?,
            der: der.to_vec(),
        })
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// [`InvalidKey`] names what does not hold.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let vkey = Vkey::parse(text)?;
        let der = vkey.key_of(RSA).ok_or(InvalidKey::Encoding)?.to_vec();
        Ok(Self { vkey, der })
    }

    /// The text form in its parts.
    #[must_use]
    pub fn vkey(&self) -> &Vkey {
        &self.vkey
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

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.der)
            .verify(message, signature)
            .is_ok()
    }
}

impl fmt::Display for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.vkey.fmt(f)
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaKey({self})")
    }
}
