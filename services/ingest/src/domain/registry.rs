//! Organisations, agents and pauses as `control` stated them.

use std::collections::HashMap;

use uuid::Uuid;
use writ_contract::{Acting, AgentId, Envelope, Fact as _, OrgId, Standing, Unreadable, wire};
use writ_policy::AgentRef;

/// How the fact of an agent says that it owes evidence.
const STRICT: &str = "strict";

/// What ingest needs to know of an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Organization {
    /// Agents must be registered.
    pub(crate) registration_required: bool,
    /// It may not send anything.
    pub(crate) suspended: bool,
    /// Traces need the credential of their agent.
    pub(crate) credential_required: bool,
    /// Days that traces and decisions are kept; `None` is for ever.
    pub(crate) retention_days: Option<u32>,
    /// Traces a calendar month (UTC); `None` is unlimited.
    pub(crate) max_traces_per_month: Option<u64>,
}

/// A registered agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Agent {
    /// Its id.
    pub(crate) id: AgentId,
    /// Where it runs.
    pub(crate) environment: String,
    /// A trace of it that says it succeeded must bring evidence.
    pub(crate) strict: bool,
    /// Since when it is paused, in microseconds since the Unix epoch.
    pub(crate) paused_since_us: Option<i64>,
}

#[derive(Debug, Clone)]
struct Registered {
    version: u64,
    org: OrgId,
    external_id: String,
    name: String,
    environment: String,
    strict: bool,
    tags: Vec<String>,
}

/// Position of an agent's switch; the higher version is the current one.
#[derive(Debug, Clone, Copy)]
struct Switch {
    version: u64,
    paused: bool,
    at_us: i64,
}

/// The state of all organisations, built from facts in any order.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    orgs: HashMap<OrgId, (u64, Organization)>,
    agents: HashMap<AgentId, Registered>,
    names: HashMap<(OrgId, String), Vec<AgentId>>,
    switches: HashMap<AgentId, Switch>,
    standing: HashMap<OrgId, Standing>,
    unreadable: HashMap<String, OrgId>,
}

impl Registry {
    /// Applies the fact at `place`; one that is older than what is known, or about something else,
    /// changes nothing.
    ///
    /// # Errors
    /// [`Unreadable`]: the organisation must fail closed.
    pub(crate) fn apply(&mut self, place: &str, envelope: &Envelope) -> Result<(), Unreadable> {
        match envelope.kind.aggregate() {
            wire::Organization::AGGREGATE => self.organization(envelope)?,
            wire::Agent::AGGREGATE => self.agent(envelope)?,
            wire::Kill::AGGREGATE => self.kill(envelope)?,
            wire::Pause::AGGREGATE => {
                self.standing
                    .entry(envelope.org)
                    .or_default()
                    .apply(envelope)?;
            }
            _ => return Ok(()),
        }
        self.unreadable.remove(place);
        Ok(())
    }

    /// Marks an organisation whose fact at `place` could not be read, until a readable one is there.
    pub(crate) fn quarantine(&mut self, place: &str, org: Option<OrgId>) {
        if let Some(org) = org {
            self.unreadable.insert(place.to_owned(), org);
        }
    }

    /// Whether a fact about the organisation could not be read.
    #[must_use]
    pub(crate) fn quarantined(&self, org: OrgId) -> bool {
        self.unreadable.values().any(|other| *other == org)
    }

    /// An organisation.
    #[must_use]
    pub(crate) fn org(&self, org: OrgId) -> Option<Organization> {
        self.orgs.get(&org).map(|(_, state)| *state)
    }

    /// Every organisation.
    #[must_use]
    pub(crate) fn orgs(&self) -> Vec<(OrgId, Organization)> {
        self.orgs
            .iter()
            .map(|(id, (_, state))| (*id, *state))
            .collect()
    }

    /// How many organisations there are.
    pub(crate) fn org_count(&self) -> usize {
        self.orgs.len()
    }

    /// The agent a trace names: by id, else by external id, in the trace's environment before
    /// others. Between agents that fit equally a paused one is meant: a pause is never missed.
    #[must_use]
    pub(crate) fn find(&self, org: OrgId, name: &str, environment: &str) -> Option<Agent> {
        let by_id = Uuid::try_parse(name)
            .ok()
            .map(AgentId)
            .filter(|id| self.agents.get(id).is_some_and(|agent| agent.org == org));
        if let Some(id) = by_id {
            return self.found(id, environment);
        }
        let named = self.names.get(&(org, name.to_owned()))?;
        named
            .iter()
            .filter_map(|id| self.found(*id, environment))
            .max_by_key(|agent| {
                (
                    agent.environment == environment,
                    agent.paused_since_us.is_some(),
                )
            })
    }

    /// The agent of a name, or of an id, in whatever environment; `None` when several have it.
    #[must_use]
    pub(crate) fn only(&self, org: OrgId, name: &str) -> Option<Agent> {
        let named = self.names.get(&(org, name.to_owned()));
        match named.map(Vec::as_slice) {
            Some([_, _, ..]) => None,
            Some(_) | None => self.find(org, name, ""),
        }
    }

    /// A registered agent as policies see it, without what its registration limits.
    #[must_use]
    pub(crate) fn described(&self, org: OrgId, id: Uuid) -> Option<AgentRef> {
        let known = self.agents.get(&AgentId(id));
        let agent = known.filter(|agent| agent.org == org)?;
        Some(AgentRef {
            id,
            external_id: agent.external_id.clone(),
            name: agent.name.clone(),
            environment: agent.environment.clone(),
            tags: agent.tags.clone(),
            ..AgentRef::default()
        })
    }

    /// Since when a name that is registered nowhere is paused in an environment, by the pauses that
    /// ask for no registration.
    #[must_use]
    pub(crate) fn paused_since_us(&self, org: OrgId, name: &str, environment: &str) -> Option<i64> {
        let acting = Acting {
            external_id: name,
            environments: [environment, ""],
            ..Acting::default()
        };
        self.covered_since_us(org, &acting)
    }

    fn covered_since_us(&self, org: OrgId, acting: &Acting<'_>) -> Option<i64> {
        let covering = self.standing.get(&org)?.covering(acting);
        covering.first().map(|pause| pause.since_us)
    }

    fn found(&self, id: AgentId, environment: &str) -> Option<Agent> {
        let agent = self.agents.get(&id)?;
        let own = self.switches.get(&id).filter(|switch| switch.paused);
        let acting = Acting {
            agent: Some(id),
            external_id: &agent.external_id,
            environments: [&agent.environment, environment],
            tags: &agent.tags,
        };
        let own = own.map(|switch| switch.at_us);
        let covered = self.covered_since_us(agent.org, &acting);
        Some(Agent {
            id,
            environment: agent.environment.clone(),
            strict: agent.strict,
            paused_since_us: own.into_iter().chain(covered).min(),
        })
    }

    fn organization(&mut self, envelope: &Envelope) -> Result<(), Unreadable> {
        let fact: wire::Organization = envelope.open()?;
        let known = self
            .orgs
            .get(&envelope.org)
            .map_or(0, |(version, _)| *version);
        if envelope.version > known {
            let state = Organization {
                registration_required: fact.registration_required,
                suspended: fact.suspended,
                credential_required: fact.credential_required,
                max_traces_per_month: fact.max_traces_per_month,
                retention_days: fact.retention_days,
            };
            self.orgs.insert(envelope.org, (envelope.version, state));
        }
        Ok(())
    }

    fn agent(&mut self, envelope: &Envelope) -> Result<(), Unreadable> {
        let fact: wire::Agent = envelope.open()?;
        let id = agent_id(&fact.agent_id)?;
        let known = self.agents.get(&id);
        if known.is_some_and(|agent| agent.version >= envelope.version) {
            return Ok(());
        }
        if known.is_none() {
            let name = (envelope.org, fact.external_id.clone());
            self.names.entry(name).or_default().push(id);
        }
        let agent = Registered {
            version: envelope.version,
            org: envelope.org,
            external_id: known.map_or(fact.external_id, |agent| agent.external_id.clone()),
            name: fact.name,
            environment: fact.environment,
            strict: fact.outcome_strictness == STRICT,
            tags: fact.tags,
        };
        self.agents.insert(id, agent);
        self.switch(
            id,
            Switch {
                version: fact.kill_version,
                paused: fact.paused,
                at_us: envelope.occurred_at_us,
            },
        );
        Ok(())
    }

    fn kill(&mut self, envelope: &Envelope) -> Result<(), Unreadable> {
        let fact: wire::Kill = envelope.open()?;
        let switch = Switch {
            version: envelope.version,
            paused: fact.paused,
            at_us: envelope.occurred_at_us,
        };
        self.switch(agent_id(&fact.agent_id)?, switch);
        Ok(())
    }

    /// The agent's own fact repeats a switch later than it was thrown: the earlier time is right.
    fn switch(&mut self, id: AgentId, new: Switch) {
        let known = self.switches.entry(id).or_insert(new);
        if new.version > known.version {
            *known = new;
        } else if new.version == known.version {
            known.at_us = known.at_us.min(new.at_us);
        }
    }
}

fn agent_id(bytes: &[u8]) -> Result<AgentId, Unreadable> {
    let field = "agent_id";
    AgentId::from_bytes(bytes).map_err(|source| Unreadable::Id { field, source })
}

#[cfg(test)]
mod tests;
