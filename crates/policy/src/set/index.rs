//! Finds the policies of a request without looking at the others. Each policy stands under its
//! most telling condition; what else it asks for is checked when it is found.

use std::collections::HashMap;

use uuid::Uuid;

use crate::model::Policy;
use crate::request::Request;

/// A condition that policies are found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Key {
    Everyone,
    Agent(Uuid),
    Tag(String),
    User(String),
    Environment(String),
    Tier(String),
}

/// Positions of entries and pattern groups, ascending.
#[derive(Debug, Default)]
struct Scope {
    entries: Vec<usize>,
    groups: Vec<usize>,
}

/// Policies by condition.
#[derive(Debug, Default)]
pub(super) struct Index {
    scopes: HashMap<Key, Scope>,
    /// Whether any policy stands under a key that takes a text to look up.
    by_words: bool,
}

/// The conditions a request fulfils.
#[derive(Debug)]
pub(crate) struct Scopes<'a>(Vec<&'a Scope>);

/// The conditions a policy is found by; it is in scope when one of them is fulfilled and
/// [`selected`] agrees.
pub(super) fn keys(policy: &Policy) -> Vec<Key> {
    let agents = super::agents_of(policy);
    let selectors = &policy.selectors;
    let mut keys: Vec<Key> = if !agents.is_empty() {
        agents.into_iter().map(Key::Agent).collect()
    } else if !selectors.tags.is_empty() {
        selectors.tags.iter().cloned().map(Key::Tag).collect()
    } else if !selectors.users.is_empty() {
        let users = selectors.users.iter();
        users.map(|user| Key::User(user.to_lowercase())).collect()
    } else if !selectors.environments.is_empty() {
        let environments = selectors.environments.iter().cloned();
        environments.map(Key::Environment).collect()
    } else if !selectors.tiers.is_empty() {
        let tiers = selectors.tiers.iter();
        tiers.map(|tier| Key::Tier(tier.to_string())).collect()
    } else {
        vec![Key::Everyone]
    };
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Whether a policy's selectors fit a request. Users are compared without case: a policy that
/// applies once too often is the safe side.
pub(super) fn selected(policy: &Policy, request: &Request) -> bool {
    let selectors = &policy.selectors;
    let agents = &policy.applies_to_agents;
    (agents.is_empty() || agents.contains(&request.agent.id))
        && (selectors.tags.is_empty()
            || selectors
                .tags
                .iter()
                .any(|tag| request.agent.tags.contains(tag)))
        && (selectors.environments.is_empty()
            || selectors
                .environments
                .iter()
                .any(|name| name == request.environment()))
        && (selectors.tiers.is_empty()
            || request
                .tier
                .is_some_and(|tier| selectors.tiers.contains(&tier)))
        && (selectors.users.is_empty()
            || selectors.users.iter().any(|user| {
                let user = user.to_lowercase();
                names_of(request).any(|name| name == user)
            }))
}

/// What the person behind a request may be listed as, in lower case.
fn names_of(request: &Request) -> impl Iterator<Item = String> {
    let person = request.on_behalf_of.iter();
    let names = person.flat_map(|person| [&person.user_id, &person.email]);
    names
        .filter(|name| !name.is_empty())
        .map(|name| name.to_lowercase())
}

impl Index {
    pub(super) fn add_entry(&mut self, keys: &[Key], position: usize) {
        for key in keys {
            self.by_words |= !matches!(key, Key::Everyone | Key::Agent(_));
            let scope = self.scopes.entry(key.clone()).or_default();
            scope.entries.push(position);
        }
    }

    pub(super) fn add_group(&mut self, keys: &[Key], group: usize) {
        for key in keys {
            let scope = self.scopes.entry(key.clone()).or_default();
            scope.groups.push(group);
        }
    }

    pub(super) fn scopes(&self, request: &Request) -> Scopes<'_> {
        let mut keys = vec![Key::Everyone, Key::Agent(request.agent.id)];
        if self.by_words {
            keys.extend(request.agent.tags.iter().cloned().map(Key::Tag));
            keys.extend(names_of(request).map(Key::User));
            keys.push(Key::Environment(request.environment().to_owned()));
            keys.extend(request.tier.map(|tier| Key::Tier(tier.to_string())));
        }
        let found = keys.iter().filter_map(|key| self.scopes.get(key));
        Scopes(found.collect())
    }
}

impl Scopes<'_> {
    /// Positions of entries, ascending, each once.
    pub(super) fn entries(&self) -> Vec<usize> {
        merged(self.0.iter().map(|scope| scope.entries.as_slice()))
    }

    /// Positions of pattern groups, ascending, each once.
    pub(super) fn groups(&self) -> Vec<usize> {
        merged(self.0.iter().map(|scope| scope.groups.as_slice()))
    }
}

fn merged<'a>(lists: impl Iterator<Item = &'a [usize]>) -> Vec<usize> {
    let mut all: Vec<usize> = lists.flatten().copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}
