//! Characters that stores and hashes cannot carry (ruling 7).

use std::borrow::Cow;

const REPLACEMENT_ESCAPE: &[u8] = b"\\ufffd";
const REPLACEMENT_UTF8: &[u8] = "\u{fffd}".as_bytes();

/// Replaces NUL (raw or `\u0000`) and lone surrogate escapes by U+FFFD in the text of a JSON
/// document, before anything is parsed or hashed. Everything else stays byte for byte.
#[must_use]
pub fn sanitize(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| matches!(byte, b'\\' | 0)) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    let mut changed = false;
    while let Some(step) = Step::next(rest) {
        let (taken, left) = rest.split_at(step.len.min(rest.len()));
        out.extend_from_slice(step.instead.unwrap_or(taken));
        changed |= step.instead.is_some();
        rest = left;
    }
    if changed {
        Cow::Owned(out)
    } else {
        Cow::Borrowed(text)
    }
}

/// One unit of the text: how many bytes it takes and what stands in for it.
struct Step {
    len: usize,
    instead: Option<&'static [u8]>,
}

impl Step {
    fn next(text: &[u8]) -> Option<Self> {
        Some(match text {
            [] => return None,
            [0, ..] => Self {
                len: 1,
                instead: Some(REPLACEMENT_UTF8),
            },
            [b'\\', b'u', ..] => Self::escape(text),
            [b'\\', ..] => Self::keep(2),
            _ => Self::keep(
                text.iter()
                    .position(|b| matches!(b, b'\\' | 0))
                    .unwrap_or(text.len()),
            ),
        })
    }

    fn keep(len: usize) -> Self {
        Self { len, instead: None }
    }

    fn escape(text: &[u8]) -> Self {
        match unit(text) {
            Some(0 | 0xdc00..=0xdfff) => Self {
                len: 6,
                instead: Some(REPLACEMENT_ESCAPE),
            },
            Some(0xd800..=0xdbff) => match text.get(6..).and_then(unit) {
                Some(0xdc00..=0xdfff) => Self::keep(12),
                _ => Self {
                    len: 6,
                    instead: Some(REPLACEMENT_ESCAPE),
                },
            },
            Some(_) => Self::keep(6),
            None => Self::keep(2),
        }
    }
}

/// The code unit of a `\uXXXX` escape at the start of `text`.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(text: &str) -> String {
        String::from_utf8(sanitize(text.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn nul_and_lone_surrogates_become_the_replacement_character() {
        assert_eq!(clean(r#"{"a":"x\u0000y"}"#), r#"{"a":"x\ufffdy"}"#);
        assert_eq!(clean(r#""\ud800""#), r#""\ufffd""#);
        assert_eq!(clean(r#""\udc00\ud800""#), r#""\ufffd\ufffd""#);
        assert_eq!(clean(r#""\ud800\u0041""#), r#""\ufffd\u0041""#);
        assert_eq!(clean("\"a\0b\""), "\"a\u{fffd}b\"");
    }

    #[test]
    fn pairs_and_escaped_backslashes_stay() {
        for text in [
            r#""\ud83d\ude00""#,
            r#""\\u0000""#,
            r#""\\\\ud800""#,
            r#""\n\"""#,
            "{}",
        ] {
            assert_eq!(clean(text), text);
            assert!(matches!(sanitize(text.as_bytes()), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn broken_escapes_are_left_to_the_parser() {
        for text in [r#""\u00"#, r#""\u"#, "\"\\", r#""\uzzzz""#, r#""\u+000""#] {
            assert_eq!(clean(text), text);
        }
    }
}
