//! Whether a text is in canonical form already, found without writing that form: a verifier asks it of
//! every entry.

/// Deeper texts get the closer look.
const DEEPEST: usize = 16;
/// Whole numbers up to here are written as their digits (RFC 8785 §3.2.2.3).
const LARGEST: u64 = 1 << 53;

/// `true` only of a text that is its own canonical form. `false` says nothing: escapes, fractions, large
/// numbers and keys beyond ASCII are not looked at here.
pub(super) fn is_plain(text: &str) -> bool {
    let mut scan = Scan(text.as_bytes());
    scan.value(DEEPEST).is_some() && scan.0.is_empty()
}

/// What is left of a text. `None` of each part: not plain.
struct Scan<'a>(&'a [u8]);

impl<'a> Scan<'a> {
    fn value(&mut self, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match self.0.first()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string().map(drop),
            b'-' | b'0'..=b'9' => self.number(),
            _ => ["true", "false", "null"]
                .iter()
                .find_map(|word| self.take(word.as_bytes())),
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.take(b"{")?;
        if self.take(b"}").is_some() {
            return Some(());
        }
        let mut before: Option<&[u8]> = None;
        loop {
            let key = self.string()?;
            // Among ASCII texts without escapes the order of bytes is that of UTF-16 code units.
            if !key.is_ascii() || before.is_some_and(|before| before >= key) {
                return None;
            }
            before = Some(key);
            self.take(b":")?;
            self.value(depth)?;
            if self.take(b",").is_none() {
                return self.take(b"}");
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.take(b"[")?;
        if self.take(b"]").is_some() {
            return Some(());
        }
        loop {
            self.value(depth)?;
            if self.take(b",").is_none() {
                return self.take(b"]");
            }
        }
    }

    /// What stands between the quotes.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.take(b"\"")?;
        let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
        let end = self.0.iter().position(ends)?;
        let (inside, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        self.take(b"\"")?;
        Some(inside)
    }

    fn number(&mut self) -> Option<()> {
        let negative = self.take(b"-").is_some();
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit());
        let (digits, rest) = self.0.split_at_checked(digits.count())?;
        let value: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let short = value <= LARGEST && (digits == b"0" || !digits.starts_with(b"0"));
        let more = matches!(rest.first(), Some(b'.' | b'e' | b'E'));
        self.0 = rest;
        (short && !more && !(negative && value == 0)).then_some(())
    }

    fn take(&mut self, token: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(token)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::{canonicalize, is_canonical};
    use proptest::prelude::*;

    #[test]
    fn what_is_plain_is_canonical_and_what_is_not_gets_a_closer_look() {
        let plain = [
            "{}",
            "[]",
            "0",
            "-7",
            "9007199254740992",
            "\"é\u{7f}\u{1f511}\"",
            "{\"a\":[1,{\"b\":null}],\"b\":true,\"c\":false}",
        ];
        for text in plain {
            assert!(is_plain(text) && is_canonical(text), "{text}");
        }
        let escaped = ["\"\\n\"", "0.5", "1e+30", "{\"é\":1}", "9007199254740993"];
        for text in escaped {
            assert!(!is_plain(text) && is_canonical(text), "{text}");
        }
        let other = [
            "",
            " 1",
            "1 ",
            "01",
            "-0",
            "1.0",
            "1e3",
            "{\"b\":1,\"a\":1}",
            "{\"a\":1,\"a\":1}",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "\"a",
            "\"\\u0041\"",
            "nul",
            "{} {}",
            "- 1",
            "-",
        ];
        for text in other {
            assert!(!is_plain(text) && !is_canonical(text), "{text}");
        }
    }

    const PIECES: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"b\"",
        "\"é\"",
        "\"\\n\"",
        "\"\\u0061\"",
        "0",
        "1",
        "-",
        "12",
        ".5",
        "e1",
        "null",
        "true",
        " ",
        "\u{1}",
        "9007199254740993",
    ];

    /// Texts that are nearly right: pieces of JSON in any order.
    fn nearly() -> impl Strategy<Value = String> {
        proptest::collection::vec(proptest::sample::select(PIECES), 0..12)
            .prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_text_is_plain_that_is_not_its_canonical_form(text in nearly()) {
            if is_plain(&text) {
                prop_assert_eq!(canonicalize(&text).unwrap(), text.as_bytes());
            }
        }

        #[test]
        fn a_canonical_form_is_found_to_be_one(text in nearly()) {
            if let Ok(canonical) = canonicalize(&text) {
                let canonical = String::from_utf8(canonical).unwrap();
                prop_assert!(is_canonical(&canonical));
                prop_assert_eq!(is_canonical(&text), canonical == text);
            }
        }
    }
}
