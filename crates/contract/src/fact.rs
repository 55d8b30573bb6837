//! Which message a fact type names, and who owns it. Adding a fact is one line of the table.

use std::fmt;
use std::str::FromStr;

use crate::envelope::Unreadable;
use crate::topology::Service;
use crate::wire;

/// A fact type, `<aggregate>.<past tense>.v<major>`: `policy.updated.v1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kind {
    text: String,
    aggregate_end: usize,
    major: u32,
}

impl Kind {
    /// The type of fact `F` with this past-tense verb, in the major version this build writes.
    #[must_use]
    pub fn of<F: Fact>(verb: &str) -> Self {
        Self {
            text: format!("{}.{verb}.v{}", F::AGGREGATE, F::MAJOR),
            aggregate_end: F::AGGREGATE.len(),
            major: F::MAJOR,
        }
    }

    /// The part before the verb: `policy`.
    #[must_use]
    pub fn aggregate(&self) -> &str {
        self.text.get(..self.aggregate_end).unwrap_or_default()
    }

    /// The verb: `updated`.
    #[must_use]
    pub fn verb(&self) -> &str {
        self.text.split('.').nth(1).unwrap_or_default()
    }

    /// The major version.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The whole type, as in the header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Kind {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let wrong = || Unreadable::Type(text.to_owned());
        let mut parts = text.split('.');
        let (Some(aggregate), Some(verb), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        let major = version
            .strip_prefix('v')
            .and_then(|v| v.parse().ok())
            .ok_or_else(wrong)?;
        if aggregate.is_empty() || verb.is_empty() {
            return Err(wrong());
        }
        Ok(Self {
            text: text.to_owned(),
            aggregate_end: aggregate.len(),
            major,
        })
    }
}

/// A message that states a fact.
pub trait Fact: prost::Message + Default {
    /// The aggregate the fact is about; a token of its subject and of its type.
    const AGGREGATE: &'static str;
    /// The one service that may publish it.
    const OWNER: Service;
    /// The major version this build writes and reads.
    const MAJOR: u32 = 1;
}

macro_rules! facts {
    ($($message:ident = $aggregate:literal by $owner:ident;)*) => {
        $(impl Fact for wire::$message {
            const AGGREGATE: &'static str = $aggregate;
            const OWNER: Service = Service::$owner;
        })*

        /// Every aggregate and its owner.
        pub const FACTS: &[(&str, Service)] = &[$(($aggregate, Service::$owner)),*];
    };
}

facts! {
    Organization = "organization" by Control;
    ApiKey = "key" by Control;
    Member = "member" by Control;
    Issuer = "issuer" by Control;
    Login = "login" by Control;
    Agent = "agent" by Control;
    Policy = "policy" by Control;
    Validator = "validator" by Control;
    Baseline = "baseline" by Control;
    Grant = "grant" by Control;
    PromptVersion = "prompt" by Control;
    AgentVersions = "agent_version" by Control;
    FalsePositive = "false_positive" by Control;
    DelegationState = "delegation" by Control;
    SigningKey = "signing_key" by Control;
    PrivacyRequest = "privacy" by Control;
    Kill = "kill" by Control;
    Pause = "pause" by Control;
    Presence = "presence" by Control;
    Decision = "decision" by Enforcement;
    Approval = "approval" by Approval;
    Consumed = "certificate" by Approval;
    CardErasure = "card_erasure" by Approval;
    Sealed = "ledger" by AuditLedger;
    Metered = "metered" by Ingest;
    Quota = "quota" by Ingest;
    ForgedCredential = "forgery" by Ingest;
    BatchWritten = "batch" by Ingest;
    BypassWindow = "bypass" by Ingest;
    BypassDrop = "bypass_drop" by Ingest;
    Resolution = "resolution" by Ingest;
    Erasure = "erasure" by Ingest;
    Finding = "finding" by Anomaly;
    Incident = "incident" by Anomaly;
    WebhookEndpoint = "webhook" by Notifier;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_three_parts_and_a_major_version() {
        let kind: Result<Kind, _> = "policy.updated.v1".parse();
        let kind = kind.unwrap();
        assert_eq!(
            (kind.aggregate(), kind.verb(), kind.major()),
            ("policy", "updated", 1)
        );
        assert_eq!(kind, Kind::of::<wire::Policy>("updated"));
        for wrong in [
            "",
            "policy",
            "policy.updated",
            "policy.updated.1",
            ".updated.v1",
            "a.b.v1.c",
        ] {
            assert!(wrong.parse::<Kind>().is_err(), "{wrong}");
        }
    }
}
