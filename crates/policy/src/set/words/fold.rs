//! One spelling for all that read the same: compatibility forms, case, gaps, invisible characters
//! and, where asked for, accents.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{decompose_compatible, is_combining_mark};

use crate::detect::normalise::{fold_look_alikes, is_accent, visible};

/// Whether accents tell words apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accents {
    Ignored,
    Kept,
}

/// Folds a text: compatibility forms, full case folding, one blank for every gap.
pub(super) fn fold(raw: &str, accents: Accents) -> String {
    if raw.is_ascii() {
        return even_gaps(raw.chars().map(|c| c.to_ascii_lowercase()), raw.len());
    }
    match accents {
        Accents::Kept => {
            let visible = raw.chars().filter_map(visible).nfkc();
            // Through upper case, so that ß and ss, ς and σ are the same.
            let upper = visible.flat_map(char::to_uppercase);
            even_gaps(upper.flat_map(char::to_lowercase).nfkc(), raw.len())
        }
        Accents::Ignored => without_accents(raw),
    }
}

/// The same letter by letter. Nothing is composed again: words are taken apart in the same way.
fn without_accents(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars().filter_map(visible) {
        if c.is_ascii() {
            push_even(&mut out, c.to_ascii_lowercase());
            continue;
        }
        decompose_compatible(c, |part| {
            if !is_accent(part) {
                let folded = part.to_uppercase().flat_map(char::to_lowercase);
                folded.for_each(|c| push_even(&mut out, c));
            }
        });
    }
    out
}

/// The folded text as it looks, when that is not how it is spelled.
pub(super) fn look_alikes(folded: &str) -> Option<String> {
    if folded.is_ascii() {
        return None;
    }
    let plain = fold_look_alikes(folded);
    (plain != folded).then_some(plain)
}

/// Whether a character makes one word with the letter beside it. Scripts that write without blanks
/// do not.
pub(super) fn joins(c: char) -> bool {
    (c.is_alphanumeric() || is_combining_mark(c)) && !runs_on(c)
}

/// Thai to Myanmar, Khmer, kana and Han.
fn runs_on(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}'
        | '\u{2E80}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}')
}

fn even_gaps(chars: impl Iterator<Item = char>, size: usize) -> String {
    let mut out = String::with_capacity(size);
    chars.for_each(|c| push_even(&mut out, c));
    out
}

fn push_even(out: &mut String, c: char) {
    if !c.is_whitespace() {
        out.push(c);
    } else if !out.ends_with(' ') {
        out.push(' ');
    }
}
