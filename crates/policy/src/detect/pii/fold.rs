//! Undoes disguises of numbers and addresses, and remembers where everything came from.

use crate::decision::Span;
use crate::detect::normalise::visible;

/// A text without disguises.
pub(super) struct Plain {
    pub(super) text: String,
    /// For every byte of the text: the original character's range.
    origins: Vec<Span>,
}

impl Plain {
    /// Translates a range of the plain text into one of the original.
    pub(super) fn original(&self, start: usize, end: usize) -> Option<Span> {
        let first = self.origins.get(start)?;
        let last = self.origins.get(end.checked_sub(1)?)?;
        Some(Span {
            start: first.start,
            end: last.end,
        })
    }
}

/// The text with invisible characters dropped and full-width forms, special blanks and special
/// hyphens in their plain form; `None` when it has none of these.
pub(super) fn undisguised(text: &str) -> Option<Plain> {
    if text.is_ascii() || text.chars().all(|c| plain(c) == Some(c)) {
        return None;
    }
    let mut out = Plain {
        text: String::with_capacity(text.len()),
        origins: Vec::new(),
    };
    for (start, c) in text.char_indices() {
        let Some(plain) = plain(c) else { continue };
        out.text.push(plain);
        let origin = Span {
            start,
            end: start + c.len_utf8(),
        };
        out.origins.resize(out.text.len(), origin);
    }
    Some(out)
}

fn plain(c: char) -> Option<char> {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0),
        '\u{00A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => Some(' '),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' => Some('-'),
        '\u{0660}'..='\u{0669}' => char::from_u32(u32::from(c) - 0x0660 + 0x30),
        '\u{06F0}'..='\u{06F9}' => char::from_u32(u32::from(c) - 0x06F0 + 0x30),
        '\u{0966}'..='\u{096F}' => char::from_u32(u32::from(c) - 0x0966 + 0x30),
        _ => visible(c),
    }
}
