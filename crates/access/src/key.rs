//! API keys: a prefix and exactly forty base62 characters.
//!
//! `<prefix><12 public id><24 secret><4 check>`, for example `ag_test_` followed by forty
//! characters. No underscore follows the prefix, so the client library's own scrubber recognises
//! `ag_` keys in text. The check is derived from a CRC-32 of everything before it: a mistyped key is
//! refused without a look-up. It is no secret and proves nothing.

mod stored;

use std::fmt;

use subtle::ConstantTimeEq;

use crate::digest::hmac_sha256;

pub use stored::{HashFailed, Pepper, PepperTooShort, bcrypt_hash, bcrypt_verify, mac};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PUBLIC: usize = 12;
const SECRET: usize = 24;
const CHECK: usize = 4;

/// The four accepted beginnings of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Prefix {
    /// `ag_`
    Live,
    /// `ag_test_`: may not act in `production`.
    Test,
    /// `exe_prod_`
    ExeProd,
    /// `exe_dev_`
    ExeDev,
}

impl Prefix {
    /// Longest first among those that begin alike.
    pub const ALL: [Self; 4] = [Self::Test, Self::Live, Self::ExeProd, Self::ExeDev];

    /// The prefix as it is written, underscore included.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "ag_",
            Self::Test => "ag_test_",
            Self::ExeProd => "exe_prod_",
            Self::ExeDev => "exe_dev_",
        }
    }

    /// Whether keys with this prefix are test keys.
    #[must_use]
    pub const fn is_test(self) -> bool {
        matches!(self, Self::Test)
    }
}

/// A newly made key; its text is shown once to whoever asked for it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    text: String,
    prefix: Prefix,
}

impl ApiKey {
    /// Makes a key from 32 random bytes; the same bytes give the same key.
    ///
    /// The bytes seed an HMAC-SHA256 stream from which characters are drawn with rejection, so each
    /// of the 62 is equally likely.
    #[must_use]
    pub fn generate(prefix: Prefix, random: [u8; 32]) -> Self {
        let mut text = String::with_capacity(prefix.as_str().len() + PUBLIC + SECRET + CHECK);
        text.push_str(prefix.as_str());
        text.extend(base62_stream(random).take(PUBLIC + SECRET));
        let check = check_of(&text);
        text.extend(check);
        Self { text, prefix }
    }

    /// Reads a presented key; refuses what cannot have been issued.
    ///
    /// # Errors
    /// [`KeyFormat`] says which rule was broken; nothing of the key is repeated.
    pub fn parse(text: &str) -> Result<ParsedKey<'_>, KeyFormat> {
        let prefix = Prefix::ALL
            .into_iter()
            .find(|prefix| text.starts_with(prefix.as_str()))
            .ok_or(KeyFormat::Prefix)?;
        let body = text.strip_prefix(prefix.as_str()).unwrap_or_default();
        if body.len() != PUBLIC + SECRET + CHECK {
            return Err(KeyFormat::Length);
        }
        if !body.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(KeyFormat::Alphabet);
        }
        let (public_id, rest) = body.split_at(PUBLIC);
        let (secret, check) = rest.split_at(SECRET);
        let unchecked = text.strip_suffix(check).unwrap_or_default();
        let expected = check_of(unchecked).iter().collect::<String>();
        if !bool::from(expected.as_bytes().ct_eq(check.as_bytes())) {
            return Err(KeyFormat::Check);
        }
        Ok(ParsedKey {
            text,
            prefix,
            public_id,
            secret,
        })
    }

    /// The whole key. Show it once; keep [`mac`] and [`bcrypt_hash`] instead.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Which prefix the key was made with.
    #[must_use]
    pub const fn prefix(&self) -> Prefix {
        self.prefix
    }

    /// The twelve characters by which the key is looked up.
    #[must_use]
    pub fn public_id(&self) -> &str {
        self.body().get(..PUBLIC).unwrap_or_default()
    }

    /// The twenty-four secret characters: the input of [`bcrypt_hash`].
    #[must_use]
    pub fn secret(&self) -> &str {
        self.body().get(PUBLIC..PUBLIC + SECRET).unwrap_or_default()
    }

    fn body(&self) -> &str {
        self.text
            .strip_prefix(self.prefix.as_str())
            .unwrap_or_default()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("prefix", &self.prefix)
            .field("public_id", &self.public_id())
            .finish_non_exhaustive()
    }
}

/// A presented key whose form is right; whether it was issued is still unknown.
#[derive(Clone, Copy)]
pub struct ParsedKey<'a> {
    text: &'a str,
    prefix: Prefix,
    public_id: &'a str,
    secret: &'a str,
}

impl<'a> ParsedKey<'a> {
    /// Which of the four prefixes the key has.
    #[must_use]
    pub const fn prefix(&self) -> Prefix {
        self.prefix
    }

    /// The twelve characters by which the key is looked up.
    #[must_use]
    pub const fn public_id(&self) -> &'a str {
        self.public_id
    }

    /// The twenty-four secret characters: what [`bcrypt_verify`] compares.
    #[must_use]
    pub const fn secret(&self) -> &'a str {
        self.secret
    }

    /// The whole key as presented.
    #[must_use]
    pub const fn expose(&self) -> &'a str {
        self.text
    }
}

impl fmt::Debug for ParsedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParsedKey")
            .field("prefix", &self.prefix)
            .field("public_id", &self.public_id)
            .finish_non_exhaustive()
    }
}

/// Why a text cannot be an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFormat {
    /// None of the four prefixes.
    #[error("the key has an unknown prefix")]
    Prefix,
    /// Not exactly forty characters after the prefix.
    #[error("the key has the wrong length")]
    Length,
    /// A character outside `0-9A-Za-z`.
    #[error("the key has a character outside 0-9A-Za-z")]
    Alphabet,
    /// The last four characters do not fit the others.
    #[error("the key is mistyped")]
    Check,
}

/// Unbounded base62 characters drawn from an HMAC stream.
fn base62_stream(seed: [u8; 32]) -> impl Iterator<Item = char> {
    (0u32..)
        .flat_map(move |block| hmac_sha256(&seed, &[&block.to_be_bytes()]))
        // 248 is the largest multiple of 62 in a byte: above it a remainder would be biased.
        .filter(|byte| *byte < 248)
        .map(|byte| base62(u32::from(byte)))
}

fn base62(value: u32) -> char {
    let index = usize::try_from(value % 62).unwrap_or_default();
    ALPHABET.get(index).copied().map_or('0', char::from)
}

fn check_of(text: &str) -> [char; CHECK] {
    let crc = crc32fast::hash(text.as_bytes());
    [crc / 238_328, crc / 3_844, crc / 62, crc].map(base62)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prefixes() -> impl Strategy<Value = Prefix> {
        prop::sample::select(Prefix::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn a_generated_key_parses_to_its_parts(prefix in prefixes(), seed: [u8; 32]) {
            let key = ApiKey::generate(prefix, seed);
            let parsed = ApiKey::parse(key.expose()).unwrap();
            prop_assert_eq!(parsed.prefix(), prefix);
            prop_assert_eq!(parsed.public_id(), key.public_id());
            prop_assert_eq!(parsed.secret(), key.secret());
            prop_assert_eq!(key.expose().len(), prefix.as_str().len() + 40);
            prop_assert_eq!(parsed.public_id().len(), 12);
            prop_assert_eq!(parsed.secret().len(), 24);
        }

        #[test]
        fn one_changed_character_is_refused(
            prefix in prefixes(), seed: [u8; 32], at in 0usize..40, by in 1usize..62,
        ) {
            let key = ApiKey::generate(prefix, seed);
            let at = prefix.as_str().len() + at;
            let mut bytes = key.expose().as_bytes().to_vec();
            let old = ALPHABET.iter().position(|byte| *byte == bytes[at]).unwrap();
            bytes[at] = ALPHABET[(old + by) % 62];
            let changed = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(ApiKey::parse(&changed).unwrap_err(), KeyFormat::Check);
        }

        #[test]
        fn no_text_makes_parsing_fail_otherwise(text in ".{0,80}") {
            let _refused_or_not = ApiKey::parse(&text);
        }
    }

    #[test]
    fn each_broken_rule_is_named() {
        let key = ApiKey::generate(Prefix::Live, [7; 32]);
        let text = key.expose();
        assert_eq!(ApiKey::parse("sk_live_abc").unwrap_err(), KeyFormat::Prefix);
        assert_eq!(ApiKey::parse("").unwrap_err(), KeyFormat::Prefix);
        assert_eq!(
            ApiKey::parse(text.split_at(42).0).unwrap_err(),
            KeyFormat::Length
        );
        assert_eq!(
            ApiKey::parse(&format!("{text}0")).unwrap_err(),
            KeyFormat::Length
        );
        let spaced = format!("{}  ", text.split_at(text.len() - 2).0);
        assert_eq!(ApiKey::parse(&spaced).unwrap_err(), KeyFormat::Alphabet);
    }

    #[test]
    fn a_key_moved_to_another_prefix_is_refused() {
        let key = ApiKey::generate(Prefix::Test, [9; 32]);
        let body = key.expose().strip_prefix("ag_test_").unwrap();
        assert_eq!(
            ApiKey::parse(&format!("ag_{body}")).unwrap_err(),
            KeyFormat::Check
        );
    }

    #[test]
    fn characters_are_drawn_evenly() {
        let mut counts = [0u32; 128];
        for letter in base62_stream([3; 32]).take(62_000) {
            counts[letter as usize] += 1;
        }
        let used: Vec<u32> = ALPHABET
            .iter()
            .map(|byte| counts[usize::from(*byte)])
            .collect();
        // 1,000 expected each; six standard deviations are about 190.
        assert!(
            used.iter().all(|count| (800..1_200).contains(count)),
            "{used:?}"
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = ApiKey::generate(Prefix::ExeProd, [1; 32]);
        let parsed = ApiKey::parse(key.expose()).unwrap();
        let pepper = Pepper::new("a pepper of sixteen+").unwrap();
        for shown in [
            format!("{key:?}"),
            format!("{parsed:?}"),
            format!("{pepper:?}"),
        ] {
            assert!(
                !shown.contains(key.secret()) && !shown.contains("sixteen"),
                "{shown}"
            );
        }
    }
}
