//! An export for a SIEM: lines of another format, and the signed manifest over them. They hold no proof
//! that they are in the ledger; the manifest shows who exported them, and that these are all.

use super::report::Findings;
use super::{Finding, Report};
use crate::checkpoint::NoteError;
use crate::export::{self, Header, Line, Manifest, Tally};
use crate::keys::Trusted;
use uuid::Uuid;

const FORMATS: [&str; 2] = ["ocsf/1.3.0", "cef/0"];
const MANIFEST: &[u8] = b"{\"manifest\"";

/// Whether a file that begins with this line is one for a SIEM, or what is left of it.
#[must_use]
pub fn is_for_siem(first_line: &[u8]) -> bool {
    let event = || {
        let value: Option<serde_json::Value> = serde_json::from_slice(first_line).ok();
        value.is_some_and(|it| it.get("class_uid").is_some())
    };
    first_line.starts_with(b"CEF:") || first_line.starts_with(MANIFEST) || event()
}

/// Verifies lines with their line ends. The last is their manifest, unless that stands `beside` them;
/// `filtered` says that entries may have been left out.
pub fn verify_siem<L: AsRef<[u8]>>(
    lines: impl IntoIterator<Item = L>,
    beside: Option<&[u8]>,
    trusted: &Trusted,
    filtered: bool,
) -> Report {
    let (mut tally, mut count, mut last) = (Tally::default(), 0_u64, None);
    let mut take = |line: Option<L>| {
        if let Some(line) = line {
            tally.line(line.as_ref());
            tally.shown();
            count += 1;
        }
    };
    for line in lines {
        take(last.replace(line));
    }
    let manifest = if let Some(beside) = beside {
        take(last);
        Some(beside.to_vec())
    } else {
        last.map(|it| it.as_ref().to_vec())
    };
    let mut findings = Findings::default();
    let opened = manifest.ok_or(Finding::ManifestMissing);
    let (org, manifest_signed_by) = match opened.and_then(|it| open(&it, tally, trusted)) {
        Ok((manifest, by)) => {
            let (shown, size) = (manifest.entries, manifest.size);
            let some = (shown < size && !filtered).then_some(Finding::NotAllShown { shown, size });
            findings.extend(some);
            (manifest.org, by)
        }
        Err(finding) => {
            findings.add(finding);
            (Uuid::nil(), Vec::new())
        }
    };
    let mut report = Report::new(org, count, None, Vec::new(), findings);
    report.manifest_signed_by = manifest_signed_by;
    report
}

/// The manifest in a line, if a trusted key signed it and it is of the lines that were counted.
fn open(line: &[u8], tally: Tally, trusted: &Trusted) -> Result<(Manifest, Vec<String>), Finding> {
    if !line.starts_with(MANIFEST) {
        return Err(Finding::ManifestMissing);
    }
    let Ok(Line::Manifest(note)) = export::read_line(line) else {
        return Err(Finding::ManifestDiffers);
    };
    let (manifest, by) = Manifest::open(&note, trusted).map_err(|why| match why {
        NoteError::BadSignature { name } => Finding::BadSignature { name },
        NoteError::Malformed | NoteError::UnknownKey | NoteError::NotALine => {
            Finding::ManifestDiffers
        }
    })?;
    let counted = tally.manifest(&Header {
        format: manifest.format.clone(),
        from: manifest.from,
        to: manifest.to,
        ..Header::whole(manifest.org, manifest.size, String::new())
    });
    let keys = manifest.keys.clone();
    if !FORMATS.contains(&&*manifest.format) || manifest != (Manifest { keys, ..counted }) {
        return Err(Finding::ManifestDiffers);
    }
    if by.is_empty() {
        return Err(Finding::ManifestUnsigned);
    }
    Ok((manifest, by))
}
