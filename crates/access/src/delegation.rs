//! Delegation tokens: one agent hands a part of what it may do down to another. A token carries the
//! whole chain, so that it is checked offline; whether a step was revoked is known from facts.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::agent_token::SigningKeys;
use crate::jwt::{InvalidKey, SigningKey, TokenRefusal, in_time, key_id};

/// Where a request carries it.
pub const HEADER: &str = "x-writ-delegation";
/// Longest life of a delegation, in seconds; keys are published for longer than that.
pub const LONGEST_S: i64 = 24 * 3_600;
/// Longest chain.
pub const STEPS: usize = 8;
/// The audience that keeps these tokens apart from others of the same keys.
const AUDIENCE: &str = "writ:delegation";

/// One agent that handed down, the first delegator first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The delegation.
    pub id: Uuid,
    /// The agent's UUID.
    pub agent: Uuid,
    /// The id the application chose.
    pub name: String,
    /// What it handed on; narrower from step to step.
    pub scopes: Vec<String>,
}

/// What a delegation token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegationClaims {
    /// Who made it.
    pub iss: String,
    aud: String,
    /// The agent that may act under it.
    pub sub: Uuid,
    /// Its organisation.
    pub org: Uuid,
    /// How it came down; the last step is this delegation.
    pub chain: Vec<Step>,
    iat: i64,
    nbf: i64,
    /// Unix seconds.
    pub exp: i64,
    /// The delegation.
    pub jti: Uuid,
}

impl DelegationClaims {
    /// The claims of a delegation to the agent `to`. `chain` ends with its own step.
    #[must_use]
    pub fn new(
        issuer: &str,
        (org, to): (Uuid, Uuid),
        chain: Vec<Step>,
        expires_s: i64,
        now_ms: i64,
    ) -> Self {
        let now = now_ms.div_euclid(1_000);
        Self {
            iss: issuer.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: to,
            org,
            jti: chain.last().map(|step| step.id).unwrap_or_default(),
            chain,
            iat: now,
            nbf: now,
            exp: expires_s,
        }
    }

    /// The token.
    ///
    /// # Errors
    /// [`InvalidKey`] when the key cannot sign.
    pub fn sign(&self, key: &SigningKey) -> Result<String, InvalidKey> {
        key.sign(self)
    }

    /// What may be used under it: what every step hands on.
    #[must_use]
    pub fn scopes(&self) -> Vec<String> {
        let Some((last, earlier)) = self.chain.split_last() else {
            return Vec::new();
        };
        let handed = |scope: &&String| earlier.iter().all(|step| step.scopes.contains(scope));
        last.scopes.iter().filter(handed).cloned().collect()
    }
}

/// Reads a token that was sent for an organisation.
///
/// # Errors
/// [`TokenRefusal`].
pub fn verify(
    token: &str,
    keys: &dyn SigningKeys,
    org: Uuid,
    now_ms: i64,
) -> Result<DelegationClaims, TokenRefusal> {
    let key = keys
        .signing_key(&key_id(token)?, now_ms)
        .ok_or(TokenRefusal::UnknownKey)?;
    let claims: DelegationClaims = key.verify(token)?;
    if claims.aud != AUDIENCE || claims.org != org {
        return Err(TokenRefusal::Meant);
    }
    if !in_time(claims.nbf, claims.exp, now_ms) {
        return Err(TokenRefusal::Time);
    }
    let own = claims.chain.last().map(|step| step.id);
    if claims.chain.len() > STEPS || own != Some(claims.jti) {
        return Err(TokenRefusal::Malformed);
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent_token::tests::{One, key};

    const NOW: i64 = 1_800_000_000_000;
    const ORG: Uuid = Uuid::from_u128(1);
    const TO: Uuid = Uuid::from_u128(2);

    fn step(id: u128, scopes: &[&str]) -> Step {
        Step {
            id: Uuid::from_u128(id),
            agent: Uuid::from_u128(id + 100),
            name: format!("agent {id}"),
            scopes: scopes.iter().map(ToString::to_string).collect(),
        }
    }

    fn claims() -> DelegationClaims {
        let chain = vec![step(5, &["read", "write"]), step(6, &["write", "pay"])];
        DelegationClaims::new("writ", (ORG, TO), chain, NOW / 1_000 + 60, NOW)
    }

    fn check(token: &str, org: Uuid, now_ms: i64) -> Result<DelegationClaims, TokenRefusal> {
        verify(token, &One(key(1)), org, now_ms)
    }

    #[test]
    fn a_token_is_believed_in_its_organisation_until_it_ends() {
        let token = claims().sign(&key(1)).unwrap();
        assert_eq!(check(&token, ORG, NOW), Ok(claims()));
        assert_eq!(check(&token, TO, NOW), Err(TokenRefusal::Meant));
        let late = check(&token, ORG, NOW + 91_000);
        assert_eq!(late, Err(TokenRefusal::Time));
    }

    #[test]
    fn another_kind_of_token_of_the_same_key_is_none() {
        let mut other = claims();
        other.aud = "writ:agent-credential".into();
        let token = other.sign(&key(1)).unwrap();
        assert_eq!(check(&token, ORG, NOW), Err(TokenRefusal::Meant));
        let foreign = claims().sign(&key(2)).unwrap();
        assert_eq!(check(&foreign, ORG, NOW), Err(TokenRefusal::UnknownKey));
    }

    #[test]
    fn no_step_widens_what_the_one_before_handed_on() {
        assert_eq!(claims().scopes(), ["write"]);
        let one = DelegationClaims::new("writ", (ORG, TO), vec![step(1, &["a"])], 1, 0);
        assert_eq!(one.scopes(), ["a"]);
        let none = DelegationClaims::new("writ", (ORG, TO), Vec::new(), 1, 0);
        assert!(none.scopes().is_empty());
    }
}
