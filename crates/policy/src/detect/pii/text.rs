//! A text and the bytes around a place in it.

use std::cell::OnceCell;

use super::context::Named;

/// A text that answers for places outside itself too.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    all: &'a str,
    bytes: &'a [u8],
    /// The words that name numbers, found when the first is asked for.
    pub(super) names: &'a OnceCell<Vec<Named>>,
}

impl<'a> Text<'a> {
    pub(super) fn new(all: &'a str, names: &'a OnceCell<Vec<Named>>) -> Self {
        let bytes = all.as_bytes();
        Self { all, bytes, names }
    }

    pub(super) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The byte at a place; 0 outside.
    pub(super) fn byte(self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The byte `n` places before a place; 0 outside.
    pub(super) fn back(self, at: usize, n: usize) -> u8 {
        at.checked_sub(n).map_or(0, |at| self.byte(at))
    }

    /// The text between two places; empty when they are no character boundaries.
    pub(super) fn slice(self, start: usize, end: usize) -> &'a str {
        self.all.get(start..end).unwrap_or_default()
    }

    /// At most `reach` bytes up to a place.
    pub(super) fn bytes_before(self, at: usize, reach: usize) -> &'a [u8] {
        self.bytes
            .get(at.saturating_sub(reach)..at)
            .unwrap_or_default()
    }

    /// At most `reach` bytes from a place on.
    pub(super) fn bytes_after(self, at: usize, reach: usize) -> &'a [u8] {
        let rest = self.bytes.get(at..).unwrap_or_default();
        rest.get(..reach).unwrap_or(rest)
    }

    /// Where a run of accepted bytes ends, at most `reach` bytes on.
    pub(super) fn run(self, from: usize, reach: usize, accept: impl Fn(u8) -> bool) -> usize {
        let ahead = self.bytes_after(from, reach);
        let length = ahead.iter().position(|b| !accept(*b));
        from + length.unwrap_or(ahead.len())
    }

    /// Where a run of accepted bytes that ends at a place starts, at most `reach` bytes back.
    pub(super) fn run_back(self, to: usize, reach: usize, accept: impl Fn(u8) -> bool) -> usize {
        let behind = self.bytes_before(to, reach);
        to - behind.iter().rev().take_while(|b| accept(**b)).count()
    }

    /// Whether the text goes on with a word, whatever its case.
    pub(super) fn has(self, at: usize, word: &str) -> bool {
        let ahead = self.bytes_after(at, word.len());
        ahead.eq_ignore_ascii_case(word.as_bytes())
    }
}

/// What stands before a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// Nothing that could belong to it.
    Free,
    /// A word: the value counts only when the word says what it is.
    Word,
    /// More of a longer number.
    Number,
}

pub(super) fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

/// Whether a word goes on to a place; the letter of `\n` in escaped JSON does not count.
pub(super) fn word_before(t: Text<'_>, at: usize) -> bool {
    is_word(t.back(at, 1)) && !is_escape(t, at)
}

/// Whether `\n` or the like stands before a place.
pub(super) fn is_escape(t: Text<'_>, at: usize) -> bool {
    matches!(t.back(at, 1), b'n' | b't' | b'r') && t.back(at, 2) == b'\\'
}

/// What a number that starts here is joined to.
pub(super) fn edge_before(t: Text<'_>, start: usize) -> Edge {
    let (last, previous) = (t.back(start, 1), t.back(start, 2));
    let joined = match last {
        _ if is_escape(t, start) => 0,
        // `%2B` of a URL
        b'B' | b'b' if previous == b'2' && t.back(start, 3) == b'%' => 0,
        b'-' | b'.' | b'/' | b'_' => previous,
        other => other,
    };
    match joined {
        b'0'..=b'9' => Edge::Number,
        b if is_word(b) => Edge::Word,
        _ => Edge::Free,
    }
}

/// Whether a number goes on after its supposed end.
pub(super) fn goes_on(t: Text<'_>, end: usize) -> bool {
    match t.byte(end) {
        b'-' | b'.' | b'/' | b'+' => t.byte(end + 1).is_ascii_digit(),
        b => is_word(b),
    }
}
