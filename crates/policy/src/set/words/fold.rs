//! One spelling for all that read the same: compatibility forms, case, gaps, invisible characters
//! and, where asked for, accents.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::detect::normalise::{fold_look_alikes, is_accent, visible};

/// Whether accents tell words apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accents {
    Ignored,
    Kept,
}

/// Folds a text: NFKC, full case folding, one blank for every gap.
pub(super) fn fold(raw: &str, accents: Accents) -> String {
    if raw.is_ascii() {
        return even_gaps(raw.chars().map(|c| c.to_ascii_lowercase()), raw.len());
    }
    let visible = raw.chars().filter_map(visible).nfkc();
    // Through upper case, so that ß and ss, ς and σ are the same.
    let folded = visible
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase);
    match accents {
        Accents::Kept => even_gaps(folded.nfkc(), raw.len()),
        Accents::Ignored => {
            let plain = folded.nfkd().filter(|c| !is_accent(*c));
            even_gaps(plain.nfc(), raw.len())
        }
    }
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
    for c in chars {
        if !c.is_whitespace() {
            out.push(c);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out
}
