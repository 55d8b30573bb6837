//! Who is behind an act, as a fact says it: agents by their ids, a person as a keyed digest.

use writ_contract::digest::OrgDigestKey;
use writ_contract::{DecisionId, wire};
use writ_policy::{Delegation, Request};

use super::cut;

/// Agents of a chain that are kept.
const HOPS: usize = 16;

/// The person the act is for.
pub(super) fn user(request: &Request, key: &OrgDigestKey) -> Option<wire::User> {
    let person = request.person();
    (!person.is_empty()).then(|| wire::User {
        digest: key.user(person).to_vec(),
        verified: request.on_behalf_of.as_ref().is_some_and(|p| p.verified),
    })
}

/// How the act came down.
pub(super) fn delegation(delegation: &Delegation) -> wire::Delegation {
    let chain = delegation.chain.iter().take(HOPS);
    let parent = delegation.parent_decision_id.parse::<DecisionId>();
    wire::Delegation {
        chain: chain.map(|hop| cut(&hop.agent_id)).collect(),
        depth: u32::try_from(delegation.chain.len()).unwrap_or(u32::MAX),
        parent_decision_id: parent.map(DecisionId::to_bytes).unwrap_or_default(),
        verified: delegation.verified,
    }
}

/// Whom the agent stands for: the agents it was handed the act by, the last one first, then the
/// person the act is for, then the person behind the key.
pub(super) fn nearest_first(
    request: &Request,
    key: &OrgDigestKey,
    owner: Option<&str>,
) -> Vec<String> {
    let chain = request.delegation.iter().flat_map(|d| d.chain.iter().rev());
    let agents = chain
        .take(HOPS)
        .map(|hop| format!("agent:{}", cut(&hop.agent_id)));
    let user = user(request, key).map(|user| format!("user:{}", hex::encode(user.digest)));
    agents.chain(user).chain(owner.map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use writ_contract::OrgId;
    use writ_contract::digest::DigestKey;
    use writ_policy::{Hop, OnBehalfOf};

    use super::*;

    fn key(org: u128) -> OrgDigestKey {
        DigestKey::new([7; 32]).for_org(OrgId(Uuid::from_u128(org)))
    }

    fn request() -> Request {
        let hop = |id: &str| Hop {
            agent_id: id.to_owned(),
            scopes: None,
        };
        Request {
            on_behalf_of: Some(OnBehalfOf {
                email: "p@x.org".into(),
                ..OnBehalfOf::default()
            }),
            delegation: Some(Delegation {
                chain: vec![hop("planner"), hop("worker")],
                ..Delegation::default()
            }),
            ..Request::default()
        }
    }

    #[test]
    fn a_person_is_a_digest_that_differs_between_organisations_and_from_an_input() {
        let request = request();
        let of = |org| user(&request, &key(org)).unwrap().digest;
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        assert_ne!(of(1), key(1).digest(b"p@x.org"));
        assert_eq!(user(&Request::default(), &key(1)), None);
    }

    #[test]
    fn an_agent_stands_for_the_last_delegator_first_and_no_name_is_told() {
        let all = nearest_first(&request(), &key(1), Some("per_1"));
        assert_eq!(all.len(), 4);
        assert_eq!(all[..2], ["agent:worker", "agent:planner"]);
        assert!(all[2].starts_with("user:") && !all[2].contains("p@x.org"));
        assert_eq!(all[3], "per_1");
    }

    #[test]
    fn of_a_long_chain_the_first_agents_and_the_depth_are_kept() {
        let mut long = request().delegation.unwrap();
        long.chain = vec![long.chain[0].clone(); 40];
        long.parent_decision_id = DecisionId(Uuid::from_u128(3)).to_string();
        let kept = delegation(&long);
        assert_eq!((kept.chain.len(), kept.depth), (HOPS, 40));
        assert_eq!(kept.parent_decision_id, Uuid::from_u128(3).as_bytes());
    }
}
