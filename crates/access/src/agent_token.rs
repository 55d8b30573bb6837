//! Agent credentials: short-lived tokens with which an agent proves who it is, `exe_agt_` and a JWT.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::jwt::{InvalidKey, SigningKey, TokenRefusal, VerifyingKey, in_time, key_id};

/// What a credential begins with.
pub const PREFIX: &str = "exe_agt_";
/// How long one lives, in seconds.
pub const LIFE_S: i64 = 15 * 60;
/// The audience that keeps credentials apart from other tokens of the same keys.
const AUDIENCE: &str = "writ:agent-credential";

/// Where the public keys of this deployment are found: in memory, fed by facts.
pub trait SigningKeys: Send + Sync {
    /// The key of this id, while what it signs is believed.
    fn signing_key(&self, kid: &str, now_ms: i64) -> Option<Arc<VerifyingKey>>;
}

/// What a credential says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentClaims {
    /// Who made it.
    pub iss: String,
    aud: String,
    /// The agent's UUID.
    pub sub: Uuid,
    /// Its organisation.
    pub org: Uuid,
    /// The id the application chose.
    pub agent: String,
    /// Where it is registered.
    pub env: String,
    iat: i64,
    nbf: i64,
    /// Unix seconds.
    pub exp: i64,
    /// Of this credential alone.
    pub jti: Uuid,
}

/// Whose credential is made.
#[derive(Debug, Clone, Copy)]
pub struct Agent<'a> {
    /// Its organisation.
    pub org: Uuid,
    /// Its UUID.
    pub id: Uuid,
    /// The id the application chose.
    pub external_id: &'a str,
    /// Where it is registered.
    pub environment: &'a str,
}

impl AgentClaims {
    /// A credential's claims, good for [`LIFE_S`] from `now_ms`.
    #[must_use]
    pub fn new(issuer: &str, agent: Agent<'_>, id: Uuid, now_ms: i64) -> Self {
        let now = now_ms.div_euclid(1_000);
        Self {
            iss: issuer.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: agent.id,
            org: agent.org,
            agent: agent.external_id.to_owned(),
            env: agent.environment.to_owned(),
            iat: now,
            nbf: now,
            exp: now + LIFE_S,
            jti: id,
        }
    }

    /// The credential's text.
    ///
    /// # Errors
    /// [`InvalidKey`] when the key cannot sign.
    pub fn sign(&self, key: &SigningKey) -> Result<String, InvalidKey> {
        Ok(format!("{PREFIX}{}", key.sign(self)?))
    }
}

/// Reads a credential: its signature holds and its time has come.
///
/// # Errors
/// [`TokenRefusal`]; [`TokenRefusal::Time`] alone says that it was a true one.
pub fn verify(
    credential: &str,
    keys: &dyn SigningKeys,
    now_ms: i64,
) -> Result<AgentClaims, TokenRefusal> {
    let token = credential
        .strip_prefix(PREFIX)
        .ok_or(TokenRefusal::Malformed)?;
    let key = keys
        .signing_key(&key_id(token)?, now_ms)
        .ok_or(TokenRefusal::UnknownKey)?;
    let claims: AgentClaims = key.verify(token)?;
    if claims.aud != AUDIENCE {
        return Err(TokenRefusal::Meant);
    }
    if !in_time(claims.nbf, claims.exp, now_ms) {
        return Err(TokenRefusal::Time);
    }
    Ok(claims)
}

/// How far an agent's identity is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// It proved that it is this agent.
    Verified,
    /// It proved nothing: its credential is too old, or the keys are not known yet.
    Unverified,
    /// It showed a credential that nobody here made, or another agent's.
    Forged,
}

impl Identity {
    /// The word on traces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Unverified => "unverified",
            Self::Forged => "forged",
        }
    }
}

/// What a credential proves of an agent, in the organisation it was sent for.
#[must_use]
pub fn identify(
    credential: &str,
    keys: &dyn SigningKeys,
    org: Uuid,
    agent: Option<Uuid>,
    now_ms: i64,
) -> Identity {
    match verify(credential, keys, now_ms) {
        Ok(claims) if claims.org == org && Some(claims.sub) == agent => Identity::Verified,
        Err(TokenRefusal::Time) => Identity::Unverified,
        Ok(_)
        | Err(
            TokenRefusal::Malformed
            | TokenRefusal::UnknownKey
            | TokenRefusal::Signature
            | TokenRefusal::Meant,
        ) => Identity::Forged,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::jwt::Algorithm;

    const NOW: i64 = 1_800_000_000_000;

    /// One key.
    pub(crate) struct One(pub(crate) SigningKey);

    impl SigningKeys for One {
        fn signing_key(&self, kid: &str, _: i64) -> Option<Arc<VerifyingKey>> {
            let jwk = self.0.jwk().to_string();
            let key = VerifyingKey::from_jwk(&jwk, Algorithm::EdDsa).unwrap();
            (kid == self.0.kid()).then(|| Arc::new(key))
        }
    }

    pub(crate) fn key(seed: u8) -> SigningKey {
        SigningKey::ed25519(&[seed; 32]).unwrap()
    }

    const ORG: Uuid = Uuid::from_u128(1);
    const AGENT: Uuid = Uuid::from_u128(2);

    fn credential(key: &SigningKey) -> String {
        let agent = Agent {
            org: ORG,
            id: AGENT,
            external_id: "bot",
            environment: "production",
        };
        let claims = AgentClaims::new("writ", agent, Uuid::from_u128(3), NOW);
        claims.sign(key).unwrap()
    }

    fn seen(text: &str, org: Uuid, agent: Option<Uuid>, after_s: i64) -> Identity {
        identify(text, &One(key(1)), org, agent, NOW + after_s * 1_000)
    }

    #[test]
    fn a_credential_proves_its_own_agent_for_a_quarter_of_an_hour() {
        let text = credential(&key(1));
        assert!(text.starts_with("exe_agt_ey"));
        assert_eq!(seen(&text, ORG, Some(AGENT), 0), Identity::Verified);
        assert_eq!(seen(&text, ORG, Some(AGENT), 899), Identity::Verified);
        assert_eq!(seen(&text, ORG, Some(AGENT), 931), Identity::Unverified);
    }

    #[test]
    fn anothers_credential_and_one_nobody_made_are_forged() {
        let text = credential(&key(1));
        let other = Uuid::from_u128(9);
        assert_eq!(seen(&text, other, Some(AGENT), 0), Identity::Forged);
        assert_eq!(seen(&text, ORG, Some(other), 0), Identity::Forged);
        assert_eq!(seen(&text, ORG, None, 0), Identity::Forged);
        let foreign = credential(&key(2));
        assert_eq!(seen(&foreign, ORG, Some(AGENT), 0), Identity::Forged);
        for nonsense in ["", "exe_agt_", "exe_agt_a.b.c", text.get(8..).unwrap()] {
            assert_eq!(seen(nonsense, ORG, Some(AGENT), 0), Identity::Forged);
        }
    }
}
