//! The grants of an organisation, by who may ask whom.

use std::collections::HashMap;

use writ_contract::{AgentId, Envelope, GrantId, Unreadable, wire};

use super::{Org, read};
use crate::domain::{Call, Grant, Parties};

#[derive(Debug, Default)]
pub(super) struct Grants {
    between: HashMap<(AgentId, AgentId), HashMap<GrantId, Given>>,
}

#[derive(Debug)]
struct Given {
    version: u64,
    actions: Vec<String>,
    expires_at_us: Option<i64>,
    revoked: bool,
}

impl Grants {
    pub(super) fn apply(&mut self, envelope: &Envelope) -> Result<(), Unreadable> {
        let fact = envelope.open::<wire::Grant>()?;
        let id = GrantId::from_bytes(&fact.grant_id).map_err(|source| Unreadable::Id {
            field: "grant_id",
            source,
        })?;
        let pair = (
            read::agent_id(&fact.agent_id)?,
            read::agent_id(&fact.target_agent_id)?,
        );
        let given = self.between.entry(pair).or_default();
        if envelope.version > given.get(&id).map_or(0, |known| known.version) {
            let stated = Given {
                version: envelope.version,
                actions: fact.allowed_actions,
                expires_at_us: fact.expires_at_us,
                revoked: fact.revoked,
            };
            given.insert(id, stated);
        }
        Ok(())
    }

    /// Of the grants that allow it now, the one that lives longest.
    pub(super) fn find(
        &self,
        caller: AgentId,
        callee: AgentId,
        action: &str,
        now_us: i64,
    ) -> Option<Grant> {
        let given = self.between.get(&(caller, callee))?.iter();
        let live = given.filter(|(_, given)| {
            !given.revoked
                && given.expires_at_us.is_none_or(|end| now_us < end)
                && given.actions.iter().any(|allowed| allowed == action)
        });
        let longest =
            live.max_by_key(|(id, given)| (given.expires_at_us.unwrap_or(i64::MAX), **id));
        longest.map(|(id, given)| Grant {
            id: *id,
            expires_at_us: given.expires_at_us,
        })
    }
}

/// Where an agent is looked for that is registered in several environments, when none is said.
const NEAR: &str = "production";

impl Org {
    /// The two agents of a call, and the grant between them.
    pub(super) fn parties(&self, call: &Call, now_us: i64) -> Parties {
        let environment = call.environment.as_deref();
        let caller = self.named(&call.caller, environment, NEAR);
        let acting = environment.unwrap_or_default();
        let caller_known = caller.and_then(|id| self.known(id, acting));
        let near = caller_known
            .as_ref()
            .map_or(NEAR, |it| it.agent.environment.as_str());
        let callee = self.named(&call.callee, environment, near);
        let grant = caller
            .zip(callee)
            .and_then(|(caller, callee)| self.grants.find(caller, callee, &call.action, now_us));
        Parties {
            callee: callee.and_then(|id| self.known(id, acting)),
            caller: caller_known,
            grant,
        }
    }

    /// By its UUID; by its external id in `environment`, or when none is said in `near` or the only
    /// one it is registered in.
    fn named(&self, reference: &str, environment: Option<&str>, near: &str) -> Option<AgentId> {
        self.by_uuid(reference).or_else(|| {
            let registered = self.by_external.get(reference)?;
            let mut all = registered.values();
            let only = all.next().filter(|_| registered.len() == 1);
            match environment {
                Some(environment) => registered.get(environment).copied(),
                None => registered.get(near).or(only).copied(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use writ_contract::{Audit, EventId, Fact, Kind, OrgId};

    use super::*;

    const A: AgentId = AgentId(Uuid::from_u128(1));
    const B: AgentId = AgentId(Uuid::from_u128(2));

    fn envelope<F: Fact>(version: u64, fact: &F) -> Envelope {
        Envelope {
            event_id: EventId(Uuid::nil()),
            kind: Kind::of::<F>("stated"),
            org: OrgId(Uuid::nil()),
            aggregate_id: String::new(),
            version,
            occurred_at_us: 0,
            audit: Audit::default(),
            fact: fact.encode_to_vec(),
            traceparent: String::new(),
        }
    }

    fn grant(id: u128, expires_at_us: Option<i64>, revoked: bool) -> wire::Grant {
        wire::Grant {
            grant_id: GrantId(Uuid::from_u128(id)).to_bytes(),
            agent_id: A.to_bytes(),
            target_agent_id: B.to_bytes(),
            allowed_actions: vec!["read".into()],
            expires_at_us,
            revoked,
        }
    }

    fn found(grants: &Grants, now_us: i64) -> Option<u128> {
        let found = grants.find(A, B, "read", now_us);
        found.map(|grant| grant.id.0.as_u128())
    }

    #[test]
    fn a_grant_holds_for_its_action_and_direction_until_it_ends() {
        let mut grants = Grants::default();
        grants
            .apply(&envelope(1, &grant(1, Some(10), false)))
            .unwrap();
        assert_eq!(found(&grants, 9), Some(1));
        assert_eq!(found(&grants, 10), None);
        assert_eq!(grants.find(B, A, "read", 1), None);
        assert_eq!(grants.find(A, B, "write", 1), None);
        grants.apply(&envelope(1, &grant(2, None, false))).unwrap();
        assert_eq!(found(&grants, 1), Some(2), "the one that lives longest");
    }

    #[test]
    fn a_revoked_grant_is_not_brought_back_by_an_older_fact() {
        let mut grants = Grants::default();
        grants.apply(&envelope(2, &grant(1, None, true))).unwrap();
        grants.apply(&envelope(1, &grant(1, None, false))).unwrap();
        assert_eq!(found(&grants, 1), None);
    }

    #[test]
    fn an_agent_of_several_environments_is_the_one_beside_its_caller() {
        let mut org = Org::default();
        for (id, name, environment) in [
            (1, "a", "staging"),
            (2, "b", "staging"),
            (3, "b", "production"),
            (4, "c", "test"),
        ] {
            let fact = wire::Agent {
                agent_id: AgentId(Uuid::from_u128(id)).to_bytes(),
                external_id: name.into(),
                environment: environment.into(),
                ..wire::Agent::default()
            };
            org.apply(&envelope(1, &fact)).unwrap();
        }
        let callee = |caller: &str, callee: &str, environment: Option<&str>| {
            let call = Call {
                caller: caller.into(),
                callee: callee.into(),
                action: "read".into(),
                environment: environment.map(str::to_owned),
            };
            let known = org.parties(&call, 0).callee;
            known.map(|known| known.agent.id.as_u128())
        };
        assert_eq!(callee("a", "b", None), Some(2));
        assert_eq!(callee("nobody", "b", None), Some(3));
        assert_eq!(callee("a", "b", Some("production")), Some(3));
        assert_eq!(callee("a", "c", None), Some(4));
        assert_eq!(callee("a", "c", Some("staging")), None);
        assert_eq!(callee("a", &A.to_string(), None), Some(1));
    }
}
