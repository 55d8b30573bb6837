//! The signatures, by `ring`. `jsonwebtoken` asks for one provider in the whole process; this one
//! has no state.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair as RsaKeyPair, PublicKeyComponents};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_SHA256, UnparsedPublicKey,
};

use super::InvalidKey;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes it the process's. Nothing is installed in its place: no feature of the library names one.
pub(super) fn install() {
    // Another call was first, with the same one.
    let _same = PROVIDER.install_default().is_err();
}

pub(super) fn ed25519_public(seed: &[u8; 32]) -> Result<Vec<u8>, InvalidKey> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| InvalidKey)?;
    Ok(pair.public_key().as_ref().to_vec())
}

/// Modulus and exponent.
pub(super) fn rsa_public(pkcs8: &[u8]) -> Result<(Vec<u8>, Vec<u8>), InvalidKey> {
    let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| InvalidKey)?;
    let parts = PublicKeyComponents::<Vec<u8>>::from(pair.public());
    Ok((parts.n, parts.e))
}

struct Signing {
    algorithm: Algorithm,
    key: Private,
}

enum Private {
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    let invalid = || Error::from(ErrorKind::InvalidKeyFormat);
    let key = if *algorithm == Algorithm::EdDSA {
        Ed25519KeyPair::from_seed_unchecked(key.as_bytes()).map(Private::Ed25519)
    } else if *algorithm == Algorithm::RS256 {
        RsaKeyPair::from_pkcs8(key.as_bytes()).map(Private::Rsa)
    } else {
        return Err(ErrorKind::InvalidAlgorithm.into());
    };
    let key = key.map_err(|_| invalid())?;
    Ok(Box::new(Signing {
        algorithm: *algorithm,
        key,
    }))
}

impl Signer<Vec<u8>> for Signing {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        match &self.key {
            Private::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Private::Rsa(pair) => {
                let mut bytes = vec![0; pair.public().modulus_len()];
                let random = SystemRandom::new();
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut bytes)
                    .map_err(|_| signature::Error::new())?;
                Ok(bytes)
            }
        }
    }
}

impl JwtSigner for Signing {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

struct Verifying {
    algorithm: Algorithm,
    key: DecodingKeyKind,
}

#[allow(
    clippy::unnecessary_wraps,
    reason = "the library calls it through a pointer"
)]
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    Ok(Box::new(Verifying {
        algorithm: *algorithm,
        key: key.kind().clone(),
    }))
}

impl Verifier<Vec<u8>> for Verifying {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let verified = match (self.algorithm, &self.key) {
            (Algorithm::EdDSA, DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature)
            }
            (Algorithm::ES256, DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                let parts = ring::signature::RsaPublicKeyComponents { n, e };
                parts.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            _ => Err(ring::error::Unspecified),
        };
        verified.map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Verifying {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
