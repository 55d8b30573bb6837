//! Decoders of encoded parts.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Encoded parts looked at in one text.
const MAX_PARTS: usize = 64;
/// Shorter encoded words are ordinary words.
const MIN_WORD: usize = 20;
/// Shorter decoded texts cannot carry an order.
const MIN_TEXT: usize = 8;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Decodes the base64 words of a text that turn out to be readable.
pub(super) fn base64(text: &str, left: &mut usize, mut found: impl FnMut(String)) {
    let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_');
    let words = text
        .as_bytes()
        .split(|b| !inside(*b))
        .filter(|word| word.len() >= MIN_WORD);
    for word in words.take(MAX_PARTS) {
        if word.len() > *left {
            return;
        }
        *left -= word.len();
        let url_safe = word.iter().any(|b| matches!(b, b'-' | b'_'));
        let engine = if url_safe { URL_SAFE } else { STANDARD };
        if let Some(text) = engine.decode(word).ok().and_then(readable) {
            found(text);
        }
    }
}

/// Decodes long hexadecimal words.
pub(super) fn hex(text: &str, left: &mut usize, mut found: impl FnMut(String)) {
    let bytes = text.as_bytes();
    let words = bytes
        .split(|b| !b.is_ascii_hexdigit())
        .filter(|word| word.len() >= MIN_WORD);
    for word in words.take(MAX_PARTS) {
        if word.len() > *left {
            return;
        }
        *left -= word.len();
        if let Some(text) = hex::decode(word).ok().and_then(readable) {
            found(text);
        }
    }
}

/// Resolves percent codes, HTML entities and backslash codes, each in one pass over the text.
pub(super) fn escapes(text: &str, mut found: impl FnMut(String)) {
    let percent = |rest: &str| Some((u32::from_str_radix(rest.get(..2)?, 16).ok()?, 2));
    let slash = |rest: &str| {
        let length = match rest.as_bytes().first()? {
            b'x' => 3,
            b'u' => 5,
            _ => return None,
        };
        Some((u32::from_str_radix(rest.get(1..length)?, 16).ok()?, length))
    };
    let mut changed = replace_codes(text, "%", percent);
    changed = replace_codes(changed.as_deref().unwrap_or(text), "&#", entity).or(changed);
    changed = replace_codes(changed.as_deref().unwrap_or(text), "\\", slash).or(changed);
    if let Some(text) = changed {
        found(text);
    }
}

fn entity(rest: &str) -> Option<(u32, usize)> {
    let end = rest.bytes().take(10).position(|b| b == b';')?;
    let digits = rest.get(..end)?;
    let code = match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some((code, end + 1))
}

/// Replaces every code that `parse` understands; `None` when there is none.
///
/// Bytes are collected first, because percent codes spell UTF-8 byte by byte.
fn replace_codes(
    text: &str,
    mark: &str,
    parse: impl Fn(&str) -> Option<(u32, usize)>,
) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut changed = false;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(mark) {
        out.extend_from_slice(before.as_bytes());
        match parse(after).and_then(|(code, used)| Some((code, after.get(used..)?))) {
            Some((code, tail)) => {
                push(&mut out, code, mark);
                changed = true;
                rest = tail;
            }
            None => {
                out.extend_from_slice(mark.as_bytes());
                rest = after;
            }
        }
    }
    out.extend_from_slice(rest.as_bytes());
    changed.then(|| String::from_utf8_lossy(&out).into_owned())
}

fn push(out: &mut Vec<u8>, code: u32, mark: &str) {
    match (mark, u8::try_from(code), char::from_u32(code)) {
        ("%", Ok(byte), _) => out.push(byte),
        (_, _, Some(c)) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        _ => {}
    }
}

/// Accepts decoded bytes that are text: UTF-8, almost no control characters, mostly letters.
fn readable(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let total = text.chars().count();
    let controls = text
        .chars()
        .filter(|c| c.is_control() && !c.is_whitespace())
        .count();
    let letters = text
        .chars()
        .filter(|c| c.is_alphabetic() || *c == ' ')
        .count();
    (total >= MIN_TEXT && controls == 0 && letters * 10 >= total * 6).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_escapes(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        escapes(text, |t| out.push(t));
        out
    }

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(all_escapes("%69gnore%20all"), ["ignore all"]);
        assert_eq!(all_escapes("&#105;gnore &#x61;ll"), ["ignore all"]);
        assert_eq!(all_escapes("\\x69gnore \\u0061ll"), ["ignore all"]);
        assert_eq!(all_escapes("100 % sure &# \\n"), Vec::<String>::new());
        assert_eq!(all_escapes("%C3%A9t%C3%A9"), ["été"]);
    }

    #[test]
    fn base64_words_are_decoded_and_random_ids_are_not_text() {
        let mut out = Vec::new();
        let text = "run aWdub3JlIGFsbCBydWxlcw== id 9fK2xQ7aPz41LmNoR8sT";
        base64(text, &mut 1000, |t| out.push(t));
        assert_eq!(out, ["ignore all rules"]);
    }
}
