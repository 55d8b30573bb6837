//! Where phrases may begin in a text, and which can occur at all, found in one pass.
//!
//! A union automaton over a hundred phrases with word gaps grows beyond any cache. Each phrase
//! instead has literals it must begin with and literals it must end with, taken from its syntax
//! tree; only a phrase with one of each in the text is tried, and only where it may begin.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};

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
    literals: AhoCorasick,
    /// Per literal: the phrases it belongs to, and as what.
    owners: Vec<Vec<(usize, u8)>>,
    /// Per phrase: what it needs, and whether it begins with a word of its own.
    needs: Vec<(u8, bool)>,
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
        let mut literals: Vec<Vec<u8>> = Vec::new();
        let mut owners: Vec<Vec<(usize, u8)>> = Vec::new();
        let mut needs = Vec::new();
        for (phrase, pattern) in patterns.enumerate() {
            let mut need = 0;
            for (kind, side) in [(ExtractKind::Prefix, BEGIN), (ExtractKind::Suffix, END)] {
                let Some(found) = extract(pattern, kind) else {
                    continue;
                };
                need |= side;
                for literal in found {
                    let at = literals.iter().position(|known| *known == literal);
                    let at = at.unwrap_or_else(|| {
                        literals.push(literal);
                        owners.push(Vec::new());
                        literals.len() - 1
                    });
                    owners.get_mut(at)?.push((phrase, side));
                }
            }
            needs.push((need, pattern.starts_with(r"\b")));
        }
        let mut builder = AhoCorasick::builder();
        builder
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA));
        Some(Self {
            literals: builder.build(&literals).ok()?,
            owners,
            needs,
        })
    }

    /// The phrases that may occur in a lower-case text, in the order of the text.
    pub(super) fn candidates(&self, text: &str) -> Vec<Candidate> {
        let mut has = vec![0_u8; self.needs.len()];
        let mut begins = Vec::new();
        for hit in self.literals.find_overlapping_iter(text) {
            let before = hit
                .start()
                .checked_sub(1)
                .and_then(|i| text.as_bytes().get(i));
            let inside = before.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
            let owners = self.owners.get(hit.pattern().as_usize());
            for (phrase, side) in owners.into_iter().flatten() {
                if *side == BEGIN && inside && self.needs.get(*phrase).is_some_and(|n| n.1) {
                    continue;
                }
                if let Some(sides) = has.get_mut(*phrase) {
                    *sides |= side;
                }
                if *side == BEGIN {
                    begins.push(Candidate {
                        phrase: *phrase,
                        begins: Some(hit.start()),
                    });
                }
            }
        }
        let complete = |phrase: usize| {
            let (need, has) = (self.needs.get(phrase), has.get(phrase));
            need.zip(has)
                .is_some_and(|((need, _), has)| need & has == *need)
        };
        begins.retain(|candidate| complete(candidate.phrase));
        let anywhere = self
            .needs
            .iter()
            .enumerate()
            .filter(|(_, (need, _))| need & BEGIN == 0);
        let anywhere = anywhere.filter(|(phrase, _)| complete(*phrase));
        begins.extend(anywhere.map(|(phrase, _)| Candidate {
            phrase,
            begins: None,
        }));
        begins
    }
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
