//! What the prerequisites of a policy may be: policies that are there, and no circle. Functions of
//! values; whoever reads the values holds back other writers meanwhile.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;
use writ_contract::PolicyId;

use super::domain::Policy;
use crate::error::Refusal;

/// A policy as chains see it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Link {
    pub(super) policy_id: Uuid,
    pub(super) name: String,
    pub(super) prerequisites: Vec<Uuid>,
}

/// Whether `policy` may wait for what it names. `links` are the policies that are there, at least
/// those it names and those that wait for others; what they say of `policy` itself does not count.
pub(super) fn check(policy: &Policy, links: &[Link]) -> Result<(), Refusal> {
    let links: HashMap<Uuid, &Link> = links.iter().map(|link| (link.policy_id, link)).collect();
    let wanted = policy.prerequisites.iter();
    let missing = wanted.filter(|id| **id != policy.id && !links.contains_key(id));
    let problems: Vec<String> = missing
        .map(|id| format!("prerequisites: policy {} does not exist", PolicyId(*id)))
        .collect();
    if !problems.is_empty() {
        return Err(Refusal::Invalid(problems));
    }
    match circle(policy, &links) {
        Some(names) => Err(Refusal::PolicyCircle(names)),
        None => Ok(()),
    }
}

/// Names from the policy through its prerequisites back to itself.
fn circle(policy: &Policy, links: &HashMap<Uuid, &Link>) -> Option<Vec<String>> {
    // Where each policy was reached from, so that the way back can be named.
    let mut reached: HashMap<Uuid, Uuid> = HashMap::new();
    let mut seen = HashSet::from([policy.id]);
    let mut open = vec![policy.id];
    while let Some(at) = open.pop() {
        let next = match links.get(&at) {
            _ if at == policy.id => policy.prerequisites.as_slice(),
            Some(link) => link.prerequisites.as_slice(),
            None => continue,
        };
        for id in next {
            if *id == policy.id {
                return Some(names(policy, at, &reached, links));
            }
            if seen.insert(*id) {
                reached.insert(*id, at);
                open.push(*id);
            }
        }
    }
    None
}

fn names(
    policy: &Policy,
    last: Uuid,
    reached: &HashMap<Uuid, Uuid>,
    links: &HashMap<Uuid, &Link>,
) -> Vec<String> {
    let mut names = vec![policy.name.clone()];
    let mut at = last;
    while at != policy.id {
        names.extend(links.get(&at).map(|link| link.name.clone()));
        match reached.get(&at) {
            Some(before) => at = *before,
            None => break,
        }
    }
    names.push(policy.name.clone());
    names.reverse();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(id: u128, prerequisites: &[u128]) -> Link {
        Link {
            policy_id: Uuid::from_u128(id),
            name: format!("p{id}"),
            prerequisites: prerequisites.iter().copied().map(Uuid::from_u128).collect(),
        }
    }

    fn check(id: u128, prerequisites: &[u128], others: &[Link]) -> Result<(), Refusal> {
        let policy = Policy {
            id: Uuid::from_u128(id),
            name: format!("p{id}"),
            prerequisites: prerequisites.iter().copied().map(Uuid::from_u128).collect(),
            ..Policy::blank(chrono::DateTime::UNIX_EPOCH)
        };
        super::check(&policy, others)
    }

    fn circle(names: &[&str]) -> Result<(), Refusal> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Err(Refusal::PolicyCircle(names))
    }

    #[test]
    fn a_circle_is_named_in_the_order_of_waiting() {
        let others = [link(2, &[3]), link(3, &[1]), link(4, &[])];
        assert_eq!(
            check(1, &[4, 2], &others),
            circle(&["p1", "p2", "p3", "p1"])
        );
        assert_eq!(check(1, &[1], &[]), circle(&["p1", "p1"]));
    }

    #[test]
    fn what_was_stored_of_the_policy_itself_does_not_count() {
        let others = [link(1, &[2]), link(2, &[]), link(3, &[1])];
        assert_eq!(check(1, &[], &others), Ok(()));
        assert_eq!(check(2, &[3], &others), circle(&["p2", "p3", "p1", "p2"]));
    }

    #[test]
    fn two_ways_to_one_policy_are_no_circle() {
        let others = [link(2, &[4]), link(3, &[4]), link(4, &[])];
        assert_eq!(check(1, &[2, 3], &others), Ok(()));
    }

    #[test]
    fn a_policy_that_is_not_there_cannot_be_waited_for() {
        let Err(Refusal::Invalid(problems)) = check(1, &[2, 5], &[link(2, &[])]) else {
            panic!("refused");
        };
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains(&PolicyId(Uuid::from_u128(5)).to_string()));
    }
}
