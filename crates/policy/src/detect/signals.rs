//! What gives an injection away: phrases, each with a family and a weight.

mod english;
mod languages;
mod triggers;
mod words;

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

use super::views::ViewKind;
use english::{ENGLISH, SQUEEZED};
use languages::LANGUAGES;
use triggers::{REACH, Triggers};
use words::WORDS;

/// Signals of one family count once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Override,
    Leak,
    Persona,
    Jailbreak,
    Exfiltration,
    Markup,
    Authority,
    Concealment,
    Harm,
}

impl Family {
    pub(super) const COUNT: usize = 9;

    /// Whether a document has no business saying such things.
    pub(super) fn is_misplaced_in_documents(self) -> bool {
        matches!(self, Family::Authority | Family::Concealment | Family::Harm)
    }
}

/// Phrases that say the same thing.
#[derive(Debug)]
pub(super) struct Signal {
    pub(super) name: &'static str,
    pub(super) family: Family,
    /// Out of 1000; 500 blocks alone.
    pub(super) weight: u16,
    patterns: &'static [&'static str],
}

/// Beginnings of one phrase that are tried one by one; after that the rest of the text is searched.
const TRIES: usize = 32;

/// Stands at the beginning of a pattern before which only marks may stand in the line.
const LINE: &str = "@LINE";

/// Phrases compiled together.
struct Phrases {
    triggers: Triggers,
    each: Vec<Phrase>,
}

/// One pattern of a signal.
struct Phrase {
    signal: &'static Signal,
    /// Whether only marks may stand before it in its line.
    line: bool,
    here: Regex,
    anywhere: Regex,
}

/// The lists are constants and a test compiles them, so `None` is never seen.
static PHRASES: LazyLock<Option<Phrases>> = LazyLock::new(|| compile(&[ENGLISH, LANGUAGES]));
static GAPLESS: LazyLock<Option<Phrases>> = LazyLock::new(|| compile(&[SQUEEZED]));

/// Calls `found` with every signal in a view and the place of its first match.
pub(super) fn matches(
    text: &str,
    kind: ViewKind,
    mut found: impl FnMut(&'static Signal, Range<usize>),
) {
    let phrases = if kind == ViewKind::Squeezed {
        &GAPLESS
    } else {
        &PHRASES
    };
    let Some(phrases) = phrases.as_ref() else {
        return;
    };
    // Lower case once is cheaper than every automaton knowing both cases.
    let text = text.to_ascii_lowercase();
    let mut tries = vec![0; phrases.each.len()];
    for candidate in phrases.triggers.candidates(&text) {
        let Some(phrase) = phrases.each.get(candidate.phrase) else {
            continue;
        };
        let Some(tried) = tries.get_mut(candidate.phrase) else {
            continue;
        };
        let place = match candidate.begins {
            _ if *tried > TRIES => None,
            Some(start) if *tried < TRIES => phrase.at(&text, start),
            Some(start) => phrase.from(&text, start),
            None => phrase.from(&text, 0),
        };
        *tried += 1;
        if let Some(place) = place {
            *tried = TRIES + 1;
            found(phrase.signal, place);
        }
    }
}

impl Phrase {
    /// The phrase beginning exactly at `start`.
    fn at(&self, text: &str, start: usize) -> Option<Range<usize>> {
        let bytes = text.as_bytes();
        if self.line && !begins_line(bytes.get(..start)?) {
            return None;
        }
        let reach = bytes.get(start..bytes.len().min(start + REACH))?;
        self.here
            .find(reach)
            .map(|found| start..start + found.end())
    }

    /// The first occurrence from `start` on.
    fn from(&self, text: &str, start: usize) -> Option<Range<usize>> {
        self.anywhere
            .find_at(text.as_bytes(), start)
            .map(|found| found.range())
    }
}

/// Whether at most 16 marks stand between the last line break and the end.
fn begins_line(head: &[u8]) -> bool {
    let marks = head.iter().rev().take(17).take_while(|b| **b != b'\n');
    let mut marks = marks.enumerate();
    marks.all(|(i, b)| i < 16 && b" \t\\n>*#[</-|=\"'".contains(b))
}

fn compile(lists: &[&'static [Signal]]) -> Option<Phrases> {
    let signals = lists.iter().flat_map(|list| list.iter());
    let of = |signal: &'static Signal| signal.patterns.iter().map(move |p| (signal, expand(p)));
    let patterns: Vec<_> = signals.flat_map(of).collect();
    let triggers = Triggers::new(
        patterns
            .iter()
            .map(|(_, pattern)| pattern.trim_start_matches(LINE)),
    )?;
    let phrase = |(signal, pattern): &(&'static Signal, String)| {
        let (line, pattern) = match pattern.strip_prefix(LINE) {
            Some(rest) => (true, rest),
            None => (false, pattern.as_str()),
        };
        let here = regex(&format!(r"\A(?:{pattern})"))?;
        Some(Phrase {
            signal,
            line,
            here,
            anywhere: regex(pattern)?,
        })
    };
    Some(Phrases {
        triggers,
        each: patterns.iter().map(phrase).collect::<Option<_>>()?,
    })
}

fn regex(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern)
        .unicode(false)
        .size_limit(16 << 20)
        .build()
        .ok()
}

/// Replaces `@WORD` by its list of words and every blank by any gap between words.
fn expand(pattern: &str) -> String {
    let mut out = pattern.to_owned();
    for (name, words) in WORDS {
        out = out.replace(name, words);
    }
    out.replace(' ', r"\W{1,4}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_compiles() {
        for signal in ENGLISH.iter().chain(LANGUAGES).chain(SQUEEZED) {
            for pattern in signal.patterns {
                let pattern = expand(pattern.trim_start_matches(LINE));
                assert!(regex(&pattern).is_some(), "{pattern}");
                let upper = |pair: &[u8]| pair[0] != b'\\' && pair[1].is_ascii_uppercase();
                assert!(
                    !pattern.as_bytes().windows(2).any(upper),
                    "not lower case: {pattern}"
                );
            }
        }
        assert!(PHRASES.is_some() && GAPLESS.is_some());
    }
}
