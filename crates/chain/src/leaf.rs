//! A ledger leaf: the exact bytes that are stored, hashed and exported.
//!
//! ```text
//! "writ-leaf" 0x01 ‖ tenant (16) ‖ seq (u64) ‖ event id (16) ‖ prev_hash (32) ‖ length (u32) ‖ body
//! ```
//!
//! Integers are big-endian; the body is the canonical JSON of an [`EntryBody`]; nothing follows it.
//! `leaf_hash = SHA-256(0x00 ‖ leaf bytes)` is at once the tree's leaf (RFC 6962 §2.1) and the next
//! leaf's `prev_hash`. Sequence numbers are dense from 0; leaf 0 carries [`genesis_hash`], which is
//! bound to the tenant so that no chain is a prefix of another tenant's.

use crate::Hash;
use crate::canonical::{self, NotCanonical};
use crate::merkle;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const PREFIX: &[u8; 10] = b"writ-leaf\x01";
const GENESIS: &[u8] = b"writ-ledger-genesis/1\n";

/// The type of an entry that states a hole in an emitter's numbers.
pub const GAP: &str = "ledger.gap_detected.v1";

/// The largest body: an entry holds ids, enums and digests, never payloads.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// Where a leaf stands: everything of it but the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Whose ledger.
    pub tenant: Uuid,
    /// Dense from 0 within the tenant.
    pub seq: u64,
    /// The fact that is recorded.
    pub event_id: Uuid,
    /// [`leaf_hash`] of the leaf before, or [`genesis_hash`].
    pub prev_hash: Hash,
}

/// A parsed leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Where it stands.
    pub position: Position,
    /// The canonical JSON of its [`EntryBody`].
    pub body: Vec<u8>,
}

/// What an entry says. Absent fields are left out of the canonical form; strings are ids and words,
/// never names or payloads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryBody {
    /// Type of the recorded fact, such as `policy.updated.v1`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened by its emitter's clock, microseconds since 1970.
    pub occurred_at: i64,
    /// Who acted (a pseudonymous or system id).
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub actor: Option<String>,
    /// What was done, such as `agent.paused`.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub action: Option<String>,
    /// What it was done to.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub target: Option<String>,
    /// The aggregate the fact is about, in the form of its wire id.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub aggregate_id: Option<String>,
    /// For whom the actor acted, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_behalf_of: Vec<String>,
    /// How it ended, such as `allowed`.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub outcome: Option<String>,
    /// Why it ended so, a stable word.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub reason_code: Option<String>,
    /// Hash of the policy set a decision was taken under, lower-case hex.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub policy_set_hash: Option<String>,
    /// The trace it belongs to.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub trace_id: Option<String>,
    /// The time a report is about, for one of time without decisions or of an agent that was heard of.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub window: Option<Window>,
    /// Where on the log the fact was read.
    pub source: Source,
    /// Lower-case hex of [`salted_digest`] over the fact's envelope bytes.
    pub digest: String,
}

/// A field that may be left out and is never null: an entry has one spelling.
fn given<'de, D, T>(field: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(field).map(Some)
}

/// A time in which acts were not decided on, as who acted reports it, or in which an agent was heard of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its first act, microseconds since 1970.
    pub from: i64,
    /// Its last act.
    pub to: i64,
    /// How many acts, lost reports, or signs of life.
    pub count: u64,
}

/// Where a recorded fact came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The stream it was read from.
    pub stream: String,
    /// Its subject.
    pub subject: String,
    /// The emitter's incarnation.
    pub emitter: String,
    /// Dense per (organisation, emitter incarnation).
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub emitter_seq: Option<u64>,
    /// The aggregate's version, for facts that carry state.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub version: Option<u64>,
}

/// Why bytes are not a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLeaf {
    /// Too short, too long, or not of scheme version 1.
    #[error("not a framed leaf of scheme version 1")]
    Framing,
    /// The body is over [`MAX_BODY_BYTES`].
    #[error("entry body is larger than {MAX_BODY_BYTES} bytes")]
    TooLarge,
    /// The body is not a JSON object in canonical form, or is not an entry.
    #[error("entry body is not a canonical entry")]
    Body,
}

impl From<NotCanonical> for InvalidLeaf {
    fn from(_: NotCanonical) -> Self {
        Self::Body
    }
}

/// The bytes of one leaf, ready to be stored and hashed.
///
/// # Errors
/// [`InvalidLeaf::TooLarge`] or [`InvalidLeaf::Body`] when the body cannot be framed.
pub fn frame(position: &Position, body: &EntryBody) -> Result<Vec<u8>, InvalidLeaf> {
    let body = canonical::to_vec(body)?;
    let length = u32::try_from(body.len()).map_err(|_| InvalidLeaf::TooLarge)?;
    if body.len() > MAX_BODY_BYTES {
        return Err(InvalidLeaf::TooLarge);
    }
    let mut bytes = Vec::with_capacity(PREFIX.len() + 76 + body.len());
    bytes.extend_from_slice(PREFIX);
    bytes.extend_from_slice(position.tenant.as_bytes());
    bytes.extend_from_slice(&position.seq.to_be_bytes());
    bytes.extend_from_slice(position.event_id.as_bytes());
    bytes.extend_from_slice(&position.prev_hash);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

impl Leaf {
    /// Reads a leaf strictly: every byte is accounted for and the body is in canonical form, its
    /// numbers whole.
    ///
    /// # Errors
    /// [`InvalidLeaf`] names what does not hold.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidLeaf> {
        let (position, body) = unframe(bytes).ok_or(InvalidLeaf::Framing)?;
        let text = std::str::from_utf8(body).map_err(|_| InvalidLeaf::Body)?;
        if !canonical::is_signable(text) || !text.starts_with('{') {
            return Err(InvalidLeaf::Body);
        }
        Ok(Self {
            position,
            body: body.to_vec(),
        })
    }

    /// The entry; fields that a later release added are ignored.
    ///
    /// # Errors
    /// [`InvalidLeaf::Body`] when a field is missing or has the wrong type.
    pub fn entry(&self) -> Result<EntryBody, InvalidLeaf> {
        serde_json::from_slice(&self.body).map_err(|_| InvalidLeaf::Body)
    }
}

fn unframe(bytes: &[u8]) -> Option<(Position, &[u8])> {
    let rest = bytes.strip_prefix(PREFIX)?;
    let (tenant, rest) = rest.split_first_chunk::<16>()?;
    let (seq, rest) = rest.split_first_chunk::<8>()?;
    let (event_id, rest) = rest.split_first_chunk::<16>()?;
    let (prev_hash, rest) = rest.split_first_chunk::<32>()?;
    let (length, body) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let position = Position {
        tenant: Uuid::from_bytes(*tenant),
        seq: u64::from_be_bytes(*seq),
        event_id: Uuid::from_bytes(*event_id),
        prev_hash: *prev_hash,
    };
    (length == body.len() && length <= MAX_BODY_BYTES).then_some((position, body))
}

/// `SHA-256(0x00 ‖ leaf bytes)`.
#[must_use]
pub fn leaf_hash(leaf_bytes: &[u8]) -> Hash {
    merkle::leaf_hash(leaf_bytes)
}

/// `prev_hash` of a tenant's leaf 0: `SHA-256("writ-ledger-genesis/1" LF ‖ tenant)`.
#[must_use]
pub fn genesis_hash(tenant: Uuid) -> Hash {
    Sha256::new()
        .chain_update(GENESIS)
        .chain_update(tenant.as_bytes())
        .finalize()
        .into()
}

/// `SHA-256(salt ‖ envelope)`: what an entry commits to. The salt is stored beside the leaf, not in
/// it, so a published leaf says nothing about a guessable fact.
#[must_use]
pub fn salted_digest(salt: &[u8; 32], envelope: &[u8]) -> Hash {
    Sha256::new()
        .chain_update(salt)
        .chain_update(envelope)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests;
