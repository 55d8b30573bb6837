//! Whether one agent may ask another. Pure.

use writ_access::{Caller, Role};
use writ_contract::GrantId;

use super::{KnownAgent, Refusal, may_act};

/// The question as an edge received it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// Who wants to ask: UUID or external id.
    pub caller: String,
    /// Who would be asked.
    pub callee: String,
    /// One of the eight words; another one is granted to nobody.
    pub action: String,
    /// Where the agents that external ids name are registered.
    pub environment: Option<String>,
}

/// A grant that allows a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// When it ends.
    pub expires_at_us: Option<i64>,
}

/// What is known of the two at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parties {
    /// Who wants to ask.
    pub caller: Option<KnownAgent>,
    /// Who would be asked.
    pub callee: Option<KnownAgent>,
    /// The grant that lives longest of those that allow it now.
    pub grant: Option<Grant>,
}

/// The grant under which the call may be made.
///
/// # Errors
/// [`Refusal`]; a pause of either agent comes before all that is about the question.
pub fn authorize(
    caller: &Caller,
    call: &Call,
    parties: &Parties,
    quarantine: Option<&str>,
) -> Result<Grant, Refusal> {
    if let Some(reason) = quarantine {
        return Err(Refusal::Quarantined(reason.to_owned()));
    }
    let both = [&parties.caller, &parties.callee];
    for agent in both.into_iter().flatten() {
        may_act(agent)?;
    }
    caller.require(Role::Developer).map_err(|_| Refusal::Role)?;
    for agent in both.into_iter().flatten() {
        let environment = &agent.agent.environment;
        caller
            .require_environment(environment)
            .map_err(|_| Refusal::Environment(environment.clone()))?;
    }
    let environment = call.environment.as_deref().unwrap_or("any");
    for (agent, name) in both.into_iter().zip([&call.caller, &call.callee]) {
        if agent.is_none() {
            return Err(Refusal::UnknownAgent(name.clone(), environment.to_owned()));
        }
    }
    parties.grant.ok_or_else(|| Refusal::NotGranted {
        caller: call.caller.clone(),
        callee: call.callee.clone(),
        action: call.action.clone(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;
    use writ_policy::AgentRef;

    use super::*;

    fn agent(paused: bool, archived: bool) -> Option<KnownAgent> {
        Some(KnownAgent {
            agent: Arc::new(AgentRef {
                environment: "production".into(),
                ..AgentRef::default()
            }),
            archived,
            paused: paused.then(|| "incident".to_owned()),
            pinned: None,
        })
    }

    fn ask(parties: &Parties) -> Result<Grant, &'static str> {
        let caller = Caller::system(Uuid::nil());
        authorize(&caller, &Call::default(), parties, None).map_err(|refusal| {
            [
                "AGENT_PAUSED",
                "AGENT_ARCHIVED",
                "AGENT_NOT_FOUND",
                "NOT_GRANTED",
            ]
            .into_iter()
            .find(|code| *code == refusal.code())
            .unwrap()
        })
    }

    #[test]
    fn a_call_needs_two_agents_that_may_act_and_a_grant() {
        let grant = Grant {
            id: GrantId(Uuid::nil()),
            expires_at_us: None,
        };
        let parties = Parties {
            caller: agent(false, false),
            callee: agent(false, false),
            grant: Some(grant),
        };
        assert_eq!(ask(&parties), Ok(grant));
        let without = |change: fn(&mut Parties)| {
            let mut parties = parties.clone();
            change(&mut parties);
            ask(&parties).unwrap_err()
        };
        assert_eq!(without(|p| p.caller = agent(true, false)), "AGENT_PAUSED");
        assert_eq!(without(|p| p.callee = agent(true, false)), "AGENT_PAUSED");
        assert_eq!(without(|p| p.callee = agent(false, true)), "AGENT_ARCHIVED");
        assert_eq!(without(|p| p.callee = None), "AGENT_NOT_FOUND");
        assert_eq!(without(|p| p.grant = None), "NOT_GRANTED");
    }

    #[test]
    fn a_held_organisation_and_a_key_of_another_role_grant_nothing() {
        let parties = Parties::default();
        let caller = Caller::system(Uuid::nil());
        let held = authorize(&caller, &Call::default(), &parties, Some("torn"));
        assert_eq!(held, Err(Refusal::Quarantined("torn".into())));
    }
}
