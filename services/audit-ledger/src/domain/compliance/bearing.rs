//! What a fact is evidence of. Only its kind, enums and flags are looked at: no names, no words.

use std::borrow::Cow;

use writ_contract::{Envelope, Fact, wire};

use super::Evidence;

/// What an entry counts as, and what holds from then on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bearing {
    /// Words of [`Evidence`], and `hits:` or `changes:` before a policy type.
    pub(crate) counts: Vec<Cow<'static, str>>,
    pub(crate) standing: Option<Standing>,
}

/// What a versioned fact says holds until its next version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Which aggregate: `policy:pol_…`.
    pub(crate) subject: String,
    pub(crate) version: u64,
    /// Words of [`Evidence`], and before the type of a policy that is in force `enforcing:` where it
    /// stops or holds acts, `watching:` where it only warns or notes.
    pub(crate) holds: Vec<Cow<'static, str>>,
}

impl Bearing {
    /// An entry that counts as one piece of evidence.
    pub(crate) fn of(evidence: Evidence) -> Self {
        Self {
            counts: vec![Cow::Borrowed(evidence.word())],
            standing: None,
        }
    }

    /// What this fact is evidence of; nothing where its content cannot be read.
    pub(crate) fn fact(envelope: &Envelope) -> Self {
        read(envelope).unwrap_or_default()
    }

    /// What a fact of the ledger itself is evidence of, by its type.
    pub(crate) fn own(kind: &str) -> Self {
        match kind {
            "ledger.exported.v1" => Self::of(Evidence::ExportsMade),
            "ledger.key_changed.v1" => Self::of(Evidence::LedgerKeysChanged),
            "ledger.stream_damaged.v1" => Self::of(Evidence::GapsFound),
            _ => Self::default(),
        }
    }

    fn and(mut self, evidence: Evidence, when: bool) -> Self {
        if when {
            self.counts.push(Cow::Borrowed(evidence.word()));
        }
        self
    }

    fn stands(mut self, envelope: &Envelope, holds: Vec<Option<Cow<'static, str>>>) -> Self {
        self.standing = Some(Standing {
            subject: format!("{}:{}", envelope.kind.aggregate(), envelope.aggregate_id),
            version: envelope.version,
            holds: holds.into_iter().flatten().collect(),
        });
        self
    }
}

fn holds(evidence: Evidence, when: bool) -> Option<Cow<'static, str>> {
    when.then_some(Cow::Borrowed(evidence.word()))
}

fn read(envelope: &Envelope) -> Option<Bearing> {
    use Evidence as E;
    let verb = envelope.kind.verb();
    Some(match envelope.kind.aggregate() {
        wire::Decision::AGGREGATE => decision(&envelope.open().ok()?),
        wire::Policy::AGGREGATE => policy(envelope, &envelope.open().ok()?),
        wire::Approval::AGGREGATE => approval(verb, &envelope.open().ok()?),
        wire::Organization::AGGREGATE => organization(envelope, &envelope.open().ok()?),
        wire::Agent::AGGREGATE => agent(envelope, &envelope.open().ok()?),
        wire::ApiKey::AGGREGATE => key(envelope, &envelope.open().ok()?),
        wire::WebhookEndpoint::AGGREGATE => webhook(envelope, &envelope.open().ok()?),
        wire::Baseline::AGGREGATE => baseline(envelope, &envelope.open().ok()?),
        wire::Kill::AGGREGATE => switch(envelope.open::<wire::Kill>().ok()?.paused),
        // What the gate said of a pause already is stated once more for later readers.
        wire::Pause::AGGREGATE if envelope.audit.action == "pause.record" => Bearing::default(),
        wire::Pause::AGGREGATE => switch(!envelope.open::<wire::Pause>().ok()?.ended),
        wire::PromptVersion::AGGREGATE => {
            let prompt: wire::PromptVersion = envelope.open().ok()?;
            let deployed = matches!(verb, "deployed" | "rolled_back");
            let approved = deployed && prompt.approval_status == "approved";
            Bearing::default().and(E::PromptsApproved, approved)
        }
        wire::AgentVersions::AGGREGATE => Bearing::of(E::AgentsVersioned),
        wire::Grant::AGGREGATE => Bearing::of(E::GrantsChanged),
        wire::DelegationState::AGGREGATE => Bearing::of(E::DelegationsChanged),
        wire::FalsePositive::AGGREGATE => Bearing::of(E::PoliciesReviewed),
        wire::Consumed::AGGREGATE => Bearing::of(E::CertificatesUsed),
        wire::Finding::AGGREGATE => Bearing::of(E::FindingsRaised),
        wire::Incident::AGGREGATE => incident(verb),
        wire::BypassWindow::AGGREGATE | wire::BypassDrop::AGGREGATE => {
            Bearing::of(E::BypassReported)
        }
        wire::ForgedCredential::AGGREGATE => Bearing::of(E::CredentialsForged),
        wire::Resolution::AGGREGATE => Bearing::of(E::OutcomesResolved),
        wire::BatchWritten::AGGREGATE => Bearing::of(E::TracesStored),
        wire::Presence::AGGREGATE => Bearing::of(E::AgentsHeard),
        wire::Member::AGGREGATE => Bearing::of(E::MembersChanged),
        wire::Login::AGGREGATE if verb == "refused" => Bearing::of(E::LoginsRefused),
        wire::Login::AGGREGATE => Bearing::of(E::LoginsSeen),
        wire::PrivacyRequest::AGGREGATE => privacy(envelope, &envelope.open().ok()?),
        wire::Erasure::AGGREGATE => Bearing::of(E::PrivacyErased),
        _ => Bearing::default(),
    })
}

fn decision(fact: &wire::Decision) -> Bearing {
    use Evidence as E;
    let verified = fact.user.as_ref().is_some_and(|user| user.verified);
    let mut bearing = Bearing::of(E::DecisionsRecorded)
        .and(E::DecisionsDenied, fact.outcome() == wire::Outcome::Deny)
        .and(E::DecisionsHeld, fact.outcome() == wire::Outcome::Hold)
        .and(E::DecisionsVerifiedUser, verified)
        .and(E::DecisionsDelegated, fact.delegation.is_some())
        .and(E::PoliciesExcepted, !fact.excepted_policy_ids.is_empty());
    for hit in &fact.hits {
        let word = Cow::Owned(format!("hits:{}", hit.policy_type));
        if !bearing.counts.contains(&word) {
            bearing.counts.push(word);
        }
    }
    bearing
}

fn policy(envelope: &Envelope, fact: &wire::Policy) -> Bearing {
    let mut bearing = Bearing::of(Evidence::PoliciesChanged);
    let changes = format!("changes:{}", fact.policy_type);
    bearing.counts.push(Cow::Owned(changes));
    let in_force = fact.is_active && !fact.deleted;
    let how = match fact.enforcement_mode.as_str() {
        "block" | "require_approval" => "enforcing",
        _ => "watching",
    };
    let held = in_force.then(|| Cow::Owned(format!("{how}:{}", fact.policy_type)));
    bearing.stands(envelope, vec![held])
}

fn approval(verb: &str, fact: &wire::Approval) -> Bearing {
    use Evidence as E;
    let granted = verb == "granted";
    Bearing::default()
        .and(E::ApprovalsGranted, granted)
        .and(E::ApprovalsDistinct, granted && is_distinct(fact))
        .and(E::ApprovalsRefused, matches!(verb, "denied" | "expired"))
}

/// Whether everybody who approved is somebody else than who asked: by person where both are known,
/// else by key.
fn is_distinct(fact: &wire::Approval) -> bool {
    let other = |approver: &wire::Approver| {
        let known = !approver.person.is_empty() && !fact.requester_person.is_empty();
        if known {
            approver.person != fact.requester_person
        } else {
            approver.key_id != fact.requester_key_id
        }
    };
    !fact.approvers.is_empty() && fact.approvers.iter().all(other)
}

fn organization(envelope: &Envelope, fact: &wire::Organization) -> Bearing {
    use Evidence as E;
    let settings = vec![
        holds(E::RegistrationRequired, fact.registration_required),
        holds(E::CredentialRequired, fact.credential_required),
        holds(E::TieredGovernance, fact.tiered_governance.unwrap_or(true)),
        holds(E::VersionRegistry, fact.version_registry.unwrap_or(true)),
        holds(E::PromptApproval, fact.prompt_approval),
        holds(E::Retention, fact.retention_days.is_some()),
    ];
    Bearing::of(E::SettingsChanged).stands(envelope, settings)
}

fn agent(envelope: &Envelope, fact: &wire::Agent) -> Bearing {
    use Evidence as E;
    let registered = envelope.kind.verb() == "registered";
    let strict = !fact.archived && fact.outcome_strictness == "strict";
    let held = vec![
        holds(E::AgentsStanding, !fact.archived),
        holds(E::AgentsStrict, strict),
    ];
    Bearing::default()
        .and(E::AgentsRegistered, registered)
        .and(E::AgentsChanged, !registered)
        .stands(envelope, held)
}

fn key(envelope: &Envelope, fact: &wire::ApiKey) -> Bearing {
    use Evidence as E;
    let limited = fact.expires_at_us.is_some()
        || !fact.cidrs.is_empty()
        || !fact.environments.is_empty()
        || fact.signature_required;
    Bearing::default()
        .and(E::KeysRevoked, fact.revoked)
        .and(E::KeysIssued, envelope.kind.verb() == "issued")
        .stands(
            envelope,
            vec![
                holds(E::KeysStanding, !fact.revoked),
                holds(E::KeysLimited, limited && !fact.revoked),
            ],
        )
}

fn webhook(envelope: &Envelope, fact: &wire::WebhookEndpoint) -> Bearing {
    let held = holds(Evidence::AlertsStanding, fact.enabled && !fact.deleted);
    Bearing::default().stands(envelope, vec![held])
}

fn baseline(envelope: &Envelope, fact: &wire::Baseline) -> Bearing {
    let pinned = !fact.removed && !fact.tools.is_empty();
    let held = holds(Evidence::ToolsStanding, pinned);
    Bearing::of(Evidence::ToolsPinned).stands(envelope, vec![held])
}

fn switch(paused: bool) -> Bearing {
    Bearing::of(if paused {
        Evidence::PausesSet
    } else {
        Evidence::PausesLifted
    })
}

/// A refusal with a reason is an answer too (GDPR, Art. 12(4)).
fn privacy(envelope: &Envelope, fact: &wire::PrivacyRequest) -> Bearing {
    use Evidence as E;
    let verb = envelope.kind.verb();
    let completed = |kind| verb == "completed" && fact.kind == kind;
    let answered = matches!(verb, "completed" | "refused");
    let late = fact.closed_at_us.unwrap_or(envelope.occurred_at_us) > fact.due_at_us;
    Bearing::default()
        .and(E::PrivacyRequested, verb == "received")
        .and(E::PrivacyAccess, completed("access"))
        .and(E::PrivacyRectification, completed("rectification"))
        .and(E::PrivacyErasure, completed("erasure"))
        .and(E::PrivacyPortability, completed("portability"))
        .and(E::PrivacyRefused, verb == "refused")
        .and(E::PrivacyInTime, answered && !late)
        .and(E::PrivacyLate, answered && late)
        .and(E::PrivacyOverdue, verb == "due" && fact.due == "overdue")
}

fn incident(verb: &str) -> Bearing {
    Bearing::default()
        .and(
            Evidence::IncidentsOpened,
            matches!(verb, "opened" | "reopened"),
        )
        .and(Evidence::IncidentsAcknowledged, verb == "acknowledged")
        .and(Evidence::IncidentsResolved, verb == "resolved")
}

#[cfg(test)]
mod tests;
