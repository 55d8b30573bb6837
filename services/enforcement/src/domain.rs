//! Judging one act: who asks, whether it may ask at all, and what the policies say. Pure.

mod authorize;
mod delegated;
mod plan;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use writ_access::{Caller, Role};
use writ_contract::pause::tools_named;
use writ_contract::{PolicyId, Standing};
use writ_policy::{
    AgentRef, Decision, Mode, Outcome, PolicySet, Request, Severity, ToolDescriptor, Violation,
};

pub use authorize::{Call, Grant, Parties, authorize};
pub use delegated::{Delegations, Proof, Stated, prove, prove_person};
pub use plan::{Plan, Spent, TRACES, Used};

/// An act as an edge received it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ask {
    /// UUID or external id of the agent.
    pub agent: String,
    /// The request without its agent and organisation, which are not known yet.
    pub request: Request,
    /// Canonical bytes of the action context.
    pub context: Vec<u8>,
    /// `rest` or `grpc`.
    pub edge: &'static str,
    /// Size of the request as it was sent.
    pub bytes: usize,
    /// The answer says what became of every policy.
    pub explain: bool,
    /// Set when it is no act: one agent asks whether it may call another.
    pub call: Option<Call>,
    /// What was shown beside it.
    pub proof: Proof,
    /// W3C traceparent of the request; empty when it came without a plausible one.
    pub traceparent: String,
}

/// What is known of the agent that asks.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownAgent {
    /// As policies see it; its id is nil when it is not registered.
    pub agent: Arc<AgentRef>,
    /// It may not act any more.
    pub archived: bool,
    /// The reason of the pause that is in force.
    pub paused: Option<String>,
    /// The tools it was approved with; `None` when nobody pinned any.
    pub pinned: Option<Arc<Vec<ToolDescriptor>>>,
}

/// Refusals that are Writ's own, not a policy's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The credential was refused, with the edge's code and words.
    #[error("{message}")]
    Unauthenticated {
        /// A stable word.
        code: String,
        /// What to do.
        message: String,
    },
    /// The request could not be read.
    #[error("{0}")]
    Unreadable(String),
    /// The key's role may only read.
    #[error("this key may only read: enforcement needs the developer role")]
    Role,
    /// The key may not act in this environment.
    #[error("this key may not act in environment \"{0}\"")]
    Environment(String),
    /// No such agent.
    #[error("agent \"{0}\" is not registered in environment \"{1}\"")]
    UnknownAgent(String, String),
    /// A delegation token was shown that does not hold.
    #[error("the delegation token does not hold: {0}")]
    NotDelegated(String),
    /// A person's token was shown that does not hold.
    #[error("the token of the person does not hold: {0}")]
    NotThePerson(String),
    /// No grant allows the call.
    #[error("agent \"{caller}\" has no grant to {action} agent \"{callee}\"")]
    NotGranted {
        /// Who wants to ask.
        caller: String,
        /// Who would be asked.
        callee: String,
        /// For what.
        action: String,
    },
    /// The agent was archived.
    #[error("agent \"{0}\" is archived")]
    Archived(String),
    /// The agent is paused; the operator's words.
    #[error("agent \"{agent}\" is paused: {reason}")]
    Paused {
        /// External id.
        agent: String,
        /// Why.
        reason: String,
    },
    /// A tool that the act names is paused; the operator's words.
    #[error("tool \"{tool}\" is paused: {reason}")]
    ToolPaused {
        /// As the act names it.
        tool: String,
        /// Why.
        reason: String,
    },
    /// The organisation's policies cannot be trusted: fail closed.
    #[error("this organisation is held: {0}")]
    Quarantined(String),
    /// The plan is spent and the organisation wants no decisions then (`onPlanLimit`).
    #[error("the plan's {} traces of this month are used up, and this organisation has no decisions made then", .0.max)]
    PlanSpent(Spent),
    /// Too many large requests wait to be judged, or this one could not be.
    #[error("too many large requests wait to be judged, try again")]
    Busy,
    /// An approver could not be shown the act.
    #[error("approval is required and the request is too large to be kept for an approver")]
    TooLargeToHold,
    /// The approval service did not take the held decision in time.
    #[error("approval is required and the approval service did not answer in time")]
    NoApproval,
}

impl Refusal {
    /// A stable word.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Unauthenticated { code, .. } => code,
            Self::Unreadable(_) => "INVALID_REQUEST",
            Self::Role => "FORBIDDEN_ROLE",
            Self::Environment(_) => "ENVIRONMENT_FORBIDDEN",
            Self::UnknownAgent(..) => "AGENT_NOT_FOUND",
            Self::NotDelegated(_) => "DELEGATION_INVALID",
            Self::NotThePerson(_) => "USER_TOKEN_INVALID",
            Self::NotGranted { .. } => "NOT_GRANTED",
            Self::Archived(_) => "AGENT_ARCHIVED",
            Self::Paused { .. } => "AGENT_PAUSED",
            Self::ToolPaused { .. } => "TOOL_PAUSED",
            Self::Quarantined(_) => "ORGANIZATION_HELD",
            Self::PlanSpent(_) => "QUOTA_EXCEEDED",
            Self::Busy => "OVERLOADED",
            Self::TooLargeToHold => "REQUEST_TOO_LARGE",
            Self::NoApproval => "APPROVAL_UNAVAILABLE",
        }
    }

    /// The violation that stands for it on the wire.
    #[must_use]
    pub fn violation(&self) -> WireViolation {
        let paused = matches!(self, Self::Paused { .. } | Self::ToolPaused { .. });
        WireViolation {
            policy_id: "system".into(),
            policy_name: if paused { "Kill switch" } else { "Writ" }.into(),
            policy_type: if paused { "kill_switch" } else { "system" }.into(),
            severity: Severity::Critical.as_str(),
            enforcement_mode: Mode::Block.as_str(),
            message: self.to_string(),
            code: Some(self.code().to_owned()),
            evidence: Vec::new(),
            degraded: false,
        }
    }
}

/// A policy that hit.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Violation")]
#[serde(rename_all = "camelCase")]
pub struct WireViolation {
    /// `pol_…`, or `system`.
    pub policy_id: String,
    /// Shown to people.
    pub policy_name: String,
    /// Chooses the exception the SDK raises.
    pub policy_type: String,
    /// `low` to `critical`.
    pub severity: &'static str,
    /// `monitor` to `block`.
    pub enforcement_mode: &'static str,
    /// What hit, never what was matched.
    pub message: String,
    /// A stable word, when the refusal is Writ's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Where it was found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<writ_policy::Evidence>,
    /// A language model did not answer, so the built-in detector judged instead.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub degraded: bool,
}

impl From<&Violation> for WireViolation {
    fn from(hit: &Violation) -> Self {
        Self {
            policy_id: PolicyId(hit.policy_id).to_string(),
            policy_name: hit.policy_name.clone(),
            policy_type: hit.policy_type.as_str().to_owned(),
            severity: hit.severity.as_str(),
            enforcement_mode: hit.enforcement_mode.as_str(),
            message: hit.message.clone(),
            code: None,
            evidence: hit.evidence.clone(),
            degraded: hit.degraded,
        }
    }
}

/// What came of an act.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Refused before any policy was asked.
    Refused(Refusal),
    /// One agent may call another.
    Granted(Grant),
    /// Judged by the policies.
    Judged(Box<Decision>),
}

impl Verdict {
    /// What the policies said. Where a spent plan leaves no decision a denial stands all the same.
    #[must_use]
    pub fn judged(decision: Box<Decision>, plan: Plan, now_ms: i64) -> Self {
        match plan.spent(now_ms) {
            Some(spent) if decision.outcome != Outcome::Block => {
                Self::Refused(Refusal::PlanSpent(spent))
            }
            Some(_) | None => Self::Judged(decision),
        }
    }

    /// What may happen to the act.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Refused(_) => Outcome::Block,
            Self::Granted(_) => Outcome::Allow,
            Self::Judged(decision) => decision.outcome,
        }
    }
}

/// What an organisation looks like at one moment.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// The policies in force.
    pub policies: &'a PolicySet,
    /// The agent that asks, if it is known.
    pub agent: Option<&'a KnownAgent>,
    /// The pauses beyond agents' own switches.
    pub standing: &'a Standing,
    /// Why the organisation fails closed, if it does.
    pub quarantine: Option<&'a str>,
    /// What its plan leaves it.
    pub plan: Plan,
    /// What was handed down, and what of it was revoked.
    pub delegations: &'a Delegations,
}

/// The act as policies see it, when it may be judged at all.
///
/// # Errors
/// [`Refusal`]: no policy is asked.
pub fn prepare(
    caller: &Caller,
    ask: &Ask,
    view: &View<'_>,
    now_ms: i64,
) -> Result<Request, Refusal> {
    let agent = admit(caller, ask, view, now_ms)?;
    delegated::holds(&ask.proof, agent.agent.id.into(), view.delegations)?;
    let mut request = ask.request.clone();
    request.org_id = caller.org_id();
    request.agent = AgentRef::clone(&agent.agent);
    if !request.tool_descriptors.is_empty() {
        request.agent.pinned_tools = agent.pinned.as_deref().cloned();
    }
    // Judged in the environment that is recorded and that the key was checked for.
    ask.environment().clone_into(&mut request.environment);
    Ok(request)
}

/// Whether the act may be judged at all. A pause comes before everything about the request, so
/// that a paused agent always reads as paused. Of a spent plan only somebody unknown hears here: a
/// client may run the act after it, so what refuses an act for another reason comes first.
fn admit<'a>(
    caller: &Caller,
    ask: &Ask,
    view: &View<'a>,
    now_ms: i64,
) -> Result<&'a KnownAgent, Refusal> {
    if let Some(reason) = view.quarantine {
        return Err(Refusal::Quarantined(reason.to_owned()));
    }
    if let Some(agent) = view.agent {
        may_act(agent)?;
    }
    may_use_tools(ask, view.standing)?;
    caller.require(Role::Developer).map_err(|_| Refusal::Role)?;
    let environment = ask.environment();
    let own = view.agent.map(|agent| agent.agent.environment.as_str());
    for environment in [Some(environment), own].into_iter().flatten() {
        caller
            .require_environment(environment)
            .map_err(|_| Refusal::Environment(environment.to_owned()))?;
    }
    match (view.agent, view.plan.spent(now_ms)) {
        (Some(agent), _) => Ok(agent),
        (None, Some(spent)) => Err(Refusal::PlanSpent(spent)),
        (None, None) => {
            let name = ask.agent.clone();
            Err(Refusal::UnknownAgent(name, environment.to_owned()))
        }
    }
}

fn may_act(agent: &KnownAgent) -> Result<(), Refusal> {
    let name = agent.agent.external_id.clone();
    match &agent.paused {
        Some(reason) => Err(Refusal::Paused {
            agent: name,
            reason: reason.clone(),
        }),
        None if agent.archived => Err(Refusal::Archived(name)),
        None => Ok(()),
    }
}

fn may_use_tools(ask: &Ask, standing: &Standing) -> Result<(), Refusal> {
    let listed = ask.request.tools.iter().map(String::as_str);
    let stopping = standing.stopping(tools_named(listed, &ask.request.input));
    stopping.map_or(Ok(()), |(pause, tool)| {
        Err(Refusal::ToolPaused {
            tool: tool.to_owned(),
            reason: pause.reason.clone(),
        })
    })
}

impl Ask {
    /// The environment the act takes place in; `production` when the request names none.
    #[must_use]
    pub fn environment(&self) -> &str {
        if self.request.environment.is_empty() {
            "production"
        } else {
            &self.request.environment
        }
    }
}

#[cfg(test)]
mod tests;
