//! What a delegation token proves about an act.

use std::collections::HashMap;

use writ_access::delegation::DelegationClaims;
use writ_access::issuer::User;
use writ_access::jwt::TokenRefusal;
use writ_contract::{AgentId, DelegationId};
use writ_policy::{Delegation, Hop, OnBehalfOf, Request};

use super::Refusal;

/// What a request showed beside what it says.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Proof {
    /// Nothing.
    #[default]
    None,
    /// A token whose signature and time hold.
    Delegated(Box<DelegationClaims>),
    /// A token that is not believed.
    Refused(TokenRefusal),
    /// The token of a person that is not believed.
    NotThePerson(TokenRefusal),
}

/// A delegation as control states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stated {
    /// Of its fact.
    pub version: u64,
    /// It holds no more.
    pub revoked: bool,
}

/// The delegations of an organisation.
pub type Delegations = HashMap<DelegationId, Stated>;

/// Whether an agent may act under what the request showed.
///
/// # Errors
/// [`Refusal::NotDelegated`], [`Refusal::NotThePerson`]: a token that is shown and does not hold refuses the act.
pub(super) fn holds(proof: &Proof, agent: AgentId, known: &Delegations) -> Result<(), Refusal> {
    let claims = match proof {
        Proof::None => return Ok(()),
        Proof::NotThePerson(why) => return Err(Refusal::NotThePerson(why.to_string())),
        Proof::Refused(why) => return Err(Refusal::NotDelegated(why.to_string())),
        Proof::Delegated(claims) => claims,
    };
    let no = |why: &str| Err(Refusal::NotDelegated(why.to_owned()));
    if claims.sub != agent.0 {
        return no("it was given to another agent");
    }
    for step in &claims.chain {
        match known.get(&DelegationId(step.id)) {
            Some(stated) if !stated.revoked => {}
            Some(_) => return no("it, or one it was made from, was revoked"),
            None => return no("it is not known here yet, try again"),
        }
    }
    Ok(())
}

/// Puts what a token proves into the request. What the client says itself may only narrow it.
pub fn prove(request: &mut Request, claims: &DelegationClaims) {
    let said = request.delegation.take().unwrap_or_default();
    let mut scopes = claims.scopes();
    let narrower = said.chain.iter().filter_map(|hop| hop.scopes.as_ref());
    for narrower in narrower.chain(&said.scopes) {
        scopes.retain(|scope| narrower.contains(scope));
    }
    let chain = claims.chain.iter().map(|step| Hop {
        agent_id: step.name.clone(),
        scopes: Some(step.scopes.clone()),
    });
    request.delegation = Some(Delegation {
        chain: chain.collect(),
        parent_decision_id: said.parent_decision_id,
        scopes: Some(scopes),
        verified: true,
    });
}

/// Puts the person that a token proves into the request. What the client says itself may only
/// narrow what that person may do.
pub fn prove_person(request: &mut Request, user: User) {
    let said = request.on_behalf_of.take().and_then(|person| person.scopes);
    let scopes = match (user.scopes, said) {
        (Some(mut proven), Some(said)) => {
            proven.retain(|scope| said.contains(scope));
            Some(proven)
        }
        (proven, said) => proven.or(said),
    };
    request.on_behalf_of = Some(OnBehalfOf {
        user_id: user.subject,
        email: user.email.unwrap_or_default(),
        roles: user.roles,
        scopes,
        verified: true,
    });
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use writ_access::delegation::Step;

    use super::*;

    const TO: AgentId = AgentId(Uuid::from_u128(2));

    fn claims() -> DelegationClaims {
        let step = |id: u128, scopes: &[&str]| Step {
            id: Uuid::from_u128(id),
            agent: Uuid::from_u128(id),
            name: format!("agent-{id}"),
            scopes: scopes.iter().map(ToString::to_string).collect(),
        };
        let chain = vec![step(7, &["read", "write"]), step(8, &["read"])];
        DelegationClaims::new("writ", (Uuid::nil(), TO.0), chain, 100, 0)
    }

    fn known(revoked: &[u128]) -> Delegations {
        let stated = |id: u128| Stated {
            version: 1,
            revoked: revoked.contains(&id),
        };
        let ids = [7, 8].map(|id| (DelegationId(Uuid::from_u128(id)), stated(id)));
        ids.into()
    }

    #[test]
    fn a_token_holds_for_its_agent_while_no_step_is_revoked() {
        let proof = Proof::Delegated(Box::new(claims()));
        assert_eq!(holds(&proof, TO, &known(&[])), Ok(()));
        let other = AgentId(Uuid::from_u128(9));
        assert!(holds(&proof, other, &known(&[])).is_err());
        for step in [7, 8] {
            assert!(holds(&proof, TO, &known(&[step])).is_err());
        }
        assert!(holds(&proof, TO, &Delegations::new()).is_err());
        let bad = Proof::Refused(TokenRefusal::Signature);
        assert!(holds(&bad, TO, &known(&[])).is_err());
        assert_eq!(holds(&Proof::None, TO, &known(&[])), Ok(()));
    }

    #[test]
    fn a_proven_chain_takes_the_place_of_what_was_said_which_may_only_narrow() {
        let mut request = Request::default();
        prove(&mut request, &claims());
        let proven = request.delegation.clone().unwrap();
        assert!(proven.verified);
        assert_eq!(proven.scopes, Some(vec!["read".to_owned()]));
        assert_eq!(proven.chain[0].agent_id, "agent-7");
        request.delegation = Some(Delegation {
            scopes: Some(vec!["write".into(), "admin".into()]),
            parent_decision_id: "dec_1".into(),
            ..Delegation::default()
        });
        prove(&mut request, &claims());
        let proven = request.delegation.unwrap();
        assert_eq!(
            (proven.scopes, proven.parent_decision_id),
            (Some(vec![]), "dec_1".into())
        );
    }

    #[test]
    fn what_a_client_says_of_a_proven_person_only_narrows() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let prove = |proven: Option<&[&str]>, said: Option<&[&str]>| {
            let mut request = Request {
                on_behalf_of: Some(OnBehalfOf {
                    user_id: "boss".into(),
                    roles: words(&["boss"]),
                    scopes: said.map(words),
                    ..OnBehalfOf::default()
                }),
                ..Request::default()
            };
            let user = User {
                subject: "u1".into(),
                email: None,
                roles: words(&["clerk"]),
                scopes: proven.map(words),
                session: String::new(),
                believed_until_ms: 0,
            };
            prove_person(&mut request, user);
            let person = request.on_behalf_of.unwrap();
            assert!(person.verified && person.user_id == "u1" && person.roles == ["clerk"]);
            person.scopes
        };
        assert_eq!(
            prove(Some(&["a", "b"]), Some(&["b", "c"])),
            Some(words(&["b"]))
        );
        assert_eq!(prove(Some(&["a"]), None), Some(words(&["a"])));
        assert_eq!(prove(None, Some(&["b"])), Some(words(&["b"])));
        assert_eq!(prove(None, None), None);
    }
}
