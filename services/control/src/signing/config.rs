//! What tokens are signed with, as it is configured.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use writ_access::delegation::LONGEST_S;
use writ_access::jwt::{Algorithm, InvalidKey, SigningKey};
use writ_service_kit::config::{HumanDuration, Secret};

const DAY: u64 = 24 * 3_600;

/// What the deployment signs agent credentials and delegations with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SigningConfig {
    /// Who tokens say they are from.
    pub issuer: String,
    /// `EdDSA`, whose keys are made here, or `RS256` with the key below.
    pub algorithm: String,
    /// Base64 of an RSA key of 2048 bits or more in PKCS #8 DER. Another one takes its place.
    pub rsa_key: Secret,
    /// How old a key that was made here may become.
    pub rotate_every: HumanDuration,
    /// An RFC 3339 time; a key made here before it is replaced. Empty for none.
    pub made_after: String,
    /// How long a replaced key is published and believed; longer than the longest token lives.
    pub overlap: HumanDuration,
}

impl Default for SigningConfig {
    fn default() -> Self {
        Self {
            issuer: "writ".to_owned(),
            algorithm: Algorithm::EdDsa.as_str().to_owned(),
            rsa_key: Secret::default(),
            rotate_every: HumanDuration::from_secs(90 * DAY),
            made_after: String::new(),
            overlap: HumanDuration::from_secs(2 * DAY),
        }
    }
}

impl SigningConfig {
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        let known = self.algorithm.parse().ok();
        known.filter(|algorithm| *algorithm != Algorithm::Es256)
    }

    pub(super) fn rsa(&self) -> Result<SigningKey, InvalidKey> {
        read(self.rsa_key.expose(), Algorithm::Rs256.as_str())
    }

    pub(super) fn made_after(&self) -> Option<DateTime<Utc>> {
        self.made_after.parse().ok()
    }

    /// What is wrong, for a service's list of problems.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        match self.algorithm() {
            None => problems.push("signing.algorithm: EdDSA or RS256".to_owned()),
            Some(Algorithm::Rs256) if self.rsa().is_err() => problems.push(
                "signing.rsa_key: base64 of an RSA key of 2048 bits or more, PKCS #8 DER"
                    .to_owned(),
            ),
            Some(_) => {}
        }
        if !self.made_after.is_empty() && self.made_after().is_none() {
            problems.push("signing.made_after: an RFC 3339 time, or empty".to_owned());
        }
        if i64::try_from(self.overlap.get().as_secs()).unwrap_or(i64::MAX) <= LONGEST_S {
            problems.push("signing.overlap: longer than 24h, the life of a delegation".to_owned());
        }
        if self.issuer.is_empty() {
            problems.push("signing.issuer: must not be empty".to_owned());
        }
        problems
    }
}

/// A private key from its text: hexadecimal digits of a seed, or base64 of an RSA key.
pub(super) fn read(private: &str, algorithm: &str) -> Result<SigningKey, InvalidKey> {
    match algorithm.parse().map_err(|_| InvalidKey)? {
        Algorithm::EdDsa => {
            let mut seed = [0; 32];
            hex::decode_to_slice(private, &mut seed).map_err(|_| InvalidKey)?;
            SigningKey::ed25519(&seed)
        }
        Algorithm::Rs256 => SigningKey::rsa(&STANDARD.decode(private).map_err(|_| InvalidKey)?),
        Algorithm::Es256 => Err(InvalidKey),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_signed_with_is_said_at_start() {
        assert!(SigningConfig::default().problems().is_empty());
        let wrong = SigningConfig {
            issuer: String::new(),
            algorithm: "RS256".into(),
            made_after: "today".into(),
            overlap: HumanDuration::from_secs(60),
            ..SigningConfig::default()
        };
        let problems = wrong.problems().join("\n");
        for field in ["issuer", "rsa_key", "made_after", "overlap"] {
            assert!(problems.contains(field), "{field} in {problems}");
        }
        let unknown = SigningConfig {
            algorithm: "HS256".into(),
            ..SigningConfig::default()
        };
        assert!(unknown.problems().join("").contains("signing.algorithm"));
    }
}
