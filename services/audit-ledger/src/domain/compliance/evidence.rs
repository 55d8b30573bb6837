//! What can be asked of the ledger about a control: a closed list of words.

use serde::{Deserialize, Serialize};

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Entries of the window.
    Counted,
    /// What a fact said holds from then on, until a later one says otherwise.
    Standing,
    /// The checkpoints of the window.
    Sealed,
}

macro_rules! evidence {
    ($($variant:ident = $word:literal, $kind:ident, $what:literal, $advice:literal;)+) => {
        /// One question about the ledger's entries in a window.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub(crate) enum Evidence {
            $(#[serde(rename = $word)] $variant),+
        }

        impl Evidence {
            /// Every question.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its word in catalogues and reports.
            pub(crate) const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Where its answer comes from.
            pub(crate) const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind),+ }
            }

            /// What is counted, for a reader.
            pub(crate) const fn what(self) -> &'static str {
                match self { $(Self::$variant => $what),+ }
            }

            /// What to do when it is missing, or when it should not have been found.
            pub(crate) const fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice),+ }
            }
        }
    };
}

evidence! {
    DecisionsRecorded = "decisions.recorded", Counted,
        "decisions about acts of agents",
        "Let agents ask before they act: call enforce from the SDK or an adapter.";
    DecisionsDenied = "decisions.denied", Counted,
        "acts that were stopped",
        "Put a policy in mode block in force where acts must be stopped.";
    DecisionsHeld = "decisions.held", Counted,
        "acts that were held for a person",
        "Put a policy in mode require_approval in force where a person must look first.";
    DecisionsVerifiedUser = "decisions.verified_user", Counted,
        "decisions whose user was proven by a token",
        "Send the user's token with the act, so that the user is proven and not only named.";
    DecisionsDelegated = "decisions.delegated", Counted,
        "decisions about acts handed down by another agent",
        "Let agents hand work down with delegation tokens.";
    PoliciesChanged = "policies.changed", Counted,
        "policies that were made or changed",
        "Review the policies and state the changes through the API, so that they are recorded.";
    PoliciesExcepted = "policies.excepted", Counted,
        "decisions in which an exception kept a policy from being judged",
        "Use exceptions with an end where a policy must not be judged.";
    PoliciesReviewed = "policies.reviewed", Counted,
        "hits that somebody reviewed and called wrong",
        "Mark false positives, so that policies are seen to be reviewed.";
    ApprovalsGranted = "approvals.granted", Counted,
        "held acts that were approved",
        "Let people decide about held acts.";
    ApprovalsRefused = "approvals.refused", Counted,
        "held acts that were refused or ran out of time",
        "Let people decide about held acts.";
    ApprovalsDistinct = "approvals.distinct", Counted,
        "approvals by somebody else than who asked",
        "Give the approver grant to people who do not run the agents.";
    CertificatesUsed = "certificates.used", Counted,
        "approved acts that were carried out under their certificate",
        "Redeem the certificate of an approval when the act is carried out.";
    PausesSet = "pauses.set", Counted,
        "pauses of agents, tools, tags, environments or the organisation",
        "Exercise the switch: pause an agent and let it go on.";
    PausesLifted = "pauses.lifted", Counted,
        "pauses that ended",
        "Let paused agents go on once they were looked at.";
    AgentsRegistered = "agents.registered", Counted,
        "agents that were registered",
        "Register every agent.";
    AgentsChanged = "agents.changed", Counted,
        "agents that were changed, handed over or taken out of use",
        "Keep what is registered of agents true.";
    AgentsVersioned = "agents.versioned", Counted,
        "versions of agents",
        "Record versions of agents when they change.";
    KeysIssued = "keys.issued", Counted,
        "API keys that were issued",
        "Issue a key of its own for each caller.";
    KeysRevoked = "keys.revoked", Counted,
        "API keys that were revoked",
        "Revoke keys that are not needed any more, and rotate the others.";
    GrantsChanged = "grants.changed", Counted,
        "grants between agents that were given or taken away",
        "Say by grants which agent may ask what of which.";
    DelegationsChanged = "delegations.changed", Counted,
        "delegations that were given or taken away",
        "Hand authority down by delegations that end.";
    PromptsApproved = "prompts.approved", Counted,
        "prompts that were deployed after an approval",
        "Ask for approval before a prompt is deployed (setting promptApproval).";
    ToolsPinned = "tools.pinned", Counted,
        "tool baselines that were pinned or changed",
        "Pin the tools an agent was approved with.";
    SettingsChanged = "settings.changed", Counted,
        "settings of the organisation that were stated",
        "Review the settings of the organisation.";
    MembersChanged = "members.changed", Counted,
        "members who came, left or changed role",
        "Give people accounts and roles of their own.";
    LoginsSeen = "logins.seen", Counted,
        "sign-ins of members with tokens of the organisation's own identity provider",
        "Let people sign in with the organisation's own identity provider.";
    LoginsRefused = "logins.refused", Counted,
        "times in which tokens of an identity provider were refused",
        "Find out who presented tokens that do not hold.";
    FindingsRaised = "findings.raised", Counted,
        "metrics of agents that left their band",
        "Send traces, so that what agents do can be compared with what they did before.";
    IncidentsOpened = "incidents.opened", Counted,
        "incidents that were opened",
        "Send traces and decisions, so that incidents are found.";
    IncidentsAcknowledged = "incidents.acknowledged", Counted,
        "incidents that somebody acknowledged",
        "Acknowledge incidents when somebody takes them up.";
    IncidentsResolved = "incidents.resolved", Counted,
        "incidents that were resolved",
        "Work on incidents, and resolve them.";
    BypassReported = "bypass.reported", Counted,
        "times in which a client acted without a decision",
        "Find out why clients could not reach Writ, and set them to fail closed.";
    CredentialsForged = "credentials.forged", Counted,
        "traces with a credential that was not the agent's",
        "Find out who sent them, and revoke the key they came with.";
    OutcomesResolved = "outcomes.resolved", Counted,
        "acts whose outcome was learnt afterwards",
        "State what became of acts when it is known.";
    TracesStored = "traces.stored", Counted,
        "batches of traces that were stored with a root over them",
        "Send traces of what agents did.";
    GapsFound = "gaps.found", Counted,
        "holes in what was stated: numbers that never came, streams that lost something",
        "Find out what was lost in each hole.";
    EntriesUnreadable = "entries.unreadable", Counted,
        "facts that could not be read",
        "Find out who stated them.";
    AgentsHeard = "agents.heard", Counted,
        "times in which agents were heard of, by which coverage knows when they were there",
        "Let agents send heartbeats, as the SDK does.";
    LedgerKeysChanged = "ledger.keys_changed", Counted,
        "keys of the ledger that were replaced, the former one's last head kept under the new one",
        "Replace the key that checkpoints are signed with from time to time.";
    ExportsMade = "exports.made", Counted,
        "exports of the ledger",
        "Export the ledger and keep the bundle elsewhere.";
    PrivacyRequested = "privacy.requested", Counted,
        "requests of data subjects",
        "Record requests of data subjects when they come in.";
    PrivacyAccess = "privacy.completed.access", Counted,
        "requests of data subjects for access that were completed",
        "Complete requests for access.";
    PrivacyRectification = "privacy.completed.rectification", Counted,
        "requests of data subjects for rectification that were completed",
        "Complete requests for rectification.";
    PrivacyErasure = "privacy.completed.erasure", Counted,
        "requests of data subjects for erasure that were completed",
        "Complete requests for erasure.";
    PrivacyPortability = "privacy.completed.portability", Counted,
        "requests of data subjects for portability that were completed",
        "Complete requests for portability.";
    PrivacyRefused = "privacy.refused", Counted,
        "requests of data subjects that were refused with a reason",
        "Refuse a request only with a reason that the data subject is told.";
    PrivacyInTime = "privacy.answered_in_time", Counted,
        "requests of data subjects that were completed or refused before they were due",
        "Answer requests of data subjects before they are due.";
    PrivacyLate = "privacy.answered_late", Counted,
        "requests of data subjects that were completed or refused after they were due",
        "Answer requests of data subjects before they are due.";
    PrivacyOverdue = "privacy.overdue", Counted,
        "requests of data subjects that were still open when they were due",
        "Answer requests of data subjects before they are due.";
    PrivacyErased = "privacy.erased", Counted,
        "erasures that were carried out",
        "Carry erasures out before they are due.";
    LedgerSealed = "ledger.sealed", Sealed,
        "signed checkpoints over the entries",
        "Let the ledger run: it seals what was recorded every second.";
    RegistrationRequired = "setting.registration_required", Standing,
        "the setting that only registered agents may act",
        "Switch registrationRequired on.";
    CredentialRequired = "setting.credential_required", Standing,
        "the setting that traces need the credential of their agent",
        "Switch credentialRequired on.";
    TieredGovernance = "setting.tiered_governance", Standing,
        "the setting that controls follow an agent's autonomy level",
        "Switch tieredGovernance on.";
    VersionRegistry = "setting.version_registry", Standing,
        "the setting that agents keep versions of themselves",
        "Switch versionRegistry on.";
    PromptApproval = "setting.prompt_approval", Standing,
        "the setting that prompts need an approval",
        "Switch promptApproval on.";
    Retention = "setting.retention", Standing,
        "a retention time of the organisation's own",
        "Set a retention time for traces and decisions.";
    AgentsStanding = "agents.standing", Standing,
        "registered agents in use",
        "Register every agent.";
    AgentsStrict = "agents.strict", Standing,
        "agents whose outcomes must bring evidence",
        "Set outcomeStrictness to strict for agents whose outcomes matter.";
    KeysStanding = "keys.standing", Standing,
        "API keys that are not revoked",
        "Issue a key of its own for each caller.";
    KeysLimited = "keys.limited", Standing,
        "API keys limited by time, network, environment or signature",
        "Limit keys: an end, networks, environments, signatures.";
    AlertsStanding = "alerts.standing", Standing,
        "webhooks that tell of events",
        "Set a webhook up that tells those on duty.";
    ToolsStanding = "tools.standing", Standing,
        "agents whose tools are pinned",
        "Pin the tools an agent was approved with.";
}
