//! Checkpoints that a reader kept from earlier.

use super::KnownHead;
use crate::checkpoint::{self, NoteError, global_origin, tenant_origin};
use crate::cosignature::{BadCosignature, cosigned};
use crate::keys::Trusted;
use std::fmt;
use uuid::Uuid;

/// The logs a checkpoint can be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// That of an organisation.
    Of(Uuid),
    /// That over all organisations.
    Global,
}

/// A checkpoint kept from earlier, signed by a trusted key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Which log it is of.
    pub log: Log,
    /// What it says of that log.
    pub head: KnownHead,
    /// The trusted witnesses that cosigned it.
    pub witnesses: Vec<String>,
}

/// Why a kept note cannot be compared with anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeenRefusal {
    /// Not a checkpoint that a trusted key signed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Its origin is neither an organisation's log nor the one over all, of a key that signed it.
    #[error("not a checkpoint of a ledger: its origin is {0}")]
    Origin(String),
}

impl Seen {
    /// Reads a kept note.
    ///
    /// # Errors
    /// [`SeenRefusal`].
    pub fn open(note: &str, trusted: &Trusted) -> Result<Self, SeenRefusal> {
        let verified = checkpoint::open(note, &trusted.checkpoint)?;
        let head = verified.checkpoint();
        let named = |log: &Log| {
            let mut names = verified.signed_by().iter();
            names.any(|name| log.origin(name) == head.origin)
        };
        let log = log_of(&head.origin).filter(named);
        let log = log.ok_or_else(|| SeenRefusal::Origin(head.origin.clone()))?;
        let witnesses = cosigned(note, &trusted.witness)
            .map_err(|BadCosignature(name)| NoteError::BadSignature { name })?;
        let (size, root) = (head.size, head.root);
        Ok(Self {
            log,
            head: KnownHead { size, root },
            witnesses: witnesses.into_iter().map(|it| it.witness).collect(),
        })
    }

    /// Which log it is of, if that can be one of this organisation's.
    ///
    /// # Errors
    /// [`Misuse`] for a head of another organisation's log.
    pub fn of(&self, org: Uuid) -> Result<Log, Misuse> {
        match self.log {
            Log::Of(other) if other != org => Err(Misuse(format!(
                "--seen: a checkpoint of {other}, and this is of {org}"
            ))),
            Log::Of(_) | Log::Global => Ok(self.log),
        }
    }

    /// Whether one of these witnesses signed it too: a witness signs only what grew from what it
    /// signed before, so the heads it signed are of one log.
    pub(crate) fn is_vouched_for(&self, witnesses: &[(String, u64)]) -> bool {
        let mut names = witnesses.iter();
        names.any(|(name, _)| self.witnesses.contains(name))
    }
}

/// Something was demanded that what is read cannot show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misuse(pub String);

fn log_of(origin: &str) -> Option<Log> {
    match origin.rsplit_once('/')?.1 {
        "global" => Some(Log::Global),
        org => org.parse().ok().map(Log::Of),
    }
}

impl Log {
    fn origin(self, key_name: &str) -> String {
        match self {
            Self::Of(org) => tenant_origin(key_name, org),
            Self::Global => global_origin(key_name),
        }
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(org) => write!(f, "{org}"),
            Self::Global => f.write_str("global"),
        }
    }
}
