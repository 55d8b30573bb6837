use super::Class;
use std::fmt;

/// One thing about the log over all organisations that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Above {
    /// The proof that the checkpoint is in it does not hold.
    NotIncluded,
    /// Its head is older than one seen earlier.
    SetBack {
        /// Its size.
        size: u64,
        /// The size seen earlier.
        known: u64,
    },
    /// Its head is not the one of its size that was seen earlier.
    Differs {
        /// Their size.
        size: u64,
    },
    /// A smaller head was seen earlier, and nobody who is trusted signed both.
    NotShownToHaveGrown {
        /// The size seen earlier.
        known: u64,
    },
    /// The bundle does not show its place in it.
    NotShown,
    /// Fewer trusted witnesses cosigned it than are required.
    MissingQuorum {
        /// How many did.
        have: usize,
        /// How many must.
        want: usize,
    },
}

impl Above {
    pub(super) fn class(&self) -> Class {
        match self {
            Self::NotIncluded | Self::Differs { .. } => Class::BadContent,
            Self::SetBack { .. } | Self::NotShownToHaveGrown { .. } | Self::NotShown => {
                Class::IncompleteRange
            }
            Self::MissingQuorum { .. } => Class::MissingQuorum,
        }
    }
}

impl fmt::Display for Above {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotIncluded => write!(f, "the checkpoint is not in the signed log over all"),
            Self::SetBack { size, known } => write!(
                f,
                "the log over all had {known} intervals earlier, {size} are signed here"
            ),
            Self::Differs { size } => write!(
                f,
                "the first {size} intervals of the log over all are not those seen earlier"
            ),
            Self::NotShownToHaveGrown { known } => write!(
                f,
                "that the log over all grew from the kept head of {known} cannot be shown: no witness \
                 you trust signed both"
            ),
            Self::NotShown => {
                write!(
                    f,
                    "its place in the log over all organisations is not shown"
                )
            }
            Self::MissingQuorum { have, want } => {
                write!(f, "{have} trusted witnesses cosigned, {want} must")
            }
        }
    }
}
