//! Signed statements of the ledger beside its checkpoints: receipts and coverage.
//!
//! The signature covers `<format> LF ‖ canonical JSON of the statement`, so it is good for nothing but
//! a statement of that format. A statement says where its proof is; a reader checks the proof too and
//! does not stop at the signature.

use crate::canonical::{self, NotCanonical};
use crate::keys::{NamedSigner, NamedVerifier};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What can be signed: a value that names its format.
pub trait Statement: Serialize {
    /// The formats that are read.
    const FORMATS: &'static [&'static str];

    /// The format it says it has, which is also the first line of what is signed.
    fn format(&self) -> &str;
}

/// A statement with its signature, as it is sent and kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signed<T> {
    /// What was signed.
    pub statement: T,
    /// Name of the signing key.
    pub key_name: String,
    /// Id of the signing key, 8 hex digits.
    pub key_id: String,
    /// The Ed25519 signature, base64.
    pub signature: String,
}

/// Why a signature says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefusal {
    /// The statement is of another format.
    #[error("not a statement of the format {}", .0.join(" or "))]
    Format(&'static [&'static str]),
    /// None of the trusted keys is the one that is named.
    #[error("no trusted key is {0}")]
    UnknownKey(String),
    /// A trusted key is named and did not sign this.
    #[error("signature of known key {0} is wrong")]
    BadSignature(String),
}

/// A text that is no statement, or spells one in another way than it was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a statement in its one spelling")]
pub struct Unreadable;

/// A statement as the API answers it (`{"data": …}`) or as it was written out, whoever signed it:
/// [`Signed::open`] says whether to believe it.
///
/// # Errors
/// [`Unreadable`] also for what a lenient reader lets pass, such as a field that is named twice: what a
/// person sees in the file must be what was signed.
pub fn read<T: Statement + DeserializeOwned>(text: &str) -> Result<Signed<T>, Unreadable> {
    let mut value = exact(text)?;
    if let Some(data) = value.as_object_mut().and_then(|it| it.remove("data")) {
        // What stands beside it is under no signature, and would be read with it.
        if value.as_object().is_some_and(|beside| !beside.is_empty()) {
            return Err(Unreadable);
        }
        value = data;
    }
    let signed: Signed<T> = serde_json::from_value(value.clone()).map_err(|_| Unreadable)?;
    if canonical::to_vec(&signed) == canonical::to_vec(&value) {
        Ok(signed)
    } else {
        Err(Unreadable)
    }
}

/// A text that every reader takes for the same value: each field once, whole numbers.
///
/// # Errors
/// [`Unreadable`].
pub(crate) fn exact(text: &str) -> Result<Value, Unreadable> {
    canonical::canonicalize(text).map_err(|_| Unreadable)?;
    let value: Value = serde_json::from_str(text).map_err(|_| Unreadable)?;
    canonical::is_exact(&value)
        .then_some(value)
        .ok_or(Unreadable)
}

/// Signs a statement.
///
/// # Errors
/// [`NotCanonical`] cannot happen for our own types in practice; it is passed on rather than hidden.
pub fn sign<T: Statement>(statement: T, signer: &NamedSigner) -> Result<Signed<T>, NotCanonical> {
    let signature = signer.sign(&signed_bytes(&statement)?);
    let public = signer.verifier();
    Ok(Signed {
        statement,
        key_name: public.name().to_owned(),
        key_id: hex::encode(public.id()),
        signature: BASE64.encode(signature),
    })
}

impl<T: Statement> Signed<T> {
    /// The statement, if a trusted key signed exactly it.
    ///
    /// # Errors
    /// [`SignatureRefusal`].
    pub fn open(&self, trusted: &[NamedVerifier]) -> Result<&T, SignatureRefusal> {
        if !T::FORMATS.contains(&self.statement.format()) {
            return Err(SignatureRefusal::Format(T::FORMATS));
        }
        let named = |key: &&NamedVerifier| {
            key.name() == self.key_name && hex::encode(key.id()) == self.key_id
        };
        let mut named = trusted.iter().filter(named).peekable();
        if named.peek().is_none() {
            let key = format!("{}+{}", self.key_name, self.key_id);
            return Err(SignatureRefusal::UnknownKey(key));
        }
        let bad = || SignatureRefusal::BadSignature(self.key_name.clone());
        let message = signed_bytes(&self.statement).map_err(|_| bad())?;
        let signature = BASE64.decode(&self.signature).map_err(|_| bad())?;
        if named.any(|key| key.verifies(&message, &signature)) {
            Ok(&self.statement)
        } else {
            Err(bad())
        }
    }
}

fn signed_bytes<T: Statement>(statement: &T) -> Result<Vec<u8>, NotCanonical> {
    let mut bytes = format!("{}\n", statement.format()).into_bytes();
    bytes.extend(canonical::to_vec(statement)?);
    Ok(bytes)
}
