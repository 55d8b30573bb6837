//! Where phrases may begin in a text, and which can occur at all, found in one pass.
//!
//! A union automaton over a hundred phrases with word gaps grows beyond any cache. Each phrase
//! instead has literals it must begin with and literals it must end with, taken from its syntax
//! tree; only a phrase with one of each in the text is tried, and only where it may begin.

use std::collections::BTreeMap;

use aho_corasick::automaton::Automaton as _;
use aho_corasick::dfa::DFA;
use aho_corasick::{Anchored, MatchKind};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};

/// Bytes a phrase may reach from where it begins.
pub(super) const REACH: usize = 600;
/// Longest literal looked for, in bytes.
const LONGEST: usize = 8;

/// The side of a phrase a literal stands on, and the shortest that is worth looking for there: an
/// end may be anywhere behind the beginning, so it must be rarer.
const BEGIN: u8 = 1;
const SHORTEST_BEGIN: usize = 2;
const END: u8 = 2;
const SHORTEST_END: usize = 3;

/// The literals of all phrases and what each stands for.
pub(super) struct Triggers {
    /// Those of ASCII, numbered like the first of all: a smaller table for most texts.
    ascii: DFA,
    all: DFA,
    /// Per literal: what it belongs to.
    owners: Vec<Owners>,
    phrases: Vec<Needs>,
}

#[derive(Default)]
struct Owners {
    /// The phrases, and on which side the literal stands.
    sides: Vec<(usize, u8)>,
    /// Whether it counts inside a word too.
    inside: bool,
}

/// A literal in a text.
struct Hit<'t> {
    start: usize,
    end: usize,
    /// Whether a word goes on before it.
    inside: bool,
    owners: &'t [(usize, u8)],
}

/// What a phrase needs to occur.
struct Needs {
    sides: u8,
    /// Begins with a word of its own.
    word: bool,
    /// Bytes it may reach from its beginning.
    reach: usize,
}

/// A phrase that can occur, and where it may begin; no place means anywhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) phrase: usize,
    pub(super) begins: Option<usize>,
}

impl Triggers {
    /// Takes the literals out of lower-case patterns.
    pub(super) fn new<'p>(patterns: impl Iterator<Item = &'p str>) -> Option<Self> {
        // ASCII first.
        let mut literals: BTreeMap<(bool, Vec<u8>), Owners> = BTreeMap::new();
        let mut phrases = Vec::new();
        for (phrase, pattern) in patterns.enumerate() {
            let mut needs = Needs::of(pattern);
            for (kind, side) in [(ExtractKind::Prefix, BEGIN), (ExtractKind::Suffix, END)] {
                let Some(found) = extract(pattern, kind) else {
                    continue;
                };
                needs.sides |= side;
                for literal in found {
                    let owner = literals.entry((!literal.is_ascii(), literal)).or_default();
                    owner.sides.push((phrase, side));
                    owner.inside |= side == END || !needs.word;
                }
            }
            phrases.push(needs);
        }
        let (literals, owners): (Vec<_>, Vec<_>) = literals.into_iter().unzip();
        let ascii = literals.iter().filter(|(wide, _)| !wide);
        Some(Self {
            ascii: automaton(ascii.map(|(_, literal)| literal))?,
            all: automaton(literals.iter().map(|(_, literal)| literal))?,
            owners,
            phrases,
        })
    }

    /// The literals of a lower-case text that mean something where they stand, by their ends.
    fn hits(&self, text: &str) -> Vec<Hit<'_>> {
        let mut hits = Vec::new();
        let literals = if text.is_ascii() {
            &self.ascii
        } else {
            &self.all
        };
        let Ok(mut state) = literals.start_state(Anchored::No) else {
            return hits;
        };
        for (last, byte) in text.bytes().enumerate() {
            state = literals.next_state(Anchored::No, state, byte);
            if !literals.is_match(state) {
                continue;
            }
            for nth in 0..literals.match_len(state) {
                let literal = literals.match_pattern(state, nth);
                let end = last + 1;
                let start = end.saturating_sub(literals.pattern_len(literal));
                let before = start.checked_sub(1).and_then(|at| text.as_bytes().get(at));
                let inside = before.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
                match self.owners.get(literal.as_usize()) {
                    Some(owners) if owners.inside || !inside => hits.push(Hit {
                        start,
                        end,
                        inside,
                        owners: &owners.sides,
                    }),
                    _ => {}
                }
            }
        }
        hits
    }

    /// The phrases that may occur in a lower-case text, in the order of the text.
    pub(super) fn candidates(&self, text: &str) -> Vec<Candidate> {
        // Backwards, so that the nearest end of a phrase is known when its beginning comes.
        let mut ends = vec![None; self.phrases.len()];
        let mut found = Vec::new();
        for hit in self.hits(text).iter().rev() {
            for (phrase, side) in hit.owners {
                let Some((needs, end)) = self.phrases.get(*phrase).zip(ends.get_mut(*phrase))
                else {
                    continue;
                };
                if *side == END {
                    *end = Some(hit.end);
                } else if !(needs.word && hit.inside) && needs.reached(hit.start, *end) {
                    found.push(Candidate {
                        phrase: *phrase,
                        begins: Some(hit.start),
                    });
                }
            }
        }
        found.reverse();
        let phrases = self.phrases.iter().zip(ends).enumerate();
        let anywhere =
            phrases.filter(|(_, (needs, end))| needs.sides & BEGIN == 0 && needs.ended(*end));
        found.extend(anywhere.map(|(phrase, _)| Candidate {
            phrase,
            begins: None,
        }));
        found
    }
}

impl Needs {
    fn of(pattern: &str) -> Self {
        let reach = if pattern.contains(".*") {
            REACH
        } else {
            REACH / 2
        };
        Self {
            sides: 0,
            word: pattern.starts_with(r"\b"),
            reach,
        }
    }

    fn ended(&self, end: Option<usize>) -> bool {
        self.sides & END == 0 || end.is_some()
    }

    /// Whether the nearest end behind a beginning is near enough. An end may begin before the
    /// beginning does when both share letters, so only its last byte counts.
    fn reached(&self, start: usize, end: Option<usize>) -> bool {
        let near = |end: usize| end > start && end - start <= self.reach;
        self.sides & END == 0 || end.is_some_and(near)
    }
}

fn automaton<'l>(literals: impl Iterator<Item = &'l Vec<u8>>) -> Option<DFA> {
    let mut builder = DFA::builder();
    builder.match_kind(MatchKind::Standard).prefilter(false);
    builder.build(literals).ok()
}

/// The literals every match begins or ends with; `None` when there is no such list.
fn extract(pattern: &str, kind: ExtractKind) -> Option<Vec<Vec<u8>>> {
    let tree = ParserBuilder::new()
        .utf8(false)
        .unicode(false)
        .build()
        .parse(pattern)
        .ok()?;
    let prefix = matches!(kind, ExtractKind::Prefix);
    let mut extractor = Extractor::new();
    extractor
        .kind(kind)
        .limit_class(16)
        .limit_repeat(4)
        .limit_literal_len(16)
        .limit_total(2000);
    let mut found: Seq = extractor.extract(&tree);
    if prefix {
        found.keep_first_bytes(LONGEST);
    } else {
        found.keep_last_bytes(LONGEST);
    }
    found.dedup();
    let shortest = if prefix { SHORTEST_BEGIN } else { SHORTEST_END };
    if !found.is_finite() || found.min_literal_len()? < shortest {
        return None;
    }
    let literals = found
        .literals()?
        .iter()
        .map(|literal| literal.as_bytes().to_vec());
    let mut literals: Vec<_> = literals.collect();
    literals.sort_unstable();
    literals.dedup();
    Some(literals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrase_needs_one_of_its_beginnings_and_one_of_its_ends() {
        let patterns = [
            r"\b(?:ignore|forget) (?:\w+ )*(?:rules|orders)\b",
            r"\W+",
            "jailbreak",
        ];
        let triggers = Triggers::new(patterns.into_iter()).unwrap();
        let found = |text| -> Vec<_> {
            triggers
                .candidates(text)
                .iter()
                .map(|c| (c.phrase, c.begins))
                .collect()
        };
        assert_eq!(found("do forget the rules"), [(0, Some(3)), (1, None)]);
        assert_eq!(found("forget it, no jailbreak"), [(2, Some(14)), (1, None)]);
        assert_eq!(found("the rules"), [(1, None)]);
    }
}
