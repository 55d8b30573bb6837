//! What a request for approval is and what may become of it. Synchronous functions of values:
//! time, ids and look-ups are arguments.

pub mod cancel;
pub mod decide;
pub mod expire;
pub mod join;
pub mod redeem;
pub mod request;
pub mod seal;

#[cfg(test)]
mod props;
#[cfg(test)]
pub(crate) mod samples;

use chrono::{DateTime, Utc};
use writ_contract::{AgentId, ApprovalId, DecisionId, EventId, KeyId, OrgId, PolicyId};

pub use cancel::{Cancel, Cause};
pub use decide::{Decide, Verdict};
pub use expire::Expire;
pub use join::Join;
pub use redeem::Redeem;
pub use request::Hold;
pub use seal::Seal;

/// Decisions a request names: the first, and the last that joined. An agent that asks again and
/// again must not make it grow without end; each joining is a fact that names its own.
const NAMED: usize = 100;

/// One request and everything that was decided about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Its id.
    pub id: ApprovalId,
    /// Whose it is.
    pub org: OrgId,
    /// The agent that wants to act; nil for one that nobody registered.
    pub agent: AgentId,
    /// The id the application gave the agent.
    pub external_agent: String,
    /// Where it wants to act.
    pub environment: String,
    /// Keyed digest of the canonical action context.
    pub action_digest: [u8; 32],
    /// The policies that held the act.
    pub policies: Vec<PolicyId>,
    /// Hash of the policy set they were part of.
    pub policy_set_hash: Vec<u8>,
    /// The held decisions that wait: the first made the request, equal ones joined it. At most a
    /// hundred: of many, the first and the latest.
    pub decisions: Vec<DecisionId>,
    /// Who asked, in the order of the decisions, each once.
    pub requesters: Vec<Party>,
    /// When the first decision was made.
    pub requested_at: DateTime<Utc>,
    /// From when it can no longer be granted.
    pub expires_at: DateTime<Utc>,
    /// Where it stands.
    pub status: Status,
    /// Who decided and when, once somebody has.
    pub decided: Option<Decided>,
    /// What the ledger's seal over the grant made of it.
    pub certified: Option<Certified>,
    /// The one use of the certificate, once it was claimed.
    pub used: Option<Used>,
}

/// A key and the person behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// The key.
    pub key: KeyId,
    /// Pseudonymous `per_` id, where one is known.
    pub person: Option<String>,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nobody has decided.
    Pending,
    /// Granted; good once sealed.
    Approved,
    /// Refused by a person.
    Denied,
    /// Nobody decided in time.
    Expired,
    /// Nobody waits for it any more.
    Cancelled,
    /// Granted, and the certificate was used.
    Consumed,
}

/// A decision about the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Who.
    pub by: Party,
    /// When.
    pub at: DateTime<Utc>,
}

/// The time in which a certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certified {
    /// The time of the seal.
    pub not_before: DateTime<Utc>,
    /// Not good at or after.
    pub expires_at: DateTime<Utc>,
}

/// A claim on the one use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// Event id of the record on the gate.
    pub event: EventId,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a command needs to know that is not in the state.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The time.
    pub now: DateTime<Utc>,
}

/// What happened. Those with a [`Event::verb`] become facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A held decision made the request.
    Requested,
    /// An equal held decision waits for it too.
    Joined {
        /// The decision.
        decision: DecisionId,
        /// Who made it.
        by: Party,
    },
    /// Somebody granted it.
    Granted(Decided),
    /// Somebody refused it.
    Denied(Decided),
    /// Nobody decided in time.
    Expired,
    /// Nobody waits for it any more.
    Cancelled(Cause),
    /// The ledger sealed the grant; the certificate is good from now on.
    Certified(Certified),
    /// Somebody asked to redeem it for another act.
    Mismatched,
    /// The one use was claimed.
    Claimed(Used),
    /// The claim was given back: the gate is known not to have recorded it.
    Released,
    /// The gate recorded the use.
    Consumed(Used),
}

/// Why a command does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request is no longer pending.
    #[error("the request has already been decided")]
    AlreadyDecided,
    /// The request's life is over.
    #[error("the request has expired")]
    Expired,
    /// The requester may not decide.
    #[error("who made a request cannot decide it")]
    OwnRequest,
    /// Not past its life yet.
    #[error("the request is still waiting")]
    StillWaiting,
    /// There is no certificate: not granted, or the grant is not sealed.
    #[error("certificate_unanchored")]
    Unanchored,
    /// Another key than the one that asked.
    #[error("requester_mismatch")]
    OtherRequester,
    /// Another act than the one approved.
    #[error("action_context_mismatch")]
    Mismatch,
    /// Before the time of the seal.
    #[error("certificate_not_yet_valid")]
    NotYetValid,
    /// The certificate's life is over.
    #[error("certificate_expired")]
    CertificateExpired,
    /// It was used before.
    #[error("certificate_already_used")]
    AlreadyUsed,
    /// The stored certificate is not what was signed.
    #[error("certificate_tampered")]
    Tampered,
    /// The agent is paused.
    #[error("agent_paused")]
    AgentPaused,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Approved,
        Self::Denied,
        Self::Expired,
        Self::Cancelled,
        Self::Consumed,
    ];

    /// Its name in facts, rows and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Consumed => "consumed",
        }
    }

    /// The status with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

impl Event {
    /// The past tense of its fact; `None` when it is no fact of its own: a seal is the ledger's, a
    /// claim is the gate's.
    #[must_use]
    pub fn verb(&self) -> Option<&'static str> {
        match self {
            Self::Requested => Some("requested"),
            Self::Joined { .. } => Some("joined"),
            Self::Granted(_) => Some("granted"),
            Self::Denied(_) => Some("denied"),
            Self::Expired => Some("expired"),
            Self::Cancelled(_) => Some("cancelled"),
            Self::Mismatched => Some("mismatched"),
            Self::Consumed(_) => Some("consumed"),
            Self::Certified(_) | Self::Claimed(_) | Self::Released => None,
        }
    }
}

impl State {
    /// Whether the request can still be decided.
    #[must_use]
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.status == Status::Pending && now < self.expires_at
    }

    /// Where it stands for somebody who looks at `now`, before anybody wrote the expiry down.
    #[must_use]
    pub fn status_at(&self, now: DateTime<Utc>) -> Status {
        if self.status == Status::Pending && !self.is_open(now) {
            Status::Expired
        } else {
            self.status
        }
    }

    /// Whether `key` asked.
    #[must_use]
    pub fn asked_by(&self, key: KeyId) -> bool {
        self.requesters.iter().any(|party| party.key == key)
    }
}

/// The state after an event. Total: an event that was decided is applied.
#[must_use]
pub fn evolve(mut state: State, event: &Event) -> State {
    match event {
        Event::Requested | Event::Mismatched => {}
        Event::Joined { decision, by } => {
            if state.decisions.len() >= NAMED {
                state.decisions.remove(1);
            }
            state.decisions.push(*decision);
            if !state.requesters.contains(by) {
                state.requesters.push(by.clone());
            }
        }
        Event::Granted(decided) => {
            state.status = Status::Approved;
            state.decided = Some(decided.clone());
        }
        Event::Denied(decided) => {
            state.status = Status::Denied;
            state.decided = Some(decided.clone());
        }
        Event::Expired => state.status = Status::Expired,
        Event::Cancelled(_) => state.status = Status::Cancelled,
        Event::Certified(certified) => state.certified = Some(*certified),
        Event::Claimed(used) => state.used = Some(*used),
        Event::Released => state.used = None,
        Event::Consumed(used) => {
            state.status = Status::Consumed;
            state.used = Some(*used);
        }
    }
    state
}
