//! What a request shows beside what it says, checked offline before it is judged.

use serde_json::Value;
use writ_access::issuer::{User, claimed_issuer};
use writ_access::jwt::TokenRefusal;
use writ_access::{Caller, delegation};

use super::Enforcer;
use crate::domain::{Ask, Proof, prove, prove_person};

/// Tokens as an edge received them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tokens<'a> {
    /// Of a delegation to the agent.
    pub delegation: Option<&'a str>,
    /// Of the person the act is for.
    pub person: Option<&'a str>,
}

impl Enforcer {
    /// Takes tokens into account: what they prove takes the place of what the request says. One that
    /// is not believed refuses the act when it is judged, so that it is recorded. The policies and
    /// whoever they ask do not see the tokens themselves.
    pub fn show(&self, caller: &Caller, ask: &mut Ask, tokens: Tokens<'_>) {
        let mut said = |name| ask.request.metadata.as_mut().and_then(|it| taken(it, name));
        let delegation = chosen(tokens.delegation, said("delegationToken"));
        let person = chosen(tokens.person, said("userToken"));
        let now_ms = self.clock.now_ms();
        if let Some(token) = delegation {
            let org = caller.org_id();
            ask.proof = match delegation::verify(&token, &*self.keys, org, now_ms) {
                Ok(claims) => {
                    prove(&mut ask.request, &claims);
                    Proof::Delegated(Box::new(claims))
                }
                Err(why) => Proof::Refused(why),
            };
        }
        match person.map(|token| self.person(caller, &token, now_ms)) {
            None => {}
            Some(Ok(user)) => prove_person(&mut ask.request, user),
            Some(Err(why)) => ask.proof = Proof::NotThePerson(why),
        }
    }

    fn person(&self, caller: &Caller, token: &str, now_ms: i64) -> Result<User, TokenRefusal> {
        let issuer = self
            .keys
            .issuer_of(caller.org_id(), &claimed_issuer(token)?);
        issuer
            .ok_or(TokenRefusal::UnknownKey)?
            .verify(token, now_ms)
    }
}

/// The token that was sent beside the request, else the one within it. What is no text is no token,
/// and is refused as one.
fn chosen(beside: Option<&str>, within: Option<Value>) -> Option<String> {
    let within = within.map(|value| value.as_str().unwrap_or("?").to_owned());
    let token = beside.map(ToOwned::to_owned).or(within)?;
    let token = token.trim();
    (!token.is_empty()).then(|| token.to_owned())
}

/// Where a client puts it that can send nothing but metadata.
fn taken(metadata: &mut Value, name: &str) -> Option<Value> {
    let said = metadata.as_object_mut()?.remove(name)?;
    (!said.is_null()).then_some(said)
}
