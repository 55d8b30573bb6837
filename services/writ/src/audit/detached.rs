//! Months that were taken out of the ledger: what says so, and what is left of them.
//!
//! Where to look comes from columns that prove nothing. What was skipped there counts as taken out only
//! if an entry that was verified says so; the hashes that are kept must add up to the signed root.

use std::ops::Range;

use writ_chain::leaf::Leaf;
use writ_chain::verify::Class;

use super::outcome::Outcome;

const TYPE: &str = "ledger.month_detached.v1";

/// Entries that an entry says were taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Detached {
    pub(super) entries: Range<u64>,
    /// `2026-10`, where it is named.
    month: Option<String>,
}

/// What a run over a ledger finds of them.
#[derive(Debug, Default)]
pub(super) struct Statements {
    /// By entries that were verified.
    stated: Vec<Detached>,
    /// Positions of which there was only a hash, as ranges.
    skipped: Vec<Range<u64>>,
}

impl Detached {
    /// Reads `entries:<first>-<last>[ of <month>]`.
    pub(super) fn parse(target: &str) -> Option<Self> {
        let rest = target.strip_prefix("entries:")?;
        let (range, month) = match rest.split_once(" of ") {
            Some((range, month)) => (range, Some(month.to_owned())),
            None => (rest, None),
        };
        let (first, last) = range.split_once('-')?;
        let entries = first.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?;
        (!entries.is_empty()).then_some(Self { entries, month })
    }
}

impl Statements {
    /// Takes note of a verified entry.
    pub(super) fn read(&mut self, leaf: &Leaf) {
        let Ok(body) = leaf.entry() else { return };
        if body.kind == TYPE && body.source.stream == "ledger" {
            let target = body.target.as_deref();
            self.stated.extend(target.and_then(Detached::parse));
        }
    }

    /// Takes note of an entry of which there was only a hash.
    pub(super) fn skip(&mut self, seq: u64) {
        match self.skipped.last_mut() {
            Some(range) if range.end == seq => range.end = seq.saturating_add(1),
            _ => self.skipped.push(seq..seq.saturating_add(1)),
        }
    }

    /// Says what was taken out, and what is missing without a word.
    pub(super) fn tell(&self, outcome: &mut Outcome) {
        for one in &self.stated {
            let Range { start, end } = one.entries;
            if !self
                .skipped
                .iter()
                .any(|it| it.start < end && start < it.end)
            {
                continue;
            }
            let month = one.month.as_deref().unwrap_or("a month");
            outcome.notes.push(format!(
                "{month} was taken out: entries {start} to {}; their hashes add up to what was \
                 signed, what they say is in the export made before",
                end - 1
            ));
        }
        outcome.notes.dedup();
        for range in &self.skipped {
            for Range { start, end } in self.unstated(range.clone()) {
                let text = format!(
                    "entries {start} to {} are missing, and no entry says that they were taken out",
                    end - 1
                );
                outcome.wrong(Class::IncompleteRange, text);
            }
        }
    }

    /// The parts of a range that no entry states.
    fn unstated(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut left = vec![range];
        for Detached { entries, .. } in &self.stated {
            let cut = |it: Range<u64>| {
                let before = it.start..entries.start.clamp(it.start, it.end);
                let after = entries.end.clamp(it.start, it.end)..it.end;
                [before, after]
            };
            left = left.into_iter().flat_map(cut).collect();
            left.retain(|it| !it.is_empty());
        }
        left
    }
}

/// The parts of a whole ledger: ranges without and with entries that may be taken out, in order.
pub(super) fn parts(claimed: &[Detached]) -> Vec<(Range<u64>, bool)> {
    let mut claimed: Vec<&Range<u64>> = claimed.iter().map(|it| &it.entries).collect();
    claimed.sort_by_key(|range| range.start);
    let (mut parts, mut at) = (Vec::new(), 0);
    for range in claimed {
        let (start, end) = (range.start.max(at), range.end);
        if start >= end {
            continue;
        }
        parts.push((at..start, false));
        parts.push((start..end, true));
        at = end;
    }
    parts.push((at..u64::MAX, false));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(target: &str) -> Detached {
        Detached::parse(target).unwrap()
    }

    #[test]
    fn what_an_entry_says_is_read_with_and_without_its_month() {
        assert_eq!(of("entries:0-302").entries, 0..303);
        assert_eq!(
            of("entries:7-7 of 2026-10").month.as_deref(),
            Some("2026-10")
        );
        for text in [
            "entries:none",
            "entries:9-3",
            "month:1-2",
            "entries:1-18446744073709551615",
        ] {
            assert_eq!(Detached::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_ledger_is_read_in_parts_that_leave_nothing_out() {
        let claimed = [of("entries:5-9"), of("entries:0-4"), of("entries:8-12")];
        let parts: Vec<_> = parts(&claimed)
            .into_iter()
            .filter(|(it, _)| !it.is_empty())
            .collect();
        assert_eq!(
            parts,
            [
                (0..5, true),
                (5..10, true),
                (10..13, true),
                (13..u64::MAX, false)
            ]
        );
        assert_eq!(super::parts(&[]), [(0..u64::MAX, false)]);
    }

    #[test]
    fn what_no_entry_states_is_missing() {
        let mut statements = Statements::default();
        for seq in [0, 1, 2, 3, 8, 9] {
            statements.skip(seq);
        }
        statements.stated = vec![of("entries:1-2 of 2026-10"), of("entries:8-20")];
        let mut outcome = Outcome::named("x");
        statements.tell(&mut outcome);
        assert_eq!(
            (outcome.notes.len(), outcome.total),
            (2, 2),
            "{:?}",
            outcome.findings
        );
        assert!(outcome.findings[0].starts_with("entries 0 to 0 are missing"));
        assert!(outcome.findings[1].starts_with("entries 3 to 3 are missing"));
    }
}
