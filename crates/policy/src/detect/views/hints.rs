//! What makes a reading of a text worth trying.

use super::spelling;
use crate::detect::bytes;

/// What the bytes of a text say about which decoders are worth trying.
#[derive(Debug, Default)]
pub(super) struct Hints {
    /// Digits or signs between letters.
    pub(super) leet: usize,
    /// Longest run of single letters set apart by one sign each.
    pub(super) singles: usize,
    /// Longest run of letters, digits and the signs of base64.
    pub(super) longest_word: usize,
    pub(super) escapes: bool,
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
    pub(super) fn of(text: &str) -> Self {
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
