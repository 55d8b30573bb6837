use super::{Log, Misuse, Seen};
use crate::Hash;
use crate::export::Period;
use crate::keys::Trusted;
use std::ops::Range;
use uuid::Uuid;

/// What the verifier believes before it reads anything.
#[derive(Debug, Clone)]
pub struct Trust {
    /// Whose ledger it must be.
    pub org: Uuid,
    /// Keys that may have signed.
    pub keys: Trusted,
    /// Heads seen earlier and kept outside the ledger.
    pub known: Vec<KnownHead>,
    /// Heads of the global log that were seen earlier: a bundle must be of one that grew from them.
    pub known_global: Vec<Seen>,
    /// Whether entries may follow the checkpoint.
    pub tail: Tail,
    /// How many trusted witnesses must have cosigned the global checkpoint of a bundle. Not said: one,
    /// where any is trusted. None at all: then a bundle need not show its place in that log either.
    pub quorum: Option<usize>,
    /// What of a bundle has to be shown.
    pub asked: Asked,
    /// Whether entries of what was asked for may be left out, as long as the bundle was made for all of it.
    pub filtered: bool,
}

/// What of a bundle has to be shown; entries beyond it may be redaction marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Every entry.
    Everything,
    /// These entries.
    Entries(Range<u64>),
    /// The entries the bundle's maker found in this period.
    Period(Period),
    /// What the bundle's maker shows, whatever it leaves out.
    WhatIsShown,
}

impl Trust {
    /// Everything of `org` must be there and signed by these keys; where witnesses are trusted,
    /// one of them must have cosigned.
    #[must_use]
    pub fn new(org: Uuid, keys: Trusted) -> Self {
        Self {
            org,
            keys,
            known: Vec::new(),
            known_global: Vec::new(),
            tail: Tail::Sealed,
            quorum: None,
            asked: Asked::Everything,
            filtered: false,
        }
    }

    /// With heads that the reader kept.
    ///
    /// # Errors
    /// [`Misuse`] for one of another organisation.
    pub fn with_seen(mut self, seen: &[Seen]) -> Result<Self, Misuse> {
        for it in seen {
            match it.of(self.org)? {
                Log::Global => self.known_global.push(it.clone()),
                Log::Of(_) => self.known.push(it.head),
            }
        }
        Ok(self)
    }

    /// Whether the word of the bundle's maker decides what of it has to be shown.
    pub(super) fn takes_the_makers_word(&self) -> bool {
        self.filtered || matches!(self.asked, Asked::Period(_) | Asked::WhatIsShown)
    }

    pub(super) fn witnesses(&self) -> usize {
        let any = self.keys.witness.len().min(1);
        self.quorum.unwrap_or(any)
    }
}

/// A tree head that was verified before; the ledger must still contain it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownHead {
    /// Its size.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

/// What may follow the checkpointed entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// Nothing: an export ends where its checkpoint ends.
    Sealed,
    /// Entries younger than the last checkpoint: a live ledger is sealed every second.
    Open,
}
