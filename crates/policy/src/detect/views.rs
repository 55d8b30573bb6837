//! Readings of a text: as it looks, and what its encoded parts say.

mod cut;
mod decode;
mod spelling;
mod words;

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
    /// Text without gaps cut into words.
    Cut,
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
    if hints.longest_word >= 24 {
        cut::at_words(&plain, |text| add(ViewKind::Cut, text));
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
    if hints.longest_word >= 20 {
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

/// The text with every run of white space as one blank.
pub(crate) fn even_gaps(text: &str) -> Cow<'_, str> {
    let uneven = |pair: &[u8]| matches!(pair, [b' ', b' '] | [b'\n' | b'\t' | b'\r', _]);
    if !text.as_bytes().windows(2).any(uneven) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    Cow::Owned(out)
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

const LETTER: u8 = 1;
const DIGIT: u8 = 2;
/// Read as a letter in leetspeak.
const LEET: u8 = 4;
/// Sets single letters apart.
const APART: u8 = 8;
/// Occurs in base64.
const BASE64: u8 = 16;
/// May begin a code.
const CODE: u8 = 32;

/// What each byte may be part of.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    loop {
        let mut class = 0;
        if byte.is_ascii_alphabetic() {
            class |= LETTER | BASE64;
        }
        if byte.is_ascii_digit() {
            class |= DIGIT | BASE64;
        }
        if spelling::leet_letter(byte).is_some() {
            class |= LEET;
        }
        if matches!(byte, b' ' | b'.' | b'-' | b'_' | b'*' | b'|') {
            class |= APART;
        }
        if matches!(byte, b'+' | b'/' | b'-' | b'_') {
            class |= BASE64;
        }
        if matches!(byte, b'%' | b'&' | b'\\') {
            class |= CODE;
        }
        #[allow(clippy::indexing_slicing, reason = "a byte is below 256")]
        {
            classes[byte as usize] = class;
        }
        if byte == u8::MAX {
            break classes;
        }
        byte += 1;
    }
};

impl Hints {
    fn of(text: &str) -> Self {
        let mut hints = Self::default();
        let (mut word, mut letters, mut singles) = (0, 0, 0);
        let (mut before, mut last) = (0, 0);
        for byte in text.bytes() {
            let class = CLASSES.get(usize::from(byte)).copied().unwrap_or_default();
            if class & LETTER != 0 {
                letters += 1;
                let leet = last & LEET != 0 && before & (LETTER | DIGIT) != 0;
                hints.leet += usize::from(leet);
            } else {
                singles = match (letters, class & APART != 0) {
                    (1, true) => singles + 1,
                    (0, true) => singles,
                    _ => 0,
                };
                hints.singles = hints.singles.max(singles);
                letters = 0;
            }
            word = if class & BASE64 == 0 { 0 } else { word + 1 };
            hints.longest_word = hints.longest_word.max(word);
            hints.escapes |= last & CODE != 0;
            (before, last) = (last, class);
        }
        hints.escapes = hints.escapes && has_codes(text);
        hints
    }
}

/// Whether a mark is followed by what makes it a code.
fn has_codes(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| match pair {
        [b'%', next] => next.is_ascii_hexdigit(),
        [b'&', b'#'] | [b'\\', b'x' | b'u'] => true,
        _ => false,
    })
}

/// Words that only show up when a whole text is written backwards or shifted; frequent ones stand
/// between blanks.
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
    "drowssap",
    " terces",
    " eht ",
    " ruoy ",
    " uoy ",
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
    "cnffjbeq",
    "frperg",
    " gur ",
    " naq ",
    " lbhe ",
    " lbh ",
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
