//! What a witness signs, and what not: a function of the request and of what it signed before.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use writ_chain::Hash;
use writ_chain::checkpoint::{self, Checkpoint, NoteError, VerifiedCheckpoint};
use writ_chain::cosignature::WitnessSigner;
use writ_chain::keys::NamedVerifier;
use writ_chain::merkle::{empty_root, verify_consistency};

/// A longer proof belongs to no tree that can be.
const MAX_PROOF: usize = 63;

/// The witness's key and the logs it witnesses, by origin.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) signer: WitnessSigner,
    pub(crate) logs: BTreeMap<String, Vec<NamedVerifier>>,
}

/// A request to cosign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    /// The size the log believes was cosigned last.
    old: u64,
    proof: Vec<Hash>,
    note: &'a str,
}

/// What was cosigned last of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Latest {
    pub(crate) size: u64,
    pub(crate) root: Hash,
}

/// Why a checkpoint is not cosigned; C2SP tlog-witness gives each its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// 400.
    #[error("not an add-checkpoint request")]
    Malformed,
    /// 400.
    #[error("the old size is larger than the checkpoint's")]
    OldIsLarger,
    /// 404.
    #[error("not a log this witness knows")]
    UnknownLog,
    /// 403.
    #[error("no signature of the log's keys, or a wrong one")]
    NotSigned,
    /// 409, with the size that was cosigned last.
    #[error("{0} was cosigned last")]
    AnotherSize(u64),
    /// 422.
    #[error("the checkpoint does not extend the one cosigned last")]
    Inconsistent,
}

impl<'a> Request<'a> {
    /// Reads `old <size>`, proof lines, a blank line and the checkpoint.
    pub(crate) fn parse(body: &'a str) -> Result<Self, Refusal> {
        let (head, note) = body.split_once("\n\n").ok_or(Refusal::Malformed)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old "));
        let old = old.and_then(decimal).ok_or(Refusal::Malformed)?;
        let hash = |line: &str| BASE64.decode(line).ok()?.try_into().ok();
        let proof: Option<Vec<Hash>> = lines.map(hash).collect();
        let proof = proof.filter(|proof| proof.len() <= MAX_PROOF);
        Ok(Self {
            old,
            proof: proof.ok_or(Refusal::Malformed)?,
            note,
        })
    }
}

impl Witness {
    /// The checkpoint, if it may be cosigned after `latest` (by the log's origin).
    ///
    /// # Errors
    /// [`Refusal`] names the first thing that is in the way, in the specification's order.
    pub(crate) fn examine(
        &self,
        request: &Request<'_>,
        latest: impl Fn(&str) -> Option<Latest>,
    ) -> Result<VerifiedCheckpoint, Refusal> {
        let claimed = checkpoint::unverified(request.note).ok_or(Refusal::Malformed)?;
        let keys = self.logs.get(&claimed.origin).ok_or(Refusal::UnknownLog)?;
        let verified = checkpoint::open(request.note, keys).map_err(|error| match error {
            NoteError::Malformed | NoteError::NotALine => Refusal::Malformed,
            NoteError::UnknownKey | NoteError::BadSignature { .. } => Refusal::NotSigned,
        })?;
        let latest = latest(&claimed.origin).unwrap_or(Latest {
            size: 0,
            root: empty_root(),
        });
        grows(verified.checkpoint(), request, latest)?;
        Ok(verified)
    }
}

fn grows(head: &Checkpoint, request: &Request<'_>, latest: Latest) -> Result<(), Refusal> {
    if request.old > head.size {
        return Err(Refusal::OldIsLarger);
    }
    if request.old != latest.size {
        return Err(Refusal::AnotherSize(latest.size));
    }
    let consistent = verify_consistency(
        latest.size,
        &latest.root,
        head.size,
        &head.root,
        &request.proof,
    );
    consistent.then_some(()).ok_or(Refusal::Inconsistent)
}

/// Decimal without sign or leading zeros.
fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    (plain && !leading_zero).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests;
