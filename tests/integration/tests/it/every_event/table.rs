//! What the ledger has to say of each act: one line for each entry it leaves.

/// Who acted, or whom somebody acted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Who {
    /// The key that `WRIT_ADMIN_KEY` names, and the person behind it.
    OwnersKey,
    Owner,
    /// The key that `WRIT_API_KEY` names, and the person behind it.
    DevelopersKey,
    Developer,
    /// Two agents; the planner hands its acts down to the worker.
    Worker,
    Planner,
    /// Whom the worker acts for: a keyed digest.
    Subject,
    /// A member who signed in without a key, and what the ledger calls that person.
    SignedIn,
    Member,
    /// A service.
    Writ(&'static str),
}

/// What an entry has to say.
#[derive(Debug)]
pub(super) struct Row {
    /// The fact's type.
    pub(super) kind: &'static str,
    /// What was done.
    pub(super) action: &'static str,
    /// The act that led to it: its trace. Empty where no request did.
    pub(super) act: &'static str,
    /// Who did it, and for whom.
    pub(super) by: By,
    pub(super) outcome: &'static str,
    /// Empty where nothing has to be explained.
    pub(super) reason: &'static str,
    /// Whether policies were judged, so that their set is named.
    pub(super) judged: bool,
}

type By = (Who, &'static [Who]);

const OWNER: By = (Who::OwnersKey, &[Who::Owner]);
const DEVELOPER: By = (Who::DevelopersKey, &[Who::Developer]);
const MEMBER: By = (Who::SignedIn, &[Who::Member]);
/// As the planner's delegate, for somebody, with the developer's key.
const WORKER: By = (Who::Worker, &[Who::Planner, Who::Subject, Who::Developer]);
/// With the developer's key.
const CALLER: By = (Who::Worker, &[Who::Developer]);

const fn writ(service: &'static str) -> By {
    (Who::Writ(service), &[])
}

/// Something that was done.
const fn done(kind: &'static str, action: &'static str, act: &'static str, by: By) -> Row {
    Row {
        kind,
        action,
        act,
        by,
        outcome: "succeeded",
        reason: "",
        judged: false,
    }
}

impl Row {
    const fn ended(self, outcome: &'static str, reason: &'static str) -> Self {
        Self {
            outcome,
            reason,
            ..self
        }
    }

    const fn judged(self) -> Self {
        Self {
            judged: true,
            ..self
        }
    }
}

const fn decided(act: &'static str, outcome: &'static str, reason: &'static str) -> Row {
    let row = done("decision.made.v1", "decision.make", act, WORKER);
    row.ended(outcome, reason).judged()
}

/// Decisions and approvals. A request for approval belongs to the trace of the act that waits for it;
/// where that has none, to the trace of whoever decides.
const DECISIONS: [Row; 8] = [
    decided("allowed", "allowed", ""),
    decided("denied", "denied", "POLICY_BLOCKED"),
    decided("held", "held", "APPROVAL_REQUIRED"),
    done("decision.made.v1", "decision.make", "authorized", CALLER).ended("allowed", "GRANTED"),
    done("delegation.given.v1", "delegation.give", "delegated", OWNER),
    done(
        "approval.requested.v1",
        "approval.request",
        "held",
        DEVELOPER,
    )
    .ended("held", "")
    .judged(),
    done("approval.granted.v1", "approval.grant", "held", OWNER)
        .ended("allowed", "")
        .judged(),
    done("approval.denied.v1", "approval.deny", "refused", OWNER)
        .ended("denied", "")
        .judged(),
];

/// What the organisation's people change.
const CHANGES: [Row; 12] = [
    done("policy.created.v1", "policy.create", "policy made", OWNER),
    done(
        "policy.updated.v1",
        "policy.update",
        "policy changed",
        OWNER,
    ),
    done(
        "policy.deleted.v1",
        "policy.delete",
        "policy deleted",
        OWNER,
    ),
    done("key.issued.v1", "key.issue", "key issued", OWNER),
    done("key.updated.v1", "key.update", "key changed", OWNER),
    done("key.revoked.v1", "key.revoke", "key revoked", OWNER),
    done("grant.given.v1", "grant.give", "grant given", OWNER),
    done("grant.revoked.v1", "grant.revoke", "grant revoked", OWNER),
    done("webhook.created.v1", "webhook.create", "hook made", OWNER),
    done(
        "webhook.rotated.v1",
        "webhook.rotate",
        "hook rotated",
        OWNER,
    ),
    done(
        "webhook.deleted.v1",
        "webhook.delete",
        "hook deleted",
        OWNER,
    ),
    done("member.added.v1", "member.add", "member added", OWNER),
];

/// Pauses stand on the gate; control writes them down after it, in the same trace.
const PAUSES: [Row; 8] = [
    done("kill.paused.v1", "agent.pause", "agent paused", OWNER).ended("succeeded", "AGENT_PAUSED"),
    done("kill.resumed.v1", "agent.resume", "agent resumed", OWNER)
        .ended("succeeded", "AGENT_RESUMED"),
    done(
        "agent.updated.v1",
        "agent.update",
        "agent paused",
        writ("control"),
    ),
    done(
        "agent.updated.v1",
        "agent.update",
        "agent resumed",
        writ("control"),
    ),
    done("pause.created.v1", "pause.create", "pause made", OWNER)
        .ended("succeeded", "PAUSE_CREATED"),
    done(
        "pause.created.v1",
        "pause.record",
        "pause made",
        writ("control"),
    ),
    done("pause.lifted.v1", "pause.lift", "pause lifted", OWNER).ended("succeeded", "PAUSE_LIFTED"),
    done(
        "pause.lifted.v1",
        "pause.record",
        "pause lifted",
        writ("control"),
    ),
];

/// What is told of clients and people, what leaves, what is forgotten, and what never came. A gap has
/// no request behind it.
const REST: [Row; 11] = [
    done(
        "bypass.reported.v1",
        "enforcement.bypassed",
        "bypassed",
        DEVELOPER,
    )
    .ended("allowed", "SERVER_ERROR"),
    done(
        "resolution.recorded.v1",
        "trace.resolve",
        "resolved",
        DEVELOPER,
    )
    .ended("succeeded", "RESOLVED_ERROR"),
    done("login.seen.v1", "login.sign_in", "signed in", MEMBER),
    done(
        "ledger.export_begun.v1",
        "ledger.export.begin",
        "exported",
        OWNER,
    ),
    done("ledger.exported.v1", "ledger.export", "exported", OWNER),
    done(
        "privacy.received.v1",
        "privacy.receive",
        "erasure asked",
        OWNER,
    ),
    done("privacy.erasing.v1", "privacy.erase", "erased", OWNER),
    done(
        "erasure.carried_out.v1",
        "erasure.carried_out",
        "erased",
        writ("ingest"),
    ),
    done(
        "card_erasure.carried_out.v1",
        "card_erasure.carry_out",
        "erased",
        writ("approval"),
    ),
    done(
        "privacy.completed.v1",
        "privacy.complete",
        "erased",
        writ("control"),
    ),
    done(
        "ledger.gap_detected.v1",
        "ledger.gap.detected",
        "",
        writ("audit-ledger"),
    )
    .ended("failed", "GAP_DETECTED"),
];

/// The whole list.
pub(super) fn rows() -> impl Iterator<Item = Row> {
    DECISIONS
        .into_iter()
        .chain(CHANGES)
        .chain(PAUSES)
        .chain(REST)
}
