//! Signed tokens (RFC 7519, RFC 7517), checked offline: the algorithm comes from the key as it is
//! configured, never from the token, and the time is an argument.

mod backend;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::digest::sha256_hex;

/// Seconds by which the clocks of two computers may differ.
pub const LEEWAY_S: i64 = 30;
/// Longest token that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;

/// The signatures Writ knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// RSA PKCS #1 v1.5 with SHA-256, 2048 bits and more.
    Rs256,
    /// ECDSA over P-256 with SHA-256.
    Es256,
}

/// A word that names none of the algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an algorithm is one of EdDSA, RS256, ES256")]
pub struct UnknownAlgorithm;

/// A key that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a usable key for its algorithm")]
pub struct InvalidKey;

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// It is no signed token, or its claims are not what they should be.
    #[error("the token is malformed")]
    Malformed,
    /// Nobody known here has signed it.
    #[error("the token is signed with an unknown key")]
    UnknownKey,
    /// The signature is not its signer's.
    #[error("the token's signature does not hold")]
    Signature,
    /// Its time has not come or is over.
    #[error("the token has expired or is not valid yet")]
    Time,
    /// It was made for somebody or something else.
    #[error("the token is meant for somebody else")]
    Meant,
}

impl TokenRefusal {
    /// The stable word for what is recorded of it.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "TOKEN_MALFORMED",
            Self::UnknownKey => "TOKEN_KEY_UNKNOWN",
            Self::Signature => "TOKEN_SIGNATURE",
            Self::Time => "TOKEN_TIME",
            Self::Meant => "TOKEN_AUDIENCE",
        }
    }
}

impl Algorithm {
    /// The name in headers and keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }

    fn jose(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
        }
    }
}

impl std::str::FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(word: &str) -> Result<Self, UnknownAlgorithm> {
        [Self::EdDsa, Self::Rs256, Self::Es256]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == word)
            .ok_or(UnknownAlgorithm)
    }
}

/// A public key and the only algorithm it is used with.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl VerifyingKey {
    /// Reads a JSON Web Key for one algorithm.
    ///
    /// # Errors
    /// [`InvalidKey`] when it is not a public key of that algorithm.
    pub fn from_jwk(jwk: &str, algorithm: Algorithm) -> Result<Self, InvalidKey> {
        let jwk: Jwk = serde_json::from_str(jwk).map_err(|_| InvalidKey)?;
        let fits = match (&jwk.algorithm, algorithm) {
            (AlgorithmParameters::OctetKeyPair(pair), Algorithm::EdDsa) => {
                pair.curve == EllipticCurve::Ed25519
            }
            (AlgorithmParameters::EllipticCurve(point), Algorithm::Es256) => {
                point.curve == EllipticCurve::P256
            }
            (AlgorithmParameters::RSA(_), Algorithm::Rs256) => true,
            _ => false,
        };
        let key = DecodingKey::from_jwk(&jwk).map_err(|_| InvalidKey)?;
        fits.then_some(Self { algorithm, key }).ok_or(InvalidKey)
    }

    /// The claims of a token this key has signed. Its times and audience are the caller's to check.
    ///
    /// # Errors
    /// [`TokenRefusal::Malformed`], [`TokenRefusal::Signature`].
    pub fn verify<T: DeserializeOwned>(&self, token: &str) -> Result<T, TokenRefusal> {
        backend::install();
        let mut signed_only = Validation::new(self.algorithm.jose());
        signed_only.required_spec_claims.clear();
        signed_only.validate_exp = false;
        signed_only.validate_aud = false;
        let header = header(token)?;
        if header.alg != self.algorithm.jose() {
            return Err(TokenRefusal::Signature);
        }
        jsonwebtoken::decode(token, &self.key, &signed_only)
            .map(|decoded| decoded.claims)
            .map_err(|error| {
                let wrong = ErrorKind::InvalidSignature;
                if *error.kind() == wrong {
                    TokenRefusal::Signature
                } else {
                    TokenRefusal::Malformed
                }
            })
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("VerifyingKey")
            .field(&self.algorithm)
            .finish()
    }
}

/// The `kid` a token says it is signed with.
///
/// # Errors
/// [`TokenRefusal::Malformed`], also when it names none or wants to be read in a way unknown here.
pub fn key_id(token: &str) -> Result<String, TokenRefusal> {
    header(token)?.kid.ok_or(TokenRefusal::Malformed)
}

fn header(token: &str) -> Result<Header, TokenRefusal> {
    if token.len() > LONGEST {
        return Err(TokenRefusal::Malformed);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenRefusal::Malformed)?;
    if header.crit.is_some() {
        return Err(TokenRefusal::Malformed);
    }
    Ok(header)
}

/// Whether a token's times (Unix seconds) include now, with [`LEEWAY_S`] either way.
#[must_use]
pub fn in_time(not_before: i64, expires: i64, now_ms: i64) -> bool {
    let now = now_ms.div_euclid(1_000);
    now + LEEWAY_S >= not_before && now < expires + LEEWAY_S
}

/// A private key that tokens are signed with.
#[derive(Clone)]
pub struct SigningKey {
    algorithm: Algorithm,
    key: EncodingKey,
    kid: String,
    jwk: Value,
}

impl SigningKey {
    /// The Ed25519 key of a seed of 32 random bytes.
    ///
    /// # Errors
    /// [`InvalidKey`].
    pub fn ed25519(seed: &[u8; 32]) -> Result<Self, InvalidKey> {
        let public = backend::ed25519_public(seed)?;
        let material = json!({ "crv": "Ed25519", "kty": "OKP", "x": base64url(&public) });
        let key = EncodingKey::from_ed_der(seed);
        Ok(Self::new(Algorithm::EdDsa, key, material))
    }

    /// An RSA key from its PKCS #8 DER bytes; 2048 bits and more.
    ///
    /// # Errors
    /// [`InvalidKey`].
    pub fn rsa(pkcs8: &[u8]) -> Result<Self, InvalidKey> {
        let (n, e) = backend::rsa_public(pkcs8)?;
        let material = json!({ "e": base64url(&e), "kty": "RSA", "n": base64url(&n) });
        let key = EncodingKey::from_rsa_der(pkcs8);
        Ok(Self::new(Algorithm::Rs256, key, material))
    }

    /// The key's id is its thumbprint (RFC 7638): SHA-256 over its required members in order.
    fn new(algorithm: Algorithm, key: EncodingKey, material: Value) -> Self {
        let kid = sha256_hex(material.to_string().as_bytes());
        let mut jwk = material;
        if let Some(fields) = jwk.as_object_mut() {
            fields.insert("kid".into(), kid.clone().into());
            fields.insert("alg".into(), algorithm.as_str().into());
            fields.insert("use".into(), "sig".into());
        }
        Self {
            algorithm,
            key,
            kid,
            jwk,
        }
    }

    /// Its id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// What it signs with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public half as a JSON Web Key.
    #[must_use]
    pub const fn jwk(&self) -> &Value {
        &self.jwk
    }

    /// A token with these claims.
    ///
    /// # Errors
    /// [`InvalidKey`] when the key cannot sign.
    pub fn sign<T: Serialize>(&self, claims: &T) -> Result<String, InvalidKey> {
        backend::install();
        let mut header = Header::new(self.algorithm.jose());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.key).map_err(|_| InvalidKey)
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::ed25519(&[seed; 32]).unwrap()
    }

    fn verifying(key: &SigningKey) -> VerifyingKey {
        VerifyingKey::from_jwk(&key.jwk().to_string(), key.algorithm()).unwrap()
    }

    fn read(key: &VerifyingKey, token: &str) -> Result<Value, TokenRefusal> {
        key.verify(token)
    }

    #[test]
    fn a_signed_token_is_read_by_its_key_and_no_other() {
        let claims = json!({"sub": "a"});
        let token = key(1).sign(&claims).unwrap();
        assert_eq!(key_id(&token).unwrap(), key(1).kid());
        assert_eq!(read(&verifying(&key(1)), &token), Ok(claims));
        let other = read(&verifying(&key(2)), &token);
        assert_eq!(other, Err(TokenRefusal::Signature));
    }

    #[test]
    fn no_changed_byte_is_believed() {
        let token = key(1).sign(&json!({"sub": "a", "n": 1})).unwrap();
        let verifying = verifying(&key(1));
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            // The last character of an unpadded signature carries bits nobody reads.
            let same = changed.len() - 1 == at;
            assert!(same || read(&verifying, &changed).is_err(), "{at}");
        }
    }

    #[test]
    fn the_token_does_not_choose_its_algorithm() {
        let payload = base64url(br#"{"sub":"a"}"#);
        for alg in ["none", "HS256", "RS256"] {
            let header = base64url(
                json!({"alg": alg, "kid": key(1).kid()})
                    .to_string()
                    .as_bytes(),
            );
            let forged = format!("{header}.{payload}.{}", base64url(b"x"));
            assert!(read(&verifying(&key(1)), &forged).is_err(), "{alg}");
        }
        let critical = base64url(br#"{"alg":"EdDSA","kid":"k","crit":["x"],"x":1}"#);
        let forged = format!("{critical}.{payload}.{}", base64url(b"x"));
        assert_eq!(key_id(&forged), Err(TokenRefusal::Malformed));
    }

    #[test]
    fn a_key_is_read_only_for_its_own_algorithm() {
        let jwk = key(1).jwk().to_string();
        assert!(VerifyingKey::from_jwk(&jwk, Algorithm::Rs256).is_err());
        assert!(VerifyingKey::from_jwk(&jwk, Algorithm::Es256).is_err());
        let secret = r#"{"kty":"oct","k":"AAAA"}"#;
        for algorithm in [Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Es256] {
            assert!(VerifyingKey::from_jwk(secret, algorithm).is_err());
        }
    }

    #[test]
    fn times_are_checked_with_a_little_patience() {
        assert!(in_time(100, 200, 150_000));
        assert!(in_time(100, 200, 70_000) && in_time(100, 200, 229_999));
        assert!(!in_time(100, 200, 69_999) && !in_time(100, 200, 230_000));
    }

    #[test]
    fn debug_shows_no_private_key() {
        let shown = format!("{:?}", key(7));
        assert!(shown.contains("kid") && !shown.contains('7'.to_string().repeat(4).as_str()));
    }
}
