//! What gives an injection away: phrases, each with a family and a weight.

mod english;
mod languages;
mod words;

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::views::ViewKind;
use english::{ENGLISH, SQUEEZED};
use languages::LANGUAGES;
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

/// Phrases compiled together; each pattern knows its signal.
struct Phrases {
    set: RegexSet,
    each: Vec<(&'static Signal, Regex)>,
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
    for index in &phrases.set.matches(text.as_bytes()) {
        if let Some((signal, regex)) = phrases.each.get(index) {
            let place = regex.find(text.as_bytes()).map(|m| m.range());
            found(signal, place.unwrap_or_default());
        }
    }
}

fn compile(lists: &[&'static [Signal]]) -> Option<Phrases> {
    let signals = lists.iter().flat_map(|list| list.iter());
    let of = |signal: &'static Signal| signal.patterns.iter().map(move |p| (signal, expand(p)));
    let patterns: Vec<_> = signals.flat_map(of).collect();
    let set = RegexSetBuilder::new(patterns.iter().map(|(_, pattern)| pattern))
        .unicode(false)
        .case_insensitive(true)
        .size_limit(64 << 20)
        .dfa_size_limit(16 << 20)
        .build()
        .ok()?;
    let each = patterns
        .iter()
        .map(|(signal, pattern)| Some((*signal, one(pattern)?)));
    Some(Phrases {
        set,
        each: each.collect::<Option<_>>()?,
    })
}

fn one(pattern: &str) -> Option<Regex> {
    let mut builder = RegexBuilder::new(pattern);
    builder
        .unicode(false)
        .case_insensitive(true)
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
                assert!(one(&expand(pattern)).is_some(), "{pattern}");
            }
        }
        assert!(PHRASES.is_some() && GAPLESS.is_some());
    }
}
