use super::ExportSigner;
use crate::canonical;
use crate::checkpoint::NoteError;
use crate::keys::{KeyId, Trusted};
use crate::note;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What a bundle holds, in numbers; signed with the export keys. Its text is its canonical JSON
/// and a line end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// That of the lines before it: [`super::FORMAT`], or a SIEM's.
    pub format: String,
    /// Whose ledger.
    pub org: Uuid,
    /// How many entries the checkpoint covers.
    pub size: u64,
    /// The first entry that was asked for.
    pub from: u64,
    /// The first entry that was not asked for any more.
    pub to: u64,
    /// How many entries are shown.
    pub entries: u64,
    /// How many are not.
    pub redacted: u64,
    /// SHA-256 over every line before the manifest, lower-case hex.
    pub sha256: String,
    /// The keys that signed, `name+id`, in the order of the signature lines: a line that was
    /// removed or renamed shows.
    pub keys: Vec<String>,
}

/// Counts and digests the lines of a bundle as they are written or read.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    digest: Sha256,
    entries: u64,
    redacted: u64,
}

impl Tally {
    /// One line of any kind but the manifest, with its line end.
    pub fn line(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
    }

    /// An entry that is shown.
    pub fn shown(&mut self) {
        self.entries += 1;
    }

    /// Entries that are not.
    pub fn hidden(&mut self, count: u64) {
        self.redacted = self.redacted.saturating_add(count);
    }

    /// The manifest of what was counted under `header`.
    #[must_use]
    pub fn manifest(self, header: &super::Header) -> Manifest {
        Manifest {
            format: header.format.clone(),
            org: header.org,
            size: header.size,
            from: header.from,
            to: header.to,
            entries: self.entries,
            redacted: self.redacted,
            sha256: hex::encode(self.digest.finalize()),
            keys: Vec::new(),
        }
    }
}

impl Manifest {
    /// The manifest as a note under one signature per signer. Without a signer it is the text and
    /// a blank line: it then says what the bundle holds, and nobody vouches for that.
    ///
    /// # Errors
    /// [`NoteError::NotALine`] when a signer refuses.
    pub fn sign(mut self, signers: &[&dyn ExportSigner]) -> Result<String, NoteError> {
        let name = |signer: &&dyn ExportSigner| {
            let (name, id) = signer.named();
            named(name, id)
        };
        self.keys = signers.iter().map(name).collect();
        let mut text = canonical::to_vec(&self).map_err(|_| NoteError::NotALine)?;
        text.push(b'\n');
        let mut note = String::from_utf8(text.clone()).map_err(|_| NoteError::NotALine)?;
        note.push('\n');
        for signer in signers {
            let signature = signer.sign(&text).ok_or(NoteError::NotALine)?;
            let (name, id) = signer.named();
            note.push_str(&note::line(name, id, &signature));
        }
        Ok(note)
    }

    /// Reads a manifest and the trusted keys that signed it, `name (algorithm)`, none when it was
    /// signed by nobody trusted.
    ///
    /// # Errors
    /// [`NoteError::Malformed`], or [`NoteError::BadSignature`] of a key that is trusted.
    pub fn open(note: &str, trusted: &Trusted) -> Result<(Self, Vec<String>), NoteError> {
        let unsigned = note.strip_suffix("\n\n").filter(|it| !it.contains('\n'));
        let (text, lines) = match unsigned {
            Some(_) => (note.strip_suffix('\n').unwrap_or(note), Vec::new()),
            None => note::split(note).ok_or(NoteError::Malformed)?,
        };
        let manifest: Self = serde_json::from_str(text).map_err(|_| NoteError::Malformed)?;
        let written = canonical::to_vec(&manifest).map_err(|_| NoteError::Malformed)?;
        if text.strip_suffix('\n').map(str::as_bytes) != Some(&written) {
            return Err(NoteError::Malformed);
        }
        let names: Vec<String> = lines.iter().map(|it| named(it.name, it.key_id)).collect();
        if manifest.keys != names {
            return Err(NoteError::Malformed);
        }
        let mut signed_by = Vec::new();
        for line in lines {
            if let Some((algorithm, holds)) = holds(trusted, text, &line) {
                let name = line.name.to_owned();
                if !holds {
                    return Err(NoteError::BadSignature { name });
                }
                signed_by.push(format!("{name} ({algorithm})"));
            }
        }
        Ok((manifest, signed_by))
    }
}

fn named(name: &str, id: KeyId) -> String {
    format!("{name}+{}", hex::encode(id))
}

/// Whether a signature is right, and of which kind; `None` when the key it names is not trusted.
fn holds(
    trusted: &Trusted,
    text: &str,
    line: &note::SignatureLine<'_>,
) -> Option<(&'static str, bool)> {
    let (text, signature) = (text.as_bytes(), line.signature.as_slice());
    let named = |name: &str, id: KeyId| name == line.name && id == line.key_id;
    let mut keys = trusted.export.iter();
    if let Some(key) = keys.find(|key| named(key.name(), key.id())) {
        return Some(("Ed25519", key.verifies(text, signature)));
    }
    let mut keys = trusted.export_rsa.iter();
    let key = keys.find(|key| named(key.name(), key.id()))?;
    Some(("RSA-SHA256", key.verifies(text, signature)))
}
