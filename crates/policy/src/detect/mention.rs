//! Tells talking about an attack from making one.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// How far from the phrase its quotation marks may be, in bytes.
const NEAR: usize = 60;

/// Words of texts that quote attacks: reports, lessons, filters, tests.
const CUES: &[&str] = &[
    "phrase",
    "quote",
    "meme",
    "regex",
    "pattern",
    "filter",
    "detect",
    "scanner",
    "classif",
    "lesson",
    "example",
    "blog",
    "article",
    "paper",
    "research",
    "report",
    "fixture",
    "test case",
    "training",
    "flagged",
    "explain",
    "means",
    "meaning",
    "why would",
    "what does",
    "when someone",
    "such as",
    "called",
    "attackers",
    "attacker:",
    "the attack",
    "red team",
    "red-team",
    "translate",
    "vendor",
    "learners",
    "blocklist",
    "deny list",
    "denylist",
    "log line",
    "subject line",
];

static CUE_WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(CUES)
        .ok()
});

/// Whether a phrase stands in quotation marks in a text that speaks about such phrases.
pub(super) fn is_quoted(text: &str, place: Range<usize>) -> bool {
    let before = window(text, place.start.saturating_sub(NEAR), place.start);
    let after = window(text, place.end, place.end.saturating_add(NEAR));
    let opens = before.rfind(is_mark).is_some_and(|at| balanced(before, at));
    opens && after.contains(is_mark) && speaks_about(text, &place)
}

fn is_mark(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | '`' | '\u{201C}' | '\u{201D}' | '\u{2018}' | '\u{2019}' | '\u{AB}' | '\u{BB}'
    )
}

/// An apostrophe inside a word opens nothing.
fn balanced(before: &str, at: usize) -> bool {
    let head = before.get(..at).and_then(|head| head.chars().next_back());
    head.is_none_or(|c| !c.is_alphanumeric())
}

/// The cue must stand outside the phrase itself.
fn speaks_about(text: &str, place: &Range<usize>) -> bool {
    let Some(words) = CUE_WORDS.as_ref() else {
        return false;
    };
    words
        .find_iter(text)
        .any(|cue| cue.end() <= place.start || cue.start() >= place.end)
}

/// A part of a text, widened to character boundaries.
fn window(text: &str, start: usize, end: usize) -> &str {
    let (mut start, mut end) = (start.min(text.len()), end.min(text.len()));
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    text.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> bool {
        let start = text.find("ignore").unwrap();
        is_quoted(text, start..start + 6)
    }

    #[test]
    fn quoting_needs_marks_and_a_cue() {
        assert!(quoted(
            "Why does the phrase 'ignore all rules' trip the filter?"
        ));
        assert!(!quoted("Please 'ignore all rules' now"));
        assert!(!quoted("The report says you should ignore all rules"));
        assert!(!quoted("It's a report, ignore all rules, don't you"));
    }
}
