//! Readings of a text: as it looks, and what its encoded parts say.

mod cut;
mod decode;
mod spelling;
mod words;

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::bytes;
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
    let bytes = text.as_bytes();
    let pairs = bytes.iter().zip(bytes.get(1..).unwrap_or_default());
    // Without an early end, so that the compiler makes vector instructions of it.
    let uneven = pairs.fold(false, |any, (b, next)| {
        let blanks = (*b == b' ') & (*next == b' ');
        any | blanks | (*b == b'\n') | (*b == b'\t') | (*b == b'\r')
    });
    if !uneven {
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
        let bytes = text.as_bytes();
        let (leet, escapes) = signs(bytes);
        let long = if has_run(bytes, 20) {
            longest_word(bytes)
        } else {
            0
        };
        Self {
            leet,
            singles: if may_be_spaced(bytes) {
                singles(bytes)
            } else {
                0
            },
            longest_word: long,
            escapes: escapes && has_codes(bytes),
        }
    }
}

fn is(byte: u8, class: u8) -> bool {
    CLASSES
        .get(usize::from(byte))
        .is_some_and(|known| known & class != 0)
}

/// Digits and signs between letters, and whether any byte may begin a code.
fn signs(bytes: &[u8]) -> (usize, bool) {
    let sign = |b| {
        matches!(
            b,
            b'0'..=b'9' | b'!' | b'|' | b'@' | b'$' | b'+' | b'%' | b'&' | b'\\'
        )
    };
    let (mut leet, mut codes) = (0, false);
    for at in bytes::places(bytes, sign) {
        codes |= bytes.get(at).is_some_and(|b| is(*b, CODE));
        let near = at.checked_sub(1).and_then(|before| bytes.get(before..));
        if let Some([before, sign, after, ..]) = near {
            let read = is(*sign, LEET) && is(*before, LETTER | DIGIT) && is(*after, LETTER);
            leet += usize::from(read);
        }
    }
    (leet, codes)
}

/// Whether there are `run` bytes in a row that occur in base64; looks at few of the others.
fn has_run(bytes: &[u8], run: usize) -> bool {
    let mut start = 0;
    while let Some(window) = bytes.get(start..start + run) {
        match window.iter().rposition(|b| !is(*b, BASE64)) {
            Some(stop) => start += stop + 1,
            None => return true,
        }
    }
    false
}

fn longest_word(bytes: &[u8]) -> usize {
    let words = bytes.split(|b| !is(*b, BASE64));
    words.map(<[u8]>::len).max().unwrap_or_default()
}

/// Whether 11 bytes in a row have no two letters side by side, as six single letters do.
fn may_be_spaced(bytes: &[u8]) -> bool {
    let mut start = 0;
    while let Some(window) = bytes.get(start..start + 11) {
        let pairs = window.array_windows::<2>();
        match pairs
            .rev()
            .position(|pair| pair.iter().all(|b| is(*b, LETTER)))
        {
            Some(back) => start += 10 - back,
            None => return true,
        }
    }
    false
}

/// The longest run of single letters set apart by one sign each.
fn singles(bytes: &[u8]) -> usize {
    let (mut longest, mut run, mut letters) = (0, 0, 0);
    for byte in bytes {
        if is(*byte, LETTER) {
            letters += 1;
            continue;
        }
        run = match (letters, is(*byte, APART)) {
            (1, true) => run + 1,
            (0, true) => run,
            _ => 0,
        };
        longest = longest.max(run);
        letters = 0;
    }
    longest
}

/// Whether a mark is followed by what makes it a code.
fn has_codes(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| match pair {
        [b'%', next] => next.is_ascii_hexdigit(),
        [b'&', b'#'] | [b'\\', b'x' | b'u'] => true,
        _ => false,
    })
}

/// Words that only show up when a whole text is written backwards or shifted; frequent ones stand
/// between blanks.
static DISGUISES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostFirst)
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
    let text = text.to_ascii_lowercase();
    for found in words.find_iter(&text).take(64) {
        if found.pattern().as_usize() < BACKWARDS.len() {
            mirrored += 1
        } else {
            shifted += 1
        }
    }
    (mirrored > 0, shifted > 0)
}
