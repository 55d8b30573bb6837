//! What can go wrong, told without HTTP; `api/status.rs` is the one place that maps it.

use writ_access::Role;
use writ_eventlog::PublishError;
use writ_pg::PgError;

/// Why a call did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The domain says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store's trouble.
    #[error(transparent)]
    Store(#[from] PgError),
    /// A pause or resume that is not known to be on the log.
    #[error(transparent)]
    Log(#[from] PublishError),
    /// Memory is not filled yet, so nothing may be said about an agent's state.
    #[error("still catching up with the log")]
    CatchingUp,
    /// Something that must not happen.
    #[error("{0}")]
    Bug(String),
}

/// The domain's refusals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such agent in this organisation.
    #[error("agent not found")]
    AgentNotFound,
    /// An external id that exists in several environments.
    #[error("this agent id exists in several environments: add ?environment=")]
    AgentAmbiguous,
    /// No pause of that id stands in this organisation.
    #[error("pause not found: it was lifted, has expired, or never was")]
    PauseNotFound,
    /// No such policy in this organisation.
    #[error("policy not found")]
    PolicyNotFound,
    /// The policy has no such exception.
    #[error("exception not found")]
    ExceptionNotFound,
    /// Policies that would wait for each other, from the changed one back to itself.
    #[error("prerequisites go in a circle: {}", .0.join(" → "))]
    PolicyCircle(Vec<String>),
    /// Other policies wait for this one; their names.
    #[error("still a prerequisite of: {}", .0.join(", "))]
    PolicyAwaited(Vec<String>),
    /// No such version of a prompt in this organisation.
    #[error("prompt version not found")]
    PromptNotFound,
    /// The agent has no such version.
    #[error("agent version not found")]
    AgentVersionNotFound,
    /// No such validator in this organisation.
    #[error("validator not found")]
    ValidatorNotFound,
    /// Policies ask it; their names.
    #[error("still asked by: {}", .0.join(", "))]
    ValidatorInUse(Vec<String>),
    /// No such grant of this agent.
    #[error("grant not found")]
    GrantNotFound,
    /// No such delegation of this agent.
    #[error("delegation not found")]
    DelegationNotFound,
    /// The agent was retired: it acts no more, and nobody acts for it.
    #[error("the agent is archived")]
    AgentArchived,
    /// No such key in this organisation.
    #[error("key not found")]
    KeyNotFound,
    /// No such member of this organisation.
    #[error("member not found")]
    MemberNotFound,
    /// An organisation without an Owner could never have one again.
    #[error("this is the last owner: make somebody else an owner first")]
    LastOwner,
    /// Another member has this e-mail address, or signs in as this subject.
    #[error("another member has this e-mail address or signs in as this subject")]
    MemberExists,
    /// No such identity provider of this organisation.
    #[error("OIDC issuer not found")]
    IssuerNotFound,
    /// The organisation trusts this one already.
    #[error("this OIDC issuer is registered already")]
    IssuerExists,
    /// Its keys could not be read; nothing was written.
    #[error("the issuer's keys could not be read: {0}")]
    IssuerUnread(String),
    /// No such organisation: it was never created.
    #[error("organization not found")]
    OrganizationNotFound,
    /// Requests of data subjects.
    #[error(transparent)]
    Privacy(#[from] PrivacyRefusal),
    /// Fields that do not say what they should, each line beginning with the field's name.
    #[error("{}", .0.join("; "))]
    Invalid(Vec<String>),
    /// `If-Match` names another version than the current one.
    #[error("the current version is {current}")]
    VersionMismatch {
        /// What `If-Match` would have to say.
        current: u64,
    },
    /// A developer may write policies only for agents it owns.
    #[error("{0}")]
    NotOwned(String),
    /// Plan and limits are not the caller's to set.
    #[error("{}", if *.owner_sets_plan {
        "plan and limits are set by an owner"
    } else {
        "plan and limits are set by whoever runs this deployment, in its seed"
    })]
    PlanFixed {
        /// Owners may in this deployment.
        owner_sets_plan: bool,
    },
    /// The plan has no room for another one; nothing was written.
    #[error("the plan allows {max} {what}, and there are {current}")]
    PlanLimit {
        /// In the words of the API.
        what: &'static str,
        /// As the SDK knows it: `maxAgents`.
        resource: &'static str,
        /// How many there are.
        current: u64,
        /// How many there may be.
        max: u64,
    },
    /// The organisation has switched this off.
    #[error("{0} are not enabled in this organization: see GET /organization/settings")]
    NotEnabled(&'static str),
    /// A role above the caller's own.
    #[error("the role {0} can be given or taken only by that role or above")]
    RoleTooHigh(Role),
    /// The key may not act in the agent's environment.
    #[error("the key may not act in environment {0}")]
    Environment(String),
    /// An `Idempotency-Key` under which something else was asked.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// The same switch is being turned by too many at once.
    #[error("the agent's switch is contended, try again")]
    Contended,
}

/// Refusals about requests of data subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrivacyRefusal {
    /// No such request in this organisation.
    #[error("privacy request not found")]
    NotFound,
    /// The request was answered, or is being carried out.
    #[error("the request is {0} already")]
    Closed(&'static str),
    /// Nothing may be erased while a legal hold stands.
    #[error("a legal hold stands: end it first, with legalHold null")]
    LegalHold,
    /// Somebody who is still a member cannot be forgotten.
    #[error("the subject is still a member: remove the member first")]
    StillMember,
}

impl From<PrivacyRefusal> for Error {
    fn from(refusal: PrivacyRefusal) -> Self {
        Self::Refused(refusal.into())
    }
}

impl Refusal {
    /// Refuses one more of something when a plan allows no more than there are.
    ///
    /// # Errors
    /// [`Refusal::PlanLimit`].
    pub fn unless_room(
        what: &'static str,
        resource: &'static str,
        current: u64,
        max: u64,
    ) -> Result<(), Self> {
        let full = Self::PlanLimit {
            what,
            resource,
            current,
            max,
        };
        if current < max { Ok(()) } else { Err(full) }
    }

    /// One wrong field.
    pub fn field(name: &str, problem: &str) -> Self {
        Self::Invalid(vec![format!("{name}: {problem}")])
    }
}
