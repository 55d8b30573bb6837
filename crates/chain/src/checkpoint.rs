//! Checkpoints: C2SP `tlog-checkpoint` inside a C2SP `signed-note`.
//!
//! ```text
//! <origin> LF <size> LF <base64 root> LF [<extension> LF …] LF
//! — <key name> <base64 (key id ‖ signature)> LF …
//! ```

use crate::Hash;
use crate::keys::{NamedSigner, NamedVerifier};
use crate::note;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use uuid::Uuid;

/// A tree head: what a log says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log, one non-empty line.
    pub origin: String,
    /// The number of leaves.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// Further lines, empty for our own logs.
    pub extensions: Vec<String>,
}

/// A checkpoint that at least one trusted key signed; only [`open`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCheckpoint {
    checkpoint: Checkpoint,
    signed_by: Vec<String>,
    text: String,
    lines: String,
}

impl VerifiedCheckpoint {
    /// What was signed.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The exact text that was signed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The note with the signatures that were checked and no others.
    #[must_use]
    pub fn note(&self) -> String {
        format!("{}\n{}", self.text, self.lines)
    }

    /// Names of the trusted keys that signed, each once.
    #[must_use]
    pub fn signed_by(&self) -> &[String] {
        &self.signed_by
    }
}

/// Why a note was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not a signed note, or its text is not a checkpoint.
    #[error("not a signed checkpoint")]
    Malformed,
    /// A key we know is named, and its signature is wrong: the whole note is refused.
    #[error("signature of known key {name} is wrong")]
    BadSignature {
        /// The key's name.
        name: String,
    },
    /// Every signature is by a key we do not know.
    #[error("no signature by a known key")]
    UnknownKey,
    /// An origin or extension that cannot stand on one line.
    #[error("origin or extension is not one non-empty line")]
    NotALine,
}

/// The origin of a tenant's log, which `key_name` signs: `<key name>/<tenant uuid>`.
#[must_use]
pub fn tenant_origin(key_name: &str, tenant: Uuid) -> String {
    format!("{key_name}/{tenant}")
}

/// The origin of the global log, which `key_name` signs: `<key name>/global`.
#[must_use]
pub fn global_origin(key_name: &str) -> String {
    format!("{key_name}/global")
}

impl Checkpoint {
    /// The signed text, without the signatures.
    ///
    /// # Errors
    /// [`NoteError::NotALine`].
    pub fn to_text(&self) -> Result<String, NoteError> {
        let mut lines = std::iter::once(&self.origin).chain(&self.extensions);
        if !lines.all(|line| is_line(line)) {
            return Err(NoteError::NotALine);
        }
        let root = BASE64.encode(self.root);
        let mut text = format!("{}\n{}\n{root}\n", self.origin, self.size);
        for extension in &self.extensions {
            text.push_str(extension);
            text.push('\n');
        }
        Ok(text)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let root = BASE64.decode(root).ok()?.try_into().ok()?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        let sound = is_line(origin) && extensions.iter().all(|line| is_line(line));
        sound.then_some(())?;
        Some(Self {
            origin: origin.to_owned(),
            size: read_size(size)?,
            root,
            extensions,
        })
    }
}

/// The checkpoint as a note under one signature per signer.
///
/// # Errors
/// [`NoteError::NotALine`].
pub fn sign(checkpoint: &Checkpoint, signers: &[&NamedSigner]) -> Result<String, NoteError> {
    let text = checkpoint.to_text()?;
    let mut note = format!("{text}\n");
    for signer in signers {
        let public = signer.verifier();
        let signature = signer.sign(text.as_bytes());
        note.push_str(&note::line(public.name(), public.id(), &signature));
    }
    Ok(note)
}

/// Reads a note and checks it against the keys the caller trusts. Signatures by unknown keys are
/// ignored; one wrong signature by a known key refuses the note.
///
/// # Errors
/// [`NoteError`] other than [`NoteError::NotALine`].
pub fn open(note: &str, trusted: &[NamedVerifier]) -> Result<VerifiedCheckpoint, NoteError> {
    let (text, signatures) = note::split(note).ok_or(NoteError::Malformed)?;
    let checkpoint = Checkpoint::parse(text).ok_or(NoteError::Malformed)?;
    let (mut signed_by, mut lines) = (Vec::<String>::new(), String::new());
    for line in signatures {
        let known = trusted
            .iter()
            .filter(|key| key.name() == line.name && key.id() == line.key_id);
        for key in known {
            if !key.verifies(text.as_bytes(), &line.signature) {
                return Err(NoteError::BadSignature {
                    name: line.name.to_owned(),
                });
            }
            lines.push_str(&note::line(line.name, line.key_id, &line.signature));
            if !signed_by.iter().any(|name| name == line.name) {
                signed_by.push(line.name.to_owned());
            }
        }
    }
    if signed_by.is_empty() {
        return Err(NoteError::UnknownKey);
    }
    Ok(VerifiedCheckpoint {
        checkpoint,
        signed_by,
        text: text.to_owned(),
        lines,
    })
}

/// What a note says before anybody checked a signature: good for choosing the keys to check it
/// with, and for nothing else.
#[must_use]
pub fn unverified(note: &str) -> Option<Checkpoint> {
    let (text, _) = note::split(note)?;
    Checkpoint::parse(text)
}

/// Decimal without sign or leading zeros.
fn read_size(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    (plain && !leading_zero).then(|| text.parse().ok())?
}

fn is_line(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c < ' ' || c == '\u{7f}')
}

#[cfg(test)]
mod tests;
