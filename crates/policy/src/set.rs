//! A compiled, immutable set of policies.

mod hash;
pub(crate) mod patterns;

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use crate::model::Policy;
use crate::rule::{self, Rule};
use patterns::PatternGroup;

/// Policies compiled once, indexed by agent, safe to share between threads.
#[derive(Debug)]
pub struct PolicySet {
    entries: Vec<Entry>,
    groups: Vec<PatternGroup>,
    everyone: Scope,
    by_agent: HashMap<Uuid, Scope>,
    hash: [u8; 32],
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) policy: Policy,
    pub(crate) rule: Rule,
}

/// Positions of entries and pattern groups, ascending.
#[derive(Debug, Default)]
struct Scope {
    entries: Vec<usize>,
    groups: Vec<usize>,
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
    /// `onError` turns into a denial or a recorded warning. Inactive policies only count in the
    /// hash. Of two policies with the same id the one with the higher version counts.
    #[must_use]
    pub fn compile(mut policies: Vec<Policy>) -> Self {
        policies.sort_by_key(|p| (p.id, std::cmp::Reverse(p.version)));
        policies.dedup_by_key(|p| p.id);
        let hash = hash::of(&policies);
        policies.retain(|p| p.is_active);
        policies.sort_by_key(|p| (p.evaluation_order, p.id));
        let entries = policies.into_iter().map(Entry::compile).collect();
        let mut set = Self {
            entries,
            groups: Vec::new(),
            everyone: Scope::default(),
            by_agent: HashMap::new(),
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

    /// The policies that apply to an agent, in evaluation order.
    pub(crate) fn in_scope(&self, agent: Uuid) -> impl Iterator<Item = &Entry> {
        let own = self
            .by_agent
            .get(&agent)
            .map_or(&[][..], |scope| &scope.entries);
        Merge {
            left: &self.everyone.entries,
            right: own,
        }
        .filter_map(|i| self.entries.get(i))
    }

    /// The pattern groups of the policies that apply to an agent.
    pub(crate) fn pattern_groups(&self, agent: Uuid) -> impl Iterator<Item = &PatternGroup> {
        let own = self
            .by_agent
            .get(&agent)
            .map_or(&[][..], |scope| &scope.groups);
        let indexes = self.everyone.groups.iter().chain(own);
        indexes.filter_map(|i| self.groups.get(*i))
    }

    /// Sorts entries and patterns by whom they apply to: policies with one and the same list of
    /// agents share one pattern group.
    fn index(&mut self) {
        let mut next_id = 0_u32;
        let mut groups: BTreeMap<Vec<Uuid>, (PatternGroup, Vec<usize>)> = BTreeMap::new();
        for (position, entry) in self.entries.iter_mut().enumerate() {
            let agents = scope_of(&entry.policy);
            if agents.is_empty() {
                self.everyone.entries.push(position);
            }
            for agent in &agents {
                self.by_agent
                    .entry(*agent)
                    .or_default()
                    .entries
                    .push(position);
            }
            let patterns = entry.rule.take_patterns();
            if patterns.is_empty() {
                continue;
            }
            let first = next_id;
            let (group, members) = groups.entry(agents).or_default();
            members.push(position);
            for pattern in patterns {
                group.add(next_id, pattern);
                next_id = next_id.saturating_add(1);
            }
            entry.rule.set_pattern_ids(first..next_id);
        }
        for (agents, (mut group, members)) in groups {
            if !group.build().is_empty() {
                self.break_rules(&members);
            }
            let index = self.groups.len();
            self.groups.push(group);
            if agents.is_empty() {
                self.everyone.groups.push(index);
            }
            for agent in agents {
                self.by_agent.entry(agent).or_default().groups.push(index);
            }
        }
    }

    /// A pattern that passed alone but cannot be joined must not silently never match.
    fn break_rules(&mut self, positions: &[usize]) {
        for position in positions {
            if let Some(entry) = self.entries.get_mut(*position) {
                entry.rule = Rule::Broken("its patterns cannot be combined".to_owned());
            }
        }
    }
}

impl Entry {
    fn compile(policy: Policy) -> Self {
        let rule =
            rule::compile(policy.policy_type, &policy.rule_definition).unwrap_or_else(|problems| {
                let first = problems.first().map(ToString::to_string);
                Rule::Broken(first.unwrap_or_default())
            });
        Self { policy, rule }
    }
}

fn scope_of(policy: &Policy) -> Vec<Uuid> {
    let mut agents = policy.applies_to_agents.clone();
    agents.sort_unstable();
    agents.dedup();
    agents
}

/// Merges two ascending lists without allocating.
struct Merge<'a> {
    left: &'a [usize],
    right: &'a [usize],
}

impl Iterator for Merge<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let take_left = match (self.left.first(), self.right.first()) {
            (Some(left), Some(right)) => left <= right,
            (left, _) => left.is_some(),
        };
        let side = if take_left {
            &mut self.left
        } else {
            &mut self.right
        };
        let (first, rest) = side.split_first()?;
        *side = rest;
        Some(*first)
    }
}
