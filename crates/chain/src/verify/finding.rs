use super::above::Above;
use super::moment::utc;
use std::fmt;

/// One thing that does not hold. Ranges are half open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The leaf is not framed as it must be, or its body is not canonical.
    Unreadable {
        /// Where.
        seq: u64,
    },
    /// The leaf belongs to another tenant.
    WrongTenant {
        /// Where.
        seq: u64,
    },
    /// The leaf names another sequence number than the one it is stored under.
    WrongPosition {
        /// Where it is.
        seq: u64,
        /// Where it says it is.
        claims: u64,
    },
    /// The leaf does not follow the one before it.
    BrokenChain {
        /// Where.
        seq: u64,
    },
    /// The hash stored beside the leaf is not its hash.
    StoredHashDiffers {
        /// Where.
        seq: u64,
    },
    /// An entry that comes twice or too late.
    OutOfOrder {
        /// Where.
        seq: u64,
    },
    /// The entries do not add up to the signed root.
    RootDiffers {
        /// The checkpoint's size.
        size: u64,
    },
    /// The entries do not add up to a head seen earlier: history was rewritten.
    KnownHeadDiffers {
        /// That head's size.
        size: u64,
    },
    /// The checkpoint is not a signed note.
    UnreadableCheckpoint,
    /// A trusted key is named and its signature is wrong.
    BadSignature {
        /// The key's name.
        name: String,
    },
    /// The checkpoint is of another log.
    WrongOrigin,
    /// A line of the bundle that cannot be read; 1 is the header.
    UnreadableLine {
        /// Its number.
        line: u64,
    },
    /// Header and checkpoint speak of different sizes.
    HeaderDiffers,
    /// Nobody trusted signed the checkpoint.
    UnknownKey,
    /// Entries that must exist are not there.
    MissingEntries {
        /// The first that is missing.
        from: u64,
        /// The first that is there again, or the signed size.
        to: u64,
    },
    /// Entries after the checkpoint of a bundle.
    UnsealedEntries {
        /// The signed size.
        from: u64,
        /// The number of entries.
        to: u64,
    },
    /// A longer ledger was seen earlier.
    ShorterThanKnown {
        /// The size seen earlier.
        known: u64,
        /// The size that is signed and present now.
        found: u64,
    },
    /// There are entries and no checkpoint at all.
    NeverSealed,
    /// Entries that were asked for are redaction marks.
    Redacted {
        /// The first.
        from: u64,
        /// The first that is shown again or was not asked for.
        to: u64,
    },
    /// A redaction mark that stands for no range of the signed tree.
    BadRedaction {
        /// Where it begins.
        seq: u64,
    },
    /// The bundle was made for a period that does not cover the one asked for.
    OtherPeriod,
    /// Lines for a SIEM are of fewer entries than there were.
    NotAllShown {
        /// How many.
        shown: u64,
        /// How many there were.
        size: u64,
    },
    /// The manifest does not say what the lines before it hold.
    ManifestDiffers,
    /// The bundle ends without its manifest: it was cut short.
    ManifestMissing,
    /// No trusted export key signed the manifest.
    ManifestUnsigned,
    /// Nor that of a bundle in which it alone says which entries belong to the period or the filter.
    ChoiceUnsigned,
    /// A head was kept from earlier, and the entries before it are not shown.
    NotCompared {
        /// Its size.
        size: u64,
    },
    /// The period that was asked for ends after the newest time that the bundle proves.
    PeriodNotOver {
        /// That time, microseconds since 1970; `None` when nothing proves one.
        newest: Option<i64>,
    },
    /// Something about the log over all organisations.
    Above(Above),
}

/// What kind of trouble a report shows; the greater one wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Nothing was found.
    Clean,
    /// Too few witnesses cosigned.
    MissingQuorum,
    /// Something that must be there is not.
    IncompleteRange,
    /// The checkpoint cannot be trusted with the keys given.
    UnknownKey,
    /// Something is there that cannot be.
    BadContent,
}

impl Class {
    /// The exit code of `writ audit verify`; 1 is left to failures of the command itself.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::BadContent => 2,
            Self::UnknownKey => 3,
            Self::IncompleteRange => 4,
            Self::MissingQuorum => 5,
        }
    }
}

impl Finding {
    /// The kind of trouble this is.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Unreadable { .. }
            | Self::WrongTenant { .. }
            | Self::WrongPosition { .. }
            | Self::BrokenChain { .. }
            | Self::StoredHashDiffers { .. }
            | Self::OutOfOrder { .. }
            | Self::RootDiffers { .. }
            | Self::KnownHeadDiffers { .. }
            | Self::UnreadableCheckpoint
            | Self::BadSignature { .. }
            | Self::WrongOrigin
            | Self::UnreadableLine { .. }
            | Self::HeaderDiffers
            | Self::BadRedaction { .. }
            | Self::ManifestDiffers => Class::BadContent,
            Self::UnknownKey | Self::ManifestUnsigned | Self::ChoiceUnsigned => Class::UnknownKey,
            Self::Above(above) => above.class(),
            Self::MissingEntries { .. }
            | Self::Redacted { .. }
            | Self::NotAllShown { .. }
            | Self::OtherPeriod
            | Self::NotCompared { .. }
            | Self::PeriodNotOver { .. }
            | Self::ManifestMissing
            | Self::UnsealedEntries { .. }
            | Self::ShorterThanKnown { .. }
            | Self::NeverSealed => Class::IncompleteRange,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { seq } => write!(f, "entry {seq} is not a canonical leaf"),
            Self::WrongTenant { seq } => write!(f, "entry {seq} belongs to another organisation"),
            Self::WrongPosition { seq, claims } => write!(f, "entry {seq} says it is {claims}"),
            Self::BrokenChain { seq } => write!(f, "entry {seq} does not follow the one before"),
            Self::StoredHashDiffers { seq } => write!(f, "entry {seq} has another stored hash"),
            Self::OutOfOrder { seq } => write!(f, "entry {seq} comes twice or too late"),
            Self::RootDiffers { size } => {
                write!(f, "the first {size} entries do not have the signed root")
            }
            Self::KnownHeadDiffers { size } => {
                write!(f, "the first {size} entries are not those seen earlier")
            }
            Self::UnreadableCheckpoint => write!(f, "the checkpoint is not a signed note"),
            Self::BadSignature { name } => {
                write!(f, "the checkpoint's signature by {name} is wrong")
            }
            Self::WrongOrigin => write!(f, "the checkpoint is of another log"),
            Self::UnreadableLine { line } => write!(f, "line {line} cannot be read"),
            Self::HeaderDiffers => write!(f, "header and checkpoint name different sizes"),
            Self::UnknownKey => write!(f, "no trusted key signed the checkpoint"),
            Self::MissingEntries { from, to } => write!(f, "entries {from}..{to} are missing"),
            Self::UnsealedEntries { from, to } => {
                write!(f, "entries {from}..{to} are under no checkpoint")
            }
            Self::ShorterThanKnown { known, found } => {
                write!(f, "{known} entries seen earlier, {found} signed now")
            }
            Self::NeverSealed => write!(f, "there are entries but no checkpoint"),
            Self::NotAllShown { shown, size } => write!(f, "{shown} of {size} entries are shown"),
            Self::Redacted { from, to } => write!(f, "entries {from}..{to} are not shown"),
            Self::BadRedaction { seq } => {
                write!(f, "the mark at {seq} stands for no range of the tree")
            }
            Self::OtherPeriod => {
                write!(f, "made for a range that does not cover the one asked for")
            }
            Self::ManifestDiffers => write!(f, "the manifest is not of these lines"),
            Self::ManifestMissing => write!(f, "the bundle was cut short: it has no manifest"),
            Self::ManifestUnsigned => write!(f, "no trusted export key signed the manifest"),
            Self::ChoiceUnsigned => write!(
                f,
                "which entries belong to the period or filter is the word of who signed the manifest, \
                 and no export key you trust did"
            ),
            Self::NotCompared { size } => write!(
                f,
                "the kept head of {size} cannot be compared: the entries before it are not shown"
            ),
            Self::PeriodNotOver { newest } => {
                let newest = newest.and_then(utc);
                let newest = newest.as_deref().unwrap_or("whenever this was made");
                write!(
                    f,
                    "nothing shows that the period is over: what came after {newest} may be missing"
                )
            }
            Self::Above(above) => above.fmt(f),
        }
    }
}
