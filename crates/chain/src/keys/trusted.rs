use super::{InvalidKey, NamedVerifier};
use crate::cosignature::WitnessKey;
use crate::export::RsaKey;

/// The keys a reader trusts, each for one use: who holds the key for receipts cannot sign heads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trusted {
    /// For checkpoints of the log.
    pub checkpoint: Vec<NamedVerifier>,
    /// For receipts, coverage and exports.
    pub export: Vec<NamedVerifier>,
    /// For exports alone, beside those.
    pub export_rsa: Vec<RsaKey>,
    /// For cosignatures of witnesses.
    pub witness: Vec<WitnessKey>,
}

/// A text that is no verifier key of a type its use allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}: {why}")]
pub struct InvalidTrusted {
    text: String,
    why: InvalidKey,
}

impl Trusted {
    /// Reads verifier keys, by use.
    ///
    /// # Errors
    /// [`InvalidTrusted`] names the first that cannot be used.
    pub fn read(
        checkpoint: &[String],
        export: &[String],
        witness: &[String],
    ) -> Result<Self, InvalidTrusted> {
        let mut trusted = Self {
            checkpoint: all(checkpoint, NamedVerifier::parse)?,
            witness: all(witness, WitnessKey::parse)?,
            ..Self::default()
        };
        for text in export {
            if let Ok(key) = RsaKey::parse(text) {
                trusted.export_rsa.push(key);
            } else {
                let key = NamedVerifier::parse(text).map_err(|why| refused(text, why))?;
                trusted.export.push(key);
            }
        }
        Ok(trusted)
    }

    /// Whether no key for the manifest of an export is among them.
    pub(crate) fn has_no_export_key(&self) -> bool {
        self.export.is_empty() && self.export_rsa.is_empty()
    }
}

impl From<Vec<NamedVerifier>> for Trusted {
    fn from(checkpoint: Vec<NamedVerifier>) -> Self {
        Self {
            checkpoint,
            ..Self::default()
        }
    }
}

fn all<K>(
    texts: &[String],
    parse: impl Fn(&str) -> Result<K, InvalidKey>,
) -> Result<Vec<K>, InvalidTrusted> {
    let read = |text: &String| parse(text).map_err(|why| refused(text, why));
    texts.iter().map(read).collect()
}

fn refused(text: &str, why: InvalidKey) -> InvalidTrusted {
    InvalidTrusted {
        text: text.to_owned(),
        why,
    }
}
