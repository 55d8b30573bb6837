//! A compiled, immutable set of policies.

mod chain;
mod hash;
mod index;
pub(crate) mod patterns;
pub(crate) mod words;

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::model::Policy;
use crate::request::Request;
use crate::rule::{Broken, Rule};
pub(crate) use index::Scopes;
use index::{Index, Key};
use patterns::PatternGroup;
use words::WordGroup;

/// Policies compiled once, indexed by whom they apply to, safe to share between threads.
#[derive(Debug)]
pub struct PolicySet {
    entries: Vec<Entry>,
    groups: Vec<Group>,
    index: Index,
    hash: [u8; 32],
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) policy: Policy,
    pub(crate) rule: Box<dyn Rule>,
    /// Positions of its prerequisites: always smaller than its own.
    pub(crate) after: Vec<usize>,
}

/// What the policies of one scope want found in texts, all of them at once.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) patterns: PatternGroup,
    pub(crate) words: WordGroup,
}

impl Default for PolicySet {
    fn default() -> Self {
        Self::compile(Vec::new())
    }
}

impl PolicySet {
    /// Compiles policies; never fails as a whole.
    ///
    /// A policy that cannot be compiled stays in the set and fails at every evaluation, which its
    /// `onError` turns into a denial or a recorded warning; so do policies that wait for each other
    /// in a circle. Inactive policies only count in the hash. Of two policies with the same id the
    /// one with the higher version counts.
    #[must_use]
    pub fn compile(mut policies: Vec<Policy>) -> Self {
        policies.sort_by_key(|p| (p.id, std::cmp::Reverse(p.version)));
        policies.dedup_by_key(|p| p.id);
        let hash = hash::of(&policies);
        policies.retain(|p| p.is_active);
        policies.sort_by_key(|p| (p.evaluation_order, p.id));
        let mut entries: Vec<Entry> = policies.into_iter().map(Entry::compile).collect();
        entries = chain::in_order(entries);
        let mut set = Self {
            entries,
            groups: Vec::new(),
            index: Index::default(),
            hash,
        };
        set.index();
        set
    }

    /// SHA-256 over the contents; the order in which policies were given does not count.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Number of active policies.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no policy is active.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where the policies and patterns for a request are found.
    pub(crate) fn scopes(&self, request: &Request) -> Scopes<'_> {
        self.index.scopes(request)
    }

    /// The policies that apply to a request with their positions, in the order of judging.
    pub(crate) fn in_scope<'a>(
        &'a self,
        scopes: &Scopes<'_>,
        request: &Request,
    ) -> impl Iterator<Item = (usize, &'a Entry)> {
        let positions = scopes.entries().into_iter();
        let entries = positions.filter_map(|i| self.entries.get(i).map(|entry| (i, entry)));
        entries.filter(|(_, entry)| index::selected(&entry.policy, request))
    }

    /// What the policies that may apply to a request want found.
    pub(crate) fn groups(&self, scopes: &Scopes<'_>) -> impl Iterator<Item = &Group> {
        let indexes = scopes.groups().into_iter();
        indexes.filter_map(|i| self.groups.get(i))
    }

    /// Sorts entries, patterns and words by whom they apply to: policies found under one and the
    /// same keys share one group.
    fn index(&mut self) {
        let mut next_id = 0_u32;
        let mut groups: BTreeMap<Vec<Key>, (Group, Vec<usize>)> = BTreeMap::new();
        for (position, entry) in self.entries.iter_mut().enumerate() {
            let keys = index::keys(&entry.policy);
            self.index.add_entry(&keys, position);
            let (patterns, words) = (entry.rule.take_patterns(), entry.rule.take_words());
            if patterns.is_empty() && words.is_empty() {
                continue;
            }
            let (group, members) = groups.entry(keys).or_default();
            members.push(position);
            let first = next_id;
            for pattern in patterns {
                group.patterns.add(next_id, pattern);
                next_id = next_id.saturating_add(1);
            }
            entry.rule.set_pattern_ids(first..next_id);
            let first = next_id;
            for word in words {
                group.words.add(next_id, word);
                next_id = next_id.saturating_add(1);
            }
            entry.rule.set_word_ids(first..next_id);
        }
        for (keys, (mut group, members)) in groups {
            let (lost, built) = (group.patterns.build(), group.words.build());
            if !lost.is_empty() || !built {
                self.break_rules(&members);
            }
            self.index.add_group(&keys, self.groups.len());
            self.groups.push(group);
        }
    }

    /// A pattern that passed alone but cannot be joined must not silently never match.
    fn break_rules(&mut self, positions: &[usize]) {
        for position in positions {
            if let Some(entry) = self.entries.get_mut(*position) {
                entry.rule = Box::new(Broken(
                    "its patterns or words cannot be combined".to_owned(),
                ));
            }
        }
    }
}

impl Entry {
    pub(crate) fn compile(policy: Policy) -> Self {
        let compiled = policy.policy_type.compile(&policy.rule_definition);
        let rule = compiled.unwrap_or_else(|problems| {
            let first = problems.first().map(ToString::to_string);
            Box::new(Broken(first.unwrap_or_default()))
        });
        Self {
            policy,
            rule,
            after: Vec::new(),
        }
    }
}

/// The agents a policy names, each once.
fn agents_of(policy: &Policy) -> Vec<Uuid> {
    let mut agents = policy.applies_to_agents.clone();
    agents.sort_unstable();
    agents.dedup();
    agents
}
