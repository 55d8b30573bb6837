use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use writ_chain::export::{ExportSigner, RsaKey};
use writ_chain::keys::Vkey;

/// An RSA key (2048 bits or more) that signs exports with SHA-256 (RSASSA-PKCS1-v1_5). Its `Debug`
/// shows only the public half.
#[derive(Clone)]
pub(crate) struct RsaSigner {
    key: Arc<RsaKeyPair>,
    public: RsaKey,
}

impl RsaSigner {
    /// From PEM: `PRIVATE KEY` (PKCS #8) or `RSA PRIVATE KEY` (PKCS #1).
    ///
    /// # Errors
    /// What is wrong with it; never a part of it.
    pub(crate) fn from_pem(name: &str, pem: &str) -> Result<Self, String> {
        let body: String = pem.lines().filter(|line| !line.contains("-----")).collect();
        let der = BASE64.decode(body.split_whitespace().collect::<String>());
        let der = der.map_err(|_| "must be a private key in PEM".to_owned())?;
        let key = RsaKeyPair::from_pkcs8(&der).or_else(|_| RsaKeyPair::from_der(&der));
        let key = key.map_err(|_| "must be an RSA key of 2048 to 4096 bits".to_owned())?;
        let public = RsaKey::new(name, key.public_key().as_ref());
        Ok(Self {
            key: Arc::new(key),
            public: public.map_err(|wrong| wrong.to_string())?,
        })
    }

    /// The public half.
    pub(crate) fn vkey(&self) -> &Vkey {
        self.public.vkey()
    }
}

impl ExportSigner for RsaSigner {
    fn named(&self) -> (&str, [u8; 4]) {
        (self.public.name(), self.public.id())
    }

    fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0; self.key.public().modulus_len()];
        let random = SystemRandom::new();
        let signed = self
            .key
            .sign(&RSA_PKCS1_SHA256, &random, text, &mut signature);
        signed.ok().map(|()| signature)
    }
}

impl fmt::Debug for RsaSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaSigner({})", self.public)
    }
}
