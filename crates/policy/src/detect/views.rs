//! Readings of a text: as it looks, and what its encoded parts say.

mod decode;
mod spelling;

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::normalise::normalise;

/// Encoded parts longer than this in sum are not decoded further.
const MAX_DECODED: usize = 1 << 20;

/// One reading of a text.
#[derive(Debug)]
pub struct View<'a> {
    /// How it was obtained.
    pub kind: ViewKind,
    /// The normalised text.
    pub text: Cow<'a, str>,
}

/// How a view was obtained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ViewKind {
    /// As it looks.
    Plain,
    /// Digits and signs read as letters.
    Leetspeak,
    /// Letters set apart joined to words.
    Spaced,
    /// Everything but letters removed.
    Squeezed,
    /// Read backwards.
    Reversed,
    /// Shifted by thirteen letters.
    Rot13,
    /// Percent, entity, backslash or hexadecimal codes.
    Escapes,
    /// Base64.
    Base64,
}

/// The readings of a text; the first is always the plain one.
#[must_use]
pub fn of(raw: &str) -> Vec<View<'_>> {
    let plain = normalise(raw);
    let mut views = Vec::with_capacity(1);
    let mut add = |kind, text: String| {
        views.push(View {
            kind,
            text: Cow::Owned(text),
        });
    };
    let hints = Hints::of(&plain);
    if hints.leet >= 2 {
        add(ViewKind::Leetspeak, spelling::unleet(&plain));
    }
    if hints.singles >= 6 {
        let joined = spelling::join_singles(&plain);
        add(ViewKind::Squeezed, spelling::squeeze(&joined));
        add(ViewKind::Spaced, joined);
    } else if hints.longest_word >= 24 {
        add(ViewKind::Squeezed, spelling::squeeze(&plain));
    }
    let (mirrored, shifted) = disguises(&plain);
    if mirrored {
        add(ViewKind::Reversed, plain.chars().rev().collect());
    }
    if shifted {
        add(ViewKind::Rot13, spelling::rot13(&plain));
    }
    if hints.escapes {
        decode::escapes(&plain, |text| {
            add(ViewKind::Escapes, normalise(&text).into_owned())
        });
    }
    if hints.longest_word >= 16 {
        let mut left = MAX_DECODED;
        decode::base64(&plain, &mut left, |text| {
            add(ViewKind::Base64, normalise(&text).into_owned());
        });
        decode::hex(&plain, &mut left, |text| {
            add(ViewKind::Escapes, normalise(&text).into_owned());
        });
    }
    views.insert(
        0,
        View {
            kind: ViewKind::Plain,
            text: plain,
        },
    );
    views
}

/// The text with every run of white space as one blank; `None` when it already is so.
pub(crate) fn even_gaps(text: &str) -> Option<String> {
    let uneven = |pair: &[u8]| matches!(pair, [b' ', b' '] | [b'\n' | b'\t' | b'\r', _]);
    if !text.as_bytes().windows(2).any(uneven) {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    Some(out)
}

/// What one pass over the bytes says about which decoders are worth trying.
#[derive(Debug, Default)]
struct Hints {
    /// Digits or signs between letters.
    leet: usize,
    /// Longest run of single letters set apart by one sign each.
    singles: usize,
    /// Longest run of letters, digits and the signs of base64.
    longest_word: usize,
    escapes: bool,
}

impl Hints {
    fn of(text: &str) -> Self {
        let mut hints = Self::default();
        let (mut word, mut letters, mut singles) = (0, 0, 0);
        let (mut before, mut last) = (b' ', b' ');
        for byte in text.bytes() {
            let letter = byte.is_ascii_alphabetic();
            if letter && spelling::leet_letter(last).is_some() && before.is_ascii_alphanumeric() {
                hints.leet += 1;
            }
            if letter {
                letters += 1;
            } else {
                singles = match (
                    letters,
                    matches!(byte, b' ' | b'.' | b'-' | b'_' | b'*' | b'|'),
                ) {
                    (1, true) => singles + 1,
                    (0, true) if singles > 0 => singles,
                    _ => 0,
                };
                hints.singles = hints.singles.max(singles);
                letters = 0;
            }
            let base64 = byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
            word = if base64 { word + 1 } else { 0 };
            hints.longest_word = hints.longest_word.max(word);
            hints.escapes |= matches!((last, byte), (b'%', _) if byte.is_ascii_hexdigit())
                || matches!((last, byte), (b'&', b'#') | (b'\\', b'x' | b'u'));
            (before, last) = (last, byte);
        }
        hints
    }
}

/// Words that only show up when a whole text is written backwards or shifted.
static DISGUISES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(BACKWARDS.iter().chain(SHIFTED))
        .ok()
});

const BACKWARDS: &[&str] = &[
    "snoitcurtsni",
    "suoiverp",
    "drager",
    "erongi",
    "tpmorp",
    "tegrof",
    "laever",
    "metsys",
    "selur",
    "senilediug",
];

const SHIFTED: &[&str] = &[
    "vafgehpgvba",
    "cerivbhf",
    "qvfertneq",
    "vtaber",
    "cebzcg",
    "sbetrg",
    "erirny",
    "flfgrz",
    "ehyrf",
    "thvqryvarf",
    "bireevqr",
];

fn disguises(text: &str) -> (bool, bool) {
    let Some(words) = DISGUISES.as_ref() else {
        return (true, true);
    };
    let (mut mirrored, mut shifted) = (0, 0);
    for found in words.find_iter(text).take(64) {
        if found.pattern().as_usize() < BACKWARDS.len() {
            mirrored += 1
        } else {
            shifted += 1
        }
    }
    (mirrored > 0, shifted > 0)
}
