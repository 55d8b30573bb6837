//! What a witness says of a checkpoint: C2SP `tlog-cosignature`, the Ed25519 form (type 0x04).
//!
//! A cosignature covers `"cosignature/v1" LF "time <seconds>" LF ‖ checkpoint text`. It states that
//! at that time this was the largest consistent tree the witness had seen of the log.

use crate::keys::{InvalidKey, KeyId, Vkey};
use crate::note;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use std::fmt;

const COSIGNATURE: u8 = 0x04;
/// Bytes of a cosignature: the time, the signature.
const TIMED: usize = 8 + 64;

/// A witness's secret key. Its `Debug` shows only the public half.
#[derive(Clone)]
pub struct WitnessSigner {
    key: SigningKey,
    public: WitnessKey,
}

/// A witness's public key; the text form is a signed-note "vkey" of type 0x04.
#[derive(Clone, PartialEq, Eq)]
pub struct WitnessKey {
    vkey: Vkey,
    key: VerifyingKey,
}

/// A cosignature that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// The witness's name.
    pub witness: String,
    /// When it signed by its clock, seconds since 1970.
    pub time: u64,
    /// The signature line, with its line end.
    pub line: String,
}

/// A key we know is named, and its cosignature is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cosignature of known witness {0} is wrong")]
pub struct BadCosignature(pub String);

impl WitnessSigner {
    /// A signer from a 32-byte seed. A key is for one witness only: the signed message does not
    /// name it.
    ///
    /// # Errors
    /// [`InvalidKey::Name`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, InvalidKey> {
        let key = SigningKey::from_bytes(seed);
        let public = WitnessKey::new(name, key.verifying_key())?;
        Ok(Self { key, public })
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> &WitnessKey {
        &self.public
    }

    /// The signature line over a checkpoint's text at `time` (seconds since 1970), with its line
    /// end. Whoever calls has verified and kept the checkpoint.
    #[must_use]
    pub fn cosign(&self, text: &str, time: u64) -> String {
        let signature = self.key.sign(&message(text, time)).to_bytes();
        let timed = [&time.to_be_bytes()[..], &signature].concat();
        note::line(self.public.name(), self.public.id(), &timed)
    }
}

impl fmt::Debug for WitnessSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WitnessSigner")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

impl WitnessKey {
    /// Reads the text form.
    ///
    /// # Errors
    /// [`InvalidKey`] names what does not hold.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let vkey = Vkey::parse(text)?;
        let key = vkey.key_of(&[COSIGNATURE]).ok_or(InvalidKey::Encoding)?;
        let key: &[u8; 32] = key.try_into().map_err(|_| InvalidKey::Encoding)?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| InvalidKey::Point)?;
        Ok(Self { vkey, key })
    }

    fn new(name: &str, key: VerifyingKey) -> Result<Self, InvalidKey> {
        let vkey = Vkey::new(name, &[COSIGNATURE], key.as_bytes())?;
        Ok(Self { vkey, key })
    }

    /// The witness's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.vkey.name()
    }

    /// The text form in its parts.
    #[must_use]
    pub fn vkey(&self) -> &Vkey {
        &self.vkey
    }

    /// The key's id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.vkey.id()
    }

    /// When the witness signed `text` by this timed signature; `None` when it did not.
    fn time_of(&self, text: &str, timed: &[u8]) -> Option<u64> {
        let (time, signature) = timed.split_first_chunk::<8>()?;
        let time = u64::from_be_bytes(*time);
        let signature = Signature::from_slice(signature).ok()?;
        let verified = self.key.verify_strict(&message(text, time), &signature);
        (verified.is_ok() && time > 0 && i64::try_from(time).is_ok()).then_some(time)
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.vkey.fmt(f)
    }
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessKey({self})")
    }
}

/// The cosignatures of trusted witnesses in a note, one for each witness (the latest counts).
/// Signatures by unknown keys are ignored, as is a text that is no note.
///
/// # Errors
/// [`BadCosignature`] when a trusted witness is named and its signature is wrong.
pub fn cosigned(note: &str, trusted: &[WitnessKey]) -> Result<Vec<Cosigned>, BadCosignature> {
    match note::split(note) {
        Some((text, lines)) => collect(text, lines, trusted),
        None => Ok(Vec::new()),
    }
}

/// Whether a note carries a line of the length of a cosignature, by whomever: a time and an Ed25519
/// signature, which is longer than a signature of the log.
pub(crate) fn has_cosignature(note: &str) -> bool {
    let lines = note::split(note).map(|(_, lines)| lines);
    let mut lines = lines.into_iter().flatten();
    lines.any(|line| line.signature.len() == TIMED)
}

/// As [`cosigned`], for the lines a witness answered to the checkpoint of `text`.
///
/// # Errors
/// As [`cosigned`].
pub fn cosigned_lines(
    text: &str,
    lines: &str,
    trusted: &[WitnessKey],
) -> Result<Vec<Cosigned>, BadCosignature> {
    collect(text, note::lines(lines).unwrap_or_default(), trusted)
}

fn collect(
    text: &str,
    lines: Vec<note::SignatureLine<'_>>,
    trusted: &[WitnessKey],
) -> Result<Vec<Cosigned>, BadCosignature> {
    let mut found: Vec<Cosigned> = Vec::new();
    for line in lines {
        let known = trusted
            .iter()
            .find(|key| key.name() == line.name && key.id() == line.key_id);
        let Some(key) = known else { continue };
        let time = key.time_of(text, &line.signature);
        let time = time.ok_or_else(|| BadCosignature(line.name.to_owned()))?;
        found.retain(|it| it.witness != line.name || it.time > time);
        if !found.iter().any(|it| it.witness == line.name) {
            found.push(Cosigned {
                witness: line.name.to_owned(),
                time,
                line: note::line(line.name, line.key_id, &line.signature),
            });
        }
    }
    Ok(found)
}

fn message(text: &str, time: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Checkpoint, open, sign};
    use crate::keys::NamedSigner;

    fn witness() -> WitnessSigner {
        WitnessSigner::from_seed("witness.example/w1", &[7; 32]).unwrap()
    }

    fn note() -> (String, String) {
        let checkpoint = Checkpoint {
            origin: "example.org/log".into(),
            size: 3,
            root: [4; 32],
            extensions: vec![],
        };
        let signer = NamedSigner::from_seed("example.org", &[1; 32]).unwrap();
        let note = sign(&checkpoint, &[&signer]).unwrap();
        (note, checkpoint.to_text().unwrap())
    }

    #[test]
    fn a_cosigned_checkpoint_reads_back_and_stays_a_checkpoint() {
        let (note, text) = note();
        let line = witness().cosign(&text, 1_679_315_147);
        let both = format!("{note}{line}");
        let key = WitnessKey::parse(&witness().verifier().to_string()).unwrap();
        let found = cosigned(&both, std::slice::from_ref(&key)).unwrap();
        let expected = Cosigned {
            witness: "witness.example/w1".into(),
            time: 1_679_315_147,
            line: line.clone(),
        };
        assert_eq!(found, std::slice::from_ref(&expected));
        assert_eq!(cosigned_lines(&text, &line, &[key]).unwrap(), [expected]);
        let log = NamedSigner::from_seed("example.org", &[1; 32]).unwrap();
        assert!(open(&both, &[log.verifier().clone()]).is_ok());
    }

    #[test]
    fn another_text_time_or_witness_is_not_cosigned() {
        let (note, text) = note();
        let line = witness().cosign(&text, 9);
        let key = witness().verifier().clone();
        let other = note.replace("\n3\n", "\n4\n");
        assert!(cosigned(&format!("{other}{line}"), std::slice::from_ref(&key)).is_err());
        let zero = witness().cosign(&text, 0);
        assert!(cosigned(&format!("{note}{zero}"), std::slice::from_ref(&key)).is_err());
        let stranger = WitnessSigner::from_seed("witness.example/w1", &[8; 32]).unwrap();
        let trusted = [stranger.verifier().clone()];
        assert_eq!(cosigned(&format!("{note}{line}"), &trusted), Ok(vec![]));
        assert_eq!(cosigned("no note", &trusted), Ok(vec![]));
    }

    #[test]
    fn a_checkpoint_key_is_no_witness_key() {
        let log = NamedSigner::from_seed("example.org", &[1; 32]).unwrap();
        assert!(WitnessKey::parse(&log.verifier().to_string()).is_err());
        let witness = witness().verifier().to_string();
        assert!(crate::keys::NamedVerifier::parse(&witness).is_err());
    }
}
