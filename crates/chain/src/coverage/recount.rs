//! Counting again, from the entries of an export, what a statement of coverage says.

use super::{Coverage, Emitter, NEAR, Outcomes, union_within};
use crate::leaf::{GAP, Window};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// A number that is not what the entries give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field, in words.
    pub what: String,
    /// What is stated.
    pub stated: u64,
    /// What was counted.
    pub counted: u64,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            stated,
            counted,
        } = self;
        write!(f, "{what}: {stated} stated, {counted} by the entries")
    }
}

/// A count in progress: every entry below the statement's head, then [`Recount::differences`].
///
/// Not counted again, because no entry says it: which of the decisions were the agent's though their
/// entries do not name it, how an emitter ended, where the range of its numbers begins and ends, and
/// which emitters are silent. A statement of format 1 does not say what entries call the agent: of it
/// only lost reports and emitters are counted.
#[derive(Debug)]
pub struct Recount<'a> {
    stated: &'a Coverage,
    size: u64,
    outcomes: Outcomes,
    ungoverned: Reported,
    heard: Reported,
    lost_reports: u64,
    emitters: BTreeMap<&'a str, (&'a Emitter, Numbers)>,
    others: BTreeMap<String, Other>,
}

/// An emitter that the statement does not list.
#[derive(Debug)]
struct Other {
    first: (u64, i64),
    in_period: bool,
}

#[derive(Debug, Default)]
struct Reported {
    windows: Vec<(i64, i64)>,
    count: u64,
}

#[derive(Deserialize)]
struct Counted<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    occurred_at: i64,
    #[serde(default, borrow)]
    actor: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    target: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    outcome: Option<Cow<'a, str>>,
    #[serde(default)]
    window: Option<Window>,
    #[serde(borrow)]
    source: CountedSource<'a>,
}

#[derive(Deserialize)]
struct CountedSource<'a> {
    #[serde(borrow)]
    emitter: Cow<'a, str>,
    #[serde(default)]
    emitter_seq: Option<u64>,
}

impl<'a> Recount<'a> {
    /// Of a statement whose checkpoint covers `size` entries.
    #[must_use]
    pub fn new(stated: &'a Coverage, size: u64) -> Self {
        let listed = stated.emitters.iter();
        Self {
            stated,
            size,
            outcomes: Outcomes::default(),
            ungoverned: Reported::default(),
            heard: Reported::default(),
            lost_reports: 0,
            emitters: listed
                .map(|it| (it.emitter.as_str(), (it, Numbers::default())))
                .collect(),
            others: BTreeMap::new(),
        }
    }

    /// Counts the entry at `position` by its body.
    pub fn entry(&mut self, position: u64, body: &[u8]) {
        if position >= self.size {
            return;
        }
        let Ok(entry) = serde_json::from_slice::<Counted<'_>>(body) else {
            return;
        };
        let names = |said: Option<&str>| {
            let name = said.and_then(|said| said.strip_prefix("agent:"));
            name.is_some_and(|name| self.stated.names.iter().any(|it| it == name))
        };
        let is_target = names(entry.target.as_deref());
        match entry.kind.split('.').next().unwrap_or_default() {
            "decision" if names(entry.actor.as_deref()) && self.is_within(entry.occurred_at) => {
                self.outcomes.count(entry.outcome.as_deref(), 1);
            }
            "bypass" if is_target => self.ungoverned.take(self.stated, entry.window.as_ref()),
            "presence" if is_target => self.heard.take(self.stated, entry.window.as_ref()),
            "bypass_drop" => {
                let window = entry.window.as_ref();
                let window = window.filter(|it| touches(self.stated, (it.from, it.to)));
                let lost = window.map_or(0, |it| it.count);
                self.lost_reports = self.lost_reports.saturating_add(lost);
            }
            _ => {}
        }
        if let Some(number) = entry.source.emitter_seq.filter(|_| entry.kind != GAP) {
            self.number(&entry.source.emitter, number, entry.occurred_at);
        }
    }

    fn is_within(&self, at: i64) -> bool {
        (self.stated.from..self.stated.to).contains(&at)
    }

    fn number(&mut self, emitter: &str, number: u64, at: i64) {
        let in_period = self.is_within(at);
        if let Some((listed, numbers)) = self.emitters.get_mut(emitter) {
            let near = self.stated.from.saturating_sub(NEAR)..self.stated.to.saturating_add(NEAR);
            if number > listed.after && number <= listed.last && near.contains(&at) {
                numbers.add(number);
            }
        } else if let Some(other) = self.others.get_mut(emitter) {
            other.first = other.first.min((number, at));
            other.in_period |= in_period;
        } else {
            let first = (number, at);
            self.others
                .insert(emitter.to_owned(), Other { first, in_period });
        }
    }

    /// What the entries give otherwise.
    #[must_use]
    pub fn differences(&self) -> Vec<Difference> {
        let to = self.stated.to;
        let lost = ("lost reports", self.stated.lost_reports, self.lost_reports);
        // One whose first number is after the period is rightly left out.
        let others = self.others.values();
        let left_out = others.filter(|it| it.in_period && it.first.1 < to).count();
        let left_out = u64::try_from(left_out).unwrap_or(u64::MAX);
        let mut pairs = self.of_the_agent();
        pairs.extend([lost, ("emitters left out", 0, left_out)]);
        let emitters = self.emitters.values().map(|(listed, numbers)| {
            let what = format!("numbers of {}", listed.emitter);
            (what, listed.present, numbers.count())
        });
        let pairs = pairs
            .into_iter()
            .map(|(what, a, b)| (what.to_owned(), a, b));
        let differs = pairs
            .chain(emitters)
            .filter(|(_, stated, counted)| stated != counted);
        differs
            .map(|(what, stated, counted)| Difference {
                what,
                stated,
                counted,
            })
            .collect()
    }

    /// What is counted by the agent's names: each number, as stated and as counted.
    fn of_the_agent(&self) -> Vec<(&'static str, u64, u64)> {
        let (stated, counted) = (self.stated, &self.outcomes);
        let (Some(unnamed), Some(heard)) = (stated.unnamed, stated.heard_seconds) else {
            return Vec::new();
        };
        let named = stated.decisions.saturating_sub(unnamed);
        let decisions = counted.sum().unwrap_or(u64::MAX);
        let ungoverned = self.ungoverned.micros(stated).div_ceil(super::MICROS);
        let mut pairs = vec![
            ("decisions that name it", named, decisions),
            (
                "heard seconds",
                heard,
                self.heard.micros(stated) / super::MICROS,
            ),
            ("ungoverned seconds", stated.ungoverned_seconds, ungoverned),
            (
                "ungoverned acts",
                stated.ungoverned_acts,
                self.ungoverned.count,
            ),
        ];
        // Which outcomes the unnamed ones had is not said, so only a lack of room for them shows.
        let words = [
            ("allowed", stated.outcomes.allowed, counted.allowed),
            ("held", stated.outcomes.held, counted.held),
            ("denied", stated.outcomes.denied, counted.denied),
        ];
        pairs.extend(
            words
                .into_iter()
                .filter(|(_, stated, counted)| counted > stated),
        );
        pairs
    }
}

fn touches(stated: &Coverage, (from, to): (i64, i64)) -> bool {
    to >= stated.from && from < stated.to
}

impl Reported {
    fn take(&mut self, stated: &Coverage, window: Option<&Window>) {
        if let Some(window) = window.filter(|it| touches(stated, (it.from, it.to))) {
            self.windows.push((window.from, window.to));
            self.count = self.count.saturating_add(window.count);
        }
    }

    fn micros(&self, stated: &Coverage) -> u64 {
        let micros = union_within(&self.windows, stated.from, stated.to);
        u64::try_from(micros).unwrap_or_default()
    }
}

/// Distinct numbers, nearly dense: first and last of each run.
#[derive(Debug, Default)]
struct Numbers(BTreeMap<u64, u64>);

impl Numbers {
    fn add(&mut self, number: u64) {
        let before = self.0.range(..=number).next_back();
        let (first, last) = match before.map(|(first, last)| (*first, *last)) {
            Some((_, last)) if last >= number => return,
            Some((first, last)) if last + 1 == number => (first, number),
            Some(_) | None => (number, number),
        };
        let next = last.checked_add(1).and_then(|next| self.0.remove(&next));
        self.0.insert(first, next.unwrap_or(last));
    }

    fn count(&self) -> u64 {
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_any_order_count_once() {
        let mut numbers = Numbers::default();
        for number in [5, 1, 2, 2, 4, 3, 9, u64::MAX, 5, 8] {
            numbers.add(number);
        }
        assert_eq!(numbers.count(), 8);
        assert_eq!(
            numbers.0.into_iter().collect::<Vec<_>>(),
            [(1, 5), (8, 9), (u64::MAX, u64::MAX)]
        );
    }
}
