//! Signed notes (C2SP signed-note): a text, a blank line, one line for each signature.

use crate::keys::{KeyId, is_key_name};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Larger notes are refused unread.
pub(crate) const MAX_NOTE_BYTES: usize = 64 * 1024;
/// More signature lines than this are refused unread.
const MAX_SIGNATURES: usize = 100;

/// One line `— <key name> <base64 (key id ‖ signature)>`.
pub(crate) struct SignatureLine<'a> {
    pub(crate) name: &'a str,
    pub(crate) key_id: KeyId,
    pub(crate) signature: Vec<u8>,
}

/// The text (with its last newline) and the signature lines; the last blank line parts them.
pub(crate) fn split(note: &str) -> Option<(&str, Vec<SignatureLine<'_>>)> {
    let control = |c: char| c != '\n' && (c < ' ' || c == '\u{7f}');
    if note.len() > MAX_NOTE_BYTES || note.contains(control) {
        return None;
    }
    let (before, signatures) = note.rsplit_once("\n\n")?;
    let text = note.get(..before.len() + 1)?;
    Some((text, lines(signatures)?))
}

/// The signed text of a note, whoever signed it; the last blank line ends it.
#[must_use]
pub fn text_of(note: &str) -> Option<&str> {
    let (before, _) = note.rsplit_once("\n\n")?;
    note.get(..before.len() + 1)
}

/// Signature lines alone, as a witness answers them.
pub(crate) fn lines(signatures: &str) -> Option<Vec<SignatureLine<'_>>> {
    let lines: Vec<&str> = signatures.strip_suffix('\n')?.split('\n').collect();
    if lines.len() > MAX_SIGNATURES {
        return None;
    }
    lines.into_iter().map(read_line).collect()
}

/// Writes one signature line, with its line end.
#[must_use]
pub fn line(name: &str, key_id: KeyId, signature: &[u8]) -> String {
    let blob = [&key_id[..], signature].concat();
    format!("— {name} {}\n", BASE64.encode(blob))
}

fn read_line(line: &str) -> Option<SignatureLine<'_>> {
    let (name, blob) = line.strip_prefix("— ")?.split_once(' ')?;
    let blob = BASE64.decode(blob).ok()?;
    let (key_id, signature) = blob.split_first_chunk::<4>()?;
    let sound = is_key_name(name) && !signature.is_empty();
    sound.then(|| SignatureLine {
        name,
        key_id: *key_id,
        signature: signature.to_vec(),
    })
}
