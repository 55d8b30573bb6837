//! Facts of control as the engine takes them.

use std::str::FromStr;

use uuid::Uuid;
use writ_contract::{AgentId, PolicyId, Unreadable, wire};
use writ_policy::model::UnknownWord;
use writ_policy::{AgentRef, ChainTrigger, Exception, Limits, Policy, Selectors};

pub(super) fn agent_id(bytes: &[u8]) -> Result<AgentId, Unreadable> {
    AgentId::from_bytes(bytes).map_err(|source| Unreadable::Id {
        field: "agent_id",
        source,
    })
}

pub(super) fn policy_id(bytes: &[u8]) -> Result<PolicyId, Unreadable> {
    PolicyId::from_bytes(bytes).map_err(|source| Unreadable::Id {
        field: "policy_id",
        source,
    })
}

/// An agent as policies see it.
pub(super) fn agent(id: AgentId, fact: wire::Agent) -> AgentRef {
    AgentRef {
        id: id.0,
        external_id: fact.external_id,
        name: fact.name,
        environment: fact.environment,
        tags: fact.tags,
        limits: Limits {
            allowed_actions: fact.allowed_actions,
            allowed_data_sources: fact.allowed_data_sources,
            requires_human_approval_for: fact.requires_human_approval_for,
            autonomy_level: fact.autonomy_level,
        },
        ..AgentRef::default()
    }
}

/// A policy as the engine takes it; `None` when it is deleted or inactive.
pub(super) fn policy(
    id: PolicyId,
    version: u64,
    fact: wire::Policy,
) -> Result<Option<Policy>, Unreadable> {
    if fact.deleted || !fact.is_active {
        return Ok(None);
    }
    let malformed = |why: String| Unreadable::Malformed(format!("policy {id}: {why}"));
    let word = |e: UnknownWord| malformed(e.to_string());
    let rule = serde_json::from_str(&fact.rule_definition);
    let chain_trigger = said::<ChainTrigger>(&fact.chain_trigger).map_err(word)?;
    Ok(Some(Policy {
        version,
        applies_to_agents: ids(&fact.applies_to_agents, |a| agent_id(a).map(|a| a.0))?,
        selectors: selectors(fact.selectors.unwrap_or_default()).map_err(word)?,
        evaluation_order: fact.evaluation_order,
        severity: fact.severity.parse().map_err(word)?,
        on_error: said(&fact.on_error).map_err(word)?,
        prerequisites: ids(&fact.prerequisites, |p| policy_id(p).map(|p| p.0))?,
        chain_trigger: chain_trigger.unwrap_or_default(),
        exceptions: exceptions(&fact.exceptions)?,
        ..Policy::new(
            id.0,
            fact.name,
            fact.policy_type.parse().map_err(word)?,
            fact.enforcement_mode.parse().map_err(word)?,
            rule.map_err(|e| malformed(e.to_string()))?,
        )
    }))
}

fn exceptions(facts: &[wire::PolicyException]) -> Result<Vec<Exception>, Unreadable> {
    let read = |fact: &wire::PolicyException| {
        let named = (!fact.agent_id.is_empty()).then(|| agent_id(&fact.agent_id));
        Ok(Exception {
            agent_id: named.transpose()?.map(|id| id.0),
            until_ms: fact.expires_at_us / 1_000,
        })
    };
    facts.iter().map(read).collect()
}

fn selectors(fact: wire::Selectors) -> Result<Selectors, UnknownWord> {
    let tiers = fact.tiers.iter().map(|tier| tier.parse());
    Ok(Selectors {
        tiers: tiers.collect::<Result<_, _>>()?,
        tags: fact.tags,
        environments: fact.environments,
        users: fact.users,
    })
}

/// A word of the model; empty is none, as in facts from before the word was there.
fn said<T: FromStr>(word: &str) -> Result<Option<T>, T::Err> {
    (!word.is_empty()).then(|| word.parse()).transpose()
}

fn ids(
    all: &[Vec<u8>],
    read: impl Fn(&[u8]) -> Result<Uuid, Unreadable>,
) -> Result<Vec<Uuid>, Unreadable> {
    all.iter().map(|bytes| read(bytes)).collect()
}

#[cfg(test)]
mod tests {
    use writ_policy::{Mode, PolicyType, Tier};

    use super::*;

    fn fact() -> wire::Policy {
        wire::Policy {
            policy_id: vec![5; 16],
            name: "p".into(),
            policy_type: "tool_invocation".into(),
            enforcement_mode: "block".into(),
            rule_definition: r#"{"denied_tools":["x"]}"#.into(),
            severity: "low".into(),
            is_active: true,
            evaluation_order: 7,
            ..wire::Policy::default()
        }
    }

    fn read(fact: wire::Policy) -> Result<Option<Policy>, Unreadable> {
        policy(PolicyId(Uuid::from_u128(5)), 3, fact)
    }

    #[test]
    fn a_policy_fact_says_all_that_the_engine_judges_by() {
        let said = read(wire::Policy {
            applies_to_agents: vec![vec![1; 16]],
            on_error: "warn".into(),
            selectors: Some(wire::Selectors {
                tags: vec!["eu".into()],
                environments: vec!["staging".into()],
                users: vec!["u1".into()],
                tiers: vec!["subagent".into()],
            }),
            prerequisites: vec![vec![9; 16]],
            chain_trigger: "any_violated".into(),
            ..fact()
        });
        let rule = serde_json::json!({"denied_tools": ["x"]});
        let id = Uuid::from_u128(5);
        let expected = Policy {
            version: 3,
            applies_to_agents: vec![Uuid::from_bytes([1; 16])],
            selectors: Selectors {
                tags: vec!["eu".into()],
                environments: vec!["staging".into()],
                users: vec!["u1".into()],
                tiers: vec![Tier::Subagent],
            },
            evaluation_order: 7,
            severity: writ_policy::Severity::Low,
            on_error: Some(writ_policy::OnError::Warn),
            prerequisites: vec![Uuid::from_bytes([9; 16])],
            chain_trigger: ChainTrigger::AnyViolated,
            ..Policy::new(id, "p", PolicyType::ToolInvocation, Mode::Block, rule)
        };
        assert_eq!(said.unwrap(), Some(expected));
    }

    #[test]
    fn a_fact_from_before_selectors_and_chains_applies_to_everybody() {
        let policy = read(fact()).unwrap().unwrap();
        assert!(policy.selectors.is_empty() && policy.prerequisites.is_empty());
        assert_eq!(policy.chain_trigger, ChainTrigger::AllPassed);
        assert_eq!(policy.on_error, None);
    }

    #[test]
    fn a_word_or_id_nobody_here_knows_is_unreadable() {
        let tiers = Some(wire::Selectors {
            tiers: vec!["robot".into()],
            ..wire::Selectors::default()
        });
        let unreadable = [
            wire::Policy {
                selectors: tiers,
                ..fact()
            },
            wire::Policy {
                chain_trigger: "sometimes".into(),
                ..fact()
            },
            wire::Policy {
                prerequisites: vec![vec![1; 3]],
                ..fact()
            },
            wire::Policy {
                policy_type: "of_tomorrow".into(),
                ..fact()
            },
        ];
        for fact in unreadable {
            assert!(read(fact.clone()).is_err(), "{fact:?}");
        }
    }

    #[test]
    fn an_agent_carries_its_tags_and_what_its_registration_allows() {
        let agent = agent(
            AgentId(Uuid::from_u128(2)),
            wire::Agent {
                external_id: "bot".into(),
                tags: vec!["eu".into()],
                allowed_actions: vec!["crm.*".into()],
                allowed_data_sources: vec!["crm".into()],
                requires_human_approval_for: vec!["refund".into()],
                autonomy_level: "advise".into(),
                ..wire::Agent::default()
            },
        );
        assert_eq!((agent.id, agent.tags.len()), (Uuid::from_u128(2), 1));
        let expected = Limits {
            allowed_actions: vec!["crm.*".into()],
            allowed_data_sources: vec!["crm".into()],
            requires_human_approval_for: vec!["refund".into()],
            autonomy_level: "advise".into(),
        };
        assert_eq!(agent.limits, expected);
    }
}
