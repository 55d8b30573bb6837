//! The export format `writ-ledger-export/1`: JSON lines, one header, then one line per entry in
//! order of `seq`.
//!
//! ```text
//! {"checkpoint":"<signed note>","format":"writ-ledger-export/1","org":"<uuid>","size":N}
//! {"leaf":"<base64 of the exact leaf bytes>","seq":0}
//! ```
//!
//! The header's checkpoint covers exactly the `size` entries that follow. Verification keys are not
//! part of a bundle: a reader brings the keys it trusts ([`crate::verify::verify_export`]).

use crate::canonical::{self, NotCanonical};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The one format this release writes and reads.
pub const FORMAT: &str = "writ-ledger-export/1";

/// The first line of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// Whose ledger.
    pub org: Uuid,
    /// How many entry lines follow.
    pub size: u64,
    /// The signed checkpoint over them.
    pub checkpoint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryLine<'a> {
    seq: u64,
    #[serde(borrow)]
    leaf: std::borrow::Cow<'a, str>,
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

/// The header line, without a line end.
///
/// # Errors
/// [`InvalidLine`] cannot happen in practice; it is passed on rather than hidden.
pub fn header_line(org: Uuid, size: u64, checkpoint: &str) -> Result<String, InvalidLine> {
    let checkpoint = checkpoint.to_owned();
    line(&Header {
        format: FORMAT.to_owned(),
        org,
        size,
        checkpoint,
    })
}

/// One entry line, without a line end.
///
/// # Errors
/// [`InvalidLine`] cannot happen in practice; it is passed on rather than hidden.
pub fn entry_line(seq: u64, leaf_bytes: &[u8]) -> Result<String, InvalidLine> {
    line(&EntryLine {
        seq,
        leaf: BASE64.encode(leaf_bytes).into(),
    })
}

/// Reads a header line.
///
/// # Errors
/// [`InvalidLine`] for anything else, a later format included.
pub fn read_header(line: &str) -> Result<Header, InvalidLine> {
    let header: Header = serde_json::from_str(line).map_err(|_| InvalidLine)?;
    if header.format == FORMAT {
        Ok(header)
    } else {
        Err(InvalidLine)
    }
}

/// Reads an entry line: its sequence number and the leaf bytes.
///
/// # Errors
/// [`InvalidLine`].
pub fn read_entry(line: &str) -> Result<(u64, Vec<u8>), InvalidLine> {
    let entry: EntryLine<'_> = serde_json::from_str(line).map_err(|_| InvalidLine)?;
    let leaf = BASE64
        .decode(entry.leaf.as_bytes())
        .map_err(|_| InvalidLine)?;
    Ok((entry.seq, leaf))
}

fn line(value: &impl Serialize) -> Result<String, InvalidLine> {
    String::from_utf8(canonical::to_vec(value)?).map_err(|_| InvalidLine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_back() {
        let org = Uuid::from_u128(5);
        let header = header_line(org, 3, "note\n").unwrap();
        assert!(!header.contains('\n'));
        let read = read_header(&header).unwrap();
        assert_eq!(
            (read.org, read.size, read.checkpoint.as_str()),
            (org, 3, "note\n")
        );
        let entry = entry_line(2, b"\x00\xff").unwrap();
        assert_eq!(read_entry(&entry), Ok((2, b"\x00\xff".to_vec())));
    }

    #[test]
    fn another_format_or_an_unknown_field_is_refused() {
        let header = header_line(Uuid::nil(), 0, "").unwrap();
        assert!(read_header(&header.replace("export/1", "export/2")).is_err());
        assert!(read_header(&header.replace("\"size\"", "\"key\":1,\"size\"")).is_err());
        assert!(
            read_entry("{\"seq\":1}").is_err() && read_entry("{\"leaf\":\"*\",\"seq\":1}").is_err()
        );
    }
}
