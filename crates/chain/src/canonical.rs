//! Canonical JSON bytes: RFC 8785, read from JSON *text*, extended so that no two numbers collapse.
//!
//! # Rules
//!
//! * Objects are sorted by the UTF-16 code units of their keys; no whitespace; strings escaped as
//!   ECMAScript's `JSON.stringify` does. No Unicode normalisation.
//! * A key that appears twice in one object is refused (after unescaping and replacement).
//! * Absent and `null` differ; `{}`, `[]`, `0`, `""` and `false` are values.
//! * **Numbers.** Let *v* be the exact decimal value of the number's text, and *t* the text RFC 8785
//!   prints for the IEEE double nearest to *v*. If *t* denotes exactly *v*, the output is *t*. Any
//!   other number (9007199254740993, 0.1000000000000000055, 1e400) is printed as a bare JSON number
//!   `[-]D[eX]`: `D` are the significant digits as an integer without leading or trailing zeros,
//!   `X` the power of ten, left out when zero. A text stands for one value, and a value selects one
//!   of the two forms, so two different numbers never share bytes; being unquoted, a number never
//!   shares bytes with a string. Zero in every spelling, `-0` included, is `0`.
//! * `\u0000` and lone surrogates become U+FFFD (ruling 7: replaced before hashing, identically
//!   everywhere). This is the only place where text is altered.
//!
//! The output is JSON and canonicalising it again changes nothing.

mod number;
mod parser;
mod plain;
mod text;

use parser::Parser;
use serde::Serialize;
use serde_json::Value;

/// How deep arrays and objects may nest. The edge allows 32 (reliability §5); our own framing adds
/// a few levels; the parser recurses, so the bound is what keeps a hostile text off the stack's end.
pub const MAX_DEPTH: usize = 64;

/// Why a text has no canonical form; offsets are bytes from its start.
///
/// Carries no part of the text: keys and values may be personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCanonical {
    /// Not JSON as RFC 8259 defines it.
    #[error("not JSON at byte {at}")]
    Syntax {
        /// Where reading stopped.
        at: usize,
    },
    /// One object names the same key twice, so its meaning depends on the reader.
    #[error("an object ending at byte {at} has a key twice")]
    DuplicateKey {
        /// The end of the object.
        at: usize,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels at byte {at}")]
    TooDeep {
        /// The opening bracket that was one too many.
        at: usize,
    },
    /// An exponent of more than 17 digits: no such number can be meant.
    #[error("number out of range at byte {at}")]
    NumberOutOfRange {
        /// The end of the number.
        at: usize,
    },
    /// A value that serde cannot write as JSON, such as a map with non-string keys.
    #[error("value cannot be written as JSON")]
    NotSerializable,
}

/// The canonical bytes of one JSON text.
///
/// # Errors
/// [`NotCanonical`] when the text is not JSON, repeats a key, or nests too deep.
pub fn canonicalize(json_text: &str) -> Result<Vec<u8>, NotCanonical> {
    let mut out = Vec::with_capacity(json_text.len());
    let mut parser = Parser::new(json_text);
    parser.value(&mut out, 0)?;
    parser.end()?;
    Ok(out)
}

/// The canonical bytes of one of our own values. Floats that are not finite are written as `null`
/// by serde; what is signed or hashed has none.
///
/// # Errors
/// [`NotCanonical::NotSerializable`] when serde refuses the value, else as [`canonicalize`].
pub fn to_vec(value: &impl Serialize) -> Result<Vec<u8>, NotCanonical> {
    let text = serde_json::to_string(value).map_err(|_| NotCanonical::NotSerializable)?;
    canonicalize(&text)
}

/// Whether a text is its own canonical form.
fn is_canonical(text: &str) -> bool {
    canonicalize(text).is_ok_and(|written| written == text.as_bytes())
}

/// Whether a text is its own canonical form and [`is_exact`].
pub(crate) fn is_signable(text: &str) -> bool {
    let closer = || is_canonical(text) && serde_json::from_str(text).is_ok_and(|it| is_exact(&it));
    plain::is_plain(text) || closer()
}

/// Whether every number is whole and fits 64 bits, and no text holds a NUL, which canonical JSON
/// replaces: what is signed is so, and every reader then understands the same by it.
pub(crate) fn is_exact(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => true,
        Value::Number(number) => number.is_i64() || number.is_u64(),
        Value::String(text) => !text.contains('\0'),
        Value::Array(items) => items.iter().all(is_exact),
        Value::Object(fields) => fields
            .iter()
            .all(|(name, it)| !name.contains('\0') && is_exact(it)),
    }
}

/// The members of a JSON object: unescaped key and canonical value, sorted. `None` for a text that
/// is another kind of JSON value.
pub(crate) fn members(json_text: &str) -> Result<Option<Vec<Member>>, NotCanonical> {
    let mut parser = Parser::new(json_text);
    let members = parser.root_members()?;
    parser.end()?;
    Ok(members)
}

/// One member of an object: the unescaped key and the canonical bytes of the value.
pub(crate) type Member = (String, Vec<u8>);

/// Writes `{…}` over members that are already sorted and distinct.
pub(crate) fn write_object<'a>(out: &mut Vec<u8>, members: impl Iterator<Item = &'a Member>) {
    out.push(b'{');
    for (index, (key, value)) in members.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        text::write_string(out, key);
        out.push(b':');
        out.extend_from_slice(value);
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests;
