//! Strings as RFC 8785 §3.2.2.2 writes them and §3.2.3 orders them.

use std::cmp::Ordering;

/// Order by UTF-16 code units, which differs from code point order above the surrogates.
pub(super) fn utf16_order(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

/// Appends `string` quoted, escaping only what ECMAScript's `JSON.stringify` escapes.
pub(super) fn write_string(out: &mut Vec<u8>, string: &str) {
    out.push(b'"');
    for &byte in string.as_bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0x00..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
