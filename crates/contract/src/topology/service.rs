//! The services that own facts.

use std::fmt;

/// The seven services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Organisations, keys, agents, policies; pauses.
    Control,
    /// Decides.
    Enforcement,
    /// Takes traces in and writes the analysts' tables.
    Ingest,
    /// Chains and signs.
    AuditLedger,
    /// Finds what is out of the ordinary.
    Anomaly,
    /// Holds actions until somebody decides.
    Approval,
    /// Tells webhooks.
    Notifier,
}

impl Service {
    /// All seven, in the order of the README's table.
    pub const ALL: [Self; 7] = [
        Self::Control,
        Self::Enforcement,
        Self::Ingest,
        Self::AuditLedger,
        Self::Anomaly,
        Self::Approval,
        Self::Notifier,
    ];

    /// Its name: folder, binary (`writ-<name>`), NATS user.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Enforcement => "enforcement",
            Self::Ingest => "ingest",
            Self::AuditLedger => "audit-ledger",
            Self::Anomaly => "anomaly",
            Self::Approval => "approval",
            Self::Notifier => "notifier",
        }
    }

    /// The owner token of its facts' subjects.
    #[must_use]
    pub fn token(self) -> &'static str {
        match self {
            Self::Enforcement => "gate",
            Self::AuditLedger => "audit",
            Self::Control | Self::Ingest | Self::Anomaly | Self::Approval | Self::Notifier => {
                self.name()
            }
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
