//! A held decision that nobody waits for yet makes a request.

use chrono::{DateTime, TimeDelta, Utc};
use writ_contract::{AgentId, ApprovalId, DecisionId, OrgId, PolicyId};

use super::{Party, State, Status};

/// A held decision, as the gate recorded it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The id enforcement chose for the request, should it be a new one.
    pub approval: ApprovalId,
    /// The decision.
    pub decision: DecisionId,
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
    /// The policies that held it.
    pub policies: Vec<PolicyId>,
    /// Hash of the policy set they were part of.
    pub policy_set_hash: Vec<u8>,
    /// Who asked.
    pub by: Party,
    /// When it was decided.
    pub at: DateTime<Utc>,
}

impl Hold {
    /// The request this decision makes when no equal one is open; it can be decided for `life`.
    #[must_use]
    pub fn request(&self, life: TimeDelta) -> State {
        State {
            id: self.approval,
            org: self.org,
            agent: self.agent,
            external_agent: self.external_agent.clone(),
            environment: self.environment.clone(),
            action_digest: self.action_digest,
            policies: self.policies.clone(),
            policy_set_hash: self.policy_set_hash.clone(),
            decisions: vec![self.decision],
            requesters: vec![self.by.clone()],
            requested_at: self.at,
            expires_at: self.at.checked_add_signed(life).unwrap_or(self.at),
            status: Status::Pending,
            decided: None,
            certified: None,
            used: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{at, hold};
    use super::*;

    #[test]
    fn a_request_lives_from_the_decision_that_made_it() {
        let state = hold(1).request(TimeDelta::minutes(25));
        assert_eq!(state.expires_at, at(25 * 60));
        assert_eq!(state.decisions, [hold(1).decision]);
        assert!(state.is_open(at(25 * 60 - 1)) && !state.is_open(at(25 * 60)));
        assert_eq!(state.status_at(at(25 * 60)), Status::Expired);
    }
}
