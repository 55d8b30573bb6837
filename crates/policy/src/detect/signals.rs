//! What gives an injection away: phrases, each with a family and a weight.

mod list;

use std::sync::LazyLock;

use regex::bytes::{RegexSet, RegexSetBuilder};

use super::views::ViewKind;
use list::{PHRASES, SQUEEZED, WORDS};

/// Signals that say the same thing count once.
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
}

impl Family {
    pub(super) const COUNT: usize = 8;
}

/// One phrase.
#[derive(Debug)]
pub(super) struct Signal {
    pub(super) name: &'static str,
    pub(super) family: Family,
    /// Out of 1000; 500 blocks alone.
    pub(super) weight: u16,
    pattern: &'static str,
}

const fn signal(name: &'static str, family: Family, weight: u16, pattern: &'static str) -> Signal {
    Signal {
        name,
        family,
        weight,
        pattern,
    }
}

static PHRASE_SET: LazyLock<Option<RegexSet>> = LazyLock::new(|| compile(PHRASES));
static SQUEEZED_SET: LazyLock<Option<RegexSet>> = LazyLock::new(|| compile(SQUEEZED));

/// Calls `found` for every signal in a view.
pub(super) fn matches(text: &str, kind: ViewKind, mut found: impl FnMut(&'static Signal)) {
    let (set, signals) = match kind {
        ViewKind::Squeezed => (&SQUEEZED_SET, SQUEEZED),
        ViewKind::Plain
        | ViewKind::Leetspeak
        | ViewKind::Spaced
        | ViewKind::Reversed
        | ViewKind::Rot13
        | ViewKind::Escapes
        | ViewKind::Base64 => (&PHRASE_SET, PHRASES),
    };
    let Some(set) = set.as_ref() else { return };
    for index in &set.matches(text.as_bytes()) {
        if let Some(signal) = signals.get(index) {
            found(signal);
        }
    }
}

/// The lists are constants and a test compiles them, so `None` is never seen.
fn compile(signals: &[Signal]) -> Option<RegexSet> {
    let patterns = signals.iter().map(|signal| expand(signal.pattern));
    RegexSetBuilder::new(patterns)
        .unicode(false)
        .case_insensitive(true)
        .size_limit(64 << 20)
        .dfa_size_limit(16 << 20)
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
        for signal in PHRASES.iter().chain(SQUEEZED) {
            let pattern = expand(signal.pattern);
            let regex = regex::bytes::RegexBuilder::new(&pattern)
                .unicode(false)
                .build();
            assert!(regex.is_ok(), "{}: {regex:?}", signal.pattern);
        }
        assert!(PHRASE_SET.is_some());
        assert!(SQUEEZED_SET.is_some());
    }
}
