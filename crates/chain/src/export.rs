//! The export format `writ-ledger-export/2`: JSON lines, a header, the entries, a manifest.
//!
//! ```text
//! {"checkpoint":"<signed note>","format":"writ-ledger-export/2","from":0,…,"org":"<uuid>","size":N,"to":N}
//! {"leaf":"<base64 of the exact leaf bytes>","seq":0}
//! {"from":1,"nodes":["<base64 hash>",…],"to":9}
//! {"manifest":"<signed note over the counts and the SHA-256 of all lines before>"}
//! ```
//!
//! The lines between header and manifest cover the `size` entries of the checkpoint exactly once
//! and in order. A line with `nodes` is a redaction mark: entries that are not shown, by the roots
//! of the complete subtrees they form ([`crate::merkle::subtrees`]), so that what is shown still
//! adds up to the signed root. Every line is canonical JSON, so each of its bytes counts.
//!
//! Verification keys are not part of a bundle: a reader brings the keys it trusts
//! ([`crate::verify::verify_export`]).

mod key;
mod manifest;
mod writer;

pub use key::{ExportSigner, RsaKey};
pub use manifest::{Manifest, Tally};
pub use writer::Writer;

use crate::Hash;
use crate::canonical::{self, NotCanonical};
use crate::global::Inclusion;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The one format this release writes and reads.
pub const FORMAT: &str = "writ-ledger-export/2";

/// The first line of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// Whose ledger.
    pub org: Uuid,
    /// How many entries the checkpoint covers.
    pub size: u64,
    /// The first entry that was asked for.
    pub from: u64,
    /// The first entry that was not asked for any more.
    pub to: u64,
    /// The period that was asked for, which gave `from` and `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// What else was asked for: a field of the entry, and its value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filter: BTreeMap<String, String>,
    /// The signed checkpoint over the entries.
    pub checkpoint: String,
    /// The checkpoint's place in the log over all organisations, which witnesses sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global: Option<Inclusion>,
}

/// A half-open time range by the entries' `occurred_at`, microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// The first microsecond; absent = from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<i64>,
    /// The first microsecond after it; absent = to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<i64>,
}

impl Header {
    /// The header of a bundle with every entry.
    #[must_use]
    pub fn whole(org: Uuid, size: u64, checkpoint: String) -> Self {
        Self {
            format: FORMAT.to_owned(),
            org,
            size,
            from: 0,
            to: size,
            period: None,
            filter: BTreeMap::new(),
            checkpoint,
            global: None,
        }
    }
}

/// A line after the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// An entry: its sequence number and the exact leaf bytes.
    Entry(u64, Vec<u8>),
    /// Entries that are not shown.
    Redacted(Redacted),
    /// The manifest: a signed note.
    Manifest(String),
}

/// Entries `from..to` that are not shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redacted {
    /// The first that is not shown.
    pub from: u64,
    /// The roots of [`crate::merkle::subtrees`]`(from, to)`.
    #[serde(with = "crate::hashes")]
    pub nodes: Vec<Hash>,
    /// The first that is shown again.
    pub to: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestLine {
    manifest: String,
}

/// A line that is not what its place calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a line of {FORMAT}")]
pub struct InvalidLine;

impl From<NotCanonical> for InvalidLine {
    fn from(_: NotCanonical) -> Self {
        Self
    }
}

/// The header line, with its line end.
///
/// # Errors
/// [`InvalidLine`] cannot happen in practice; it is passed on rather than hidden.
pub fn header_line(header: &Header) -> Result<String, InvalidLine> {
    line(header)
}

/// One entry line, with its line end.
#[must_use]
pub fn entry_line(seq: u64, leaf_bytes: &[u8]) -> String {
    format!(
        "{{\"leaf\":\"{}\",\"seq\":{seq}}}\n",
        BASE64.encode(leaf_bytes)
    )
}

/// One redaction mark, with its line end.
///
/// # Errors
/// As [`header_line`].
pub fn redacted_line(redacted: &Redacted) -> Result<String, InvalidLine> {
    line(redacted)
}

/// The last line, with its line end.
///
/// # Errors
/// As [`header_line`].
pub fn manifest_line(note: &str) -> Result<String, InvalidLine> {
    line(&ManifestLine {
        manifest: note.to_owned(),
    })
}

/// Reads a header line with its line end.
///
/// # Errors
/// [`InvalidLine`] for anything else, another format included.
pub fn read_header(line: &[u8]) -> Result<Header, InvalidLine> {
    let header: Header = read(line)?;
    (header.format == FORMAT)
        .then_some(header)
        .ok_or(InvalidLine)
}

/// Reads a later line with its line end.
///
/// # Errors
/// [`InvalidLine`].
pub fn read_line(line: &[u8]) -> Result<Line, InvalidLine> {
    if let Some(rest) = line.strip_prefix(b"{\"leaf\":\"") {
        return entry(rest).ok_or(InvalidLine);
    }
    if line.starts_with(b"{\"manifest\"") {
        return read(line).map(|it: ManifestLine| Line::Manifest(it.manifest));
    }
    read(line).map(Line::Redacted)
}

/// An entry has one spelling, so it is read without a JSON parser.
fn entry(rest: &[u8]) -> Option<Line> {
    let rest = rest.strip_suffix(b"}\n")?;
    let colon = rest.iter().rposition(|byte| *byte == b':')?;
    let (leaf, seq) = rest.split_at_checked(colon + 1)?;
    let leaf = leaf.strip_suffix(b"\",\"seq\":")?;
    let plain = seq.iter().all(u8::is_ascii_digit) && (seq.len() == 1 || !seq.starts_with(b"0"));
    let seq = std::str::from_utf8(seq).ok().filter(|_| plain)?;
    Some(Line::Entry(seq.parse().ok()?, BASE64.decode(leaf).ok()?))
}

/// Reads a value and insists on its one spelling.
fn read<T: Serialize + for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<T, InvalidLine> {
    let value: T = serde_json::from_slice(bytes).map_err(|_| InvalidLine)?;
    (line(&value)?.as_bytes() == bytes)
        .then_some(value)
        .ok_or(InvalidLine)
}

fn line(value: &impl Serialize) -> Result<String, InvalidLine> {
    let mut bytes = canonical::to_vec(value)?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(|_| InvalidLine)
}

#[cfg(test)]
mod tests;
