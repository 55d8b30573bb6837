//! `active_policy`: compiled policies, agents and pauses of every organisation, in memory, built
//! from the last facts. What is applied twice or out of order changes nothing: versions decide.

mod baselines;
mod delegations;
mod grants;
mod read;
mod snapshot;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, RwLock};

use uuid::Uuid;
use writ_contract::{
    Acting, AgentId, Envelope, Fact, OrgId, PolicyId, Standing, Unreadable, ValidatorId, wire,
};
use writ_policy::{AgentRef, Policy, PolicySet};

use crate::domain::{Call, Delegations, KnownAgent, Parties, Plan, TRACES, Used};
use crate::outside::validators::{Validator, Validators};
use baselines::Baselines;
use grants::Grants;
pub use snapshot::Snapshot;

/// Every organisation.
#[derive(Debug, Default)]
pub struct ActivePolicy {
    orgs: RwLock<HashMap<OrgId, Arc<RwLock<Org>>>>,
}

#[derive(Debug)]
struct Org {
    policies: HashMap<PolicyId, (u64, Option<Policy>)>,
    compiled: Arc<PolicySet>,
    dirty: bool,
    agents: HashMap<AgentId, Registered>,
    /// External id, then environment.
    by_external: HashMap<String, BTreeMap<String, AgentId>>,
    baselines: Baselines,
    switches: HashMap<AgentId, Switch>,
    standing: Arc<Standing>,
    validators: Validators,
    grants: Grants,
    delegations: Arc<Delegations>,
    /// Version of the organisation's own fact.
    version: u64,
    suspended: bool,
    registration_required: bool,
    tiered_governance: bool,
    plan: Plan,
    quarantine: Option<String>,
}

#[derive(Debug)]
struct Registered {
    version: u64,
    agent: Arc<AgentRef>,
    archived: bool,
}

/// An agent's own switch.
#[derive(Debug, Clone, Default)]
struct Switch {
    version: u64,
    reason: Option<String>,
}

impl Default for Org {
    fn default() -> Self {
        Self {
            policies: HashMap::new(),
            compiled: Arc::new(PolicySet::compile(Vec::new())),
            dirty: false,
            agents: HashMap::new(),
            by_external: HashMap::new(),
            baselines: Baselines::default(),
            switches: HashMap::new(),
            standing: Arc::default(),
            validators: Validators::default(),
            grants: Grants::default(),
            delegations: Arc::default(),
            version: 0,
            suspended: false,
            registration_required: true,
            tiered_governance: true,
            plan: Plan::default(),
            quarantine: None,
        }
    }
}

impl ActivePolicy {
    /// The organisation as it is now, with the agent that `reference` names: a UUID, or an external
    /// id registered in `environment`.
    #[must_use]
    pub fn snapshot(&self, org: OrgId, reference: &str, environment: &str) -> Snapshot {
        let seen = self.look(org, |org| {
            let agent = org.agent(reference, environment);
            org.snapshot(agent.or_else(|| org.unregistered(reference, environment)))
        });
        seen.unwrap_or_else(Snapshot::of_nobody)
    }

    /// The two agents of a call, and the grant between them.
    #[must_use]
    pub fn parties(&self, org: OrgId, call: &Call, now_us: i64) -> (Snapshot, Parties) {
        let seen = self.look(org, |org| {
            let parties = org.parties(call, now_us);
            (org.snapshot(parties.caller.clone()), parties)
        });
        seen.unwrap_or_else(|held| (Snapshot::of_nobody(held), Parties::default()))
    }

    /// Looks at an organisation at one moment; else why it fails closed, if it does.
    fn look<T>(&self, org: OrgId, look: impl FnOnce(&Org) -> T) -> Result<T, Option<String>> {
        let orgs = self.orgs.read().ok();
        let found = orgs.and_then(|orgs| orgs.get(&org).cloned()).ok_or(None)?;
        let torn = |_| Some("its state was left half changed by a fault".to_owned());
        found.read().map(|org| look(&org)).map_err(torn)
    }

    /// A validator of the organisation, unless it is unknown or deleted.
    #[must_use]
    pub fn validator(&self, org: OrgId, id: ValidatorId) -> Option<Arc<Validator>> {
        let found = self.orgs.read().ok()?.get(&org).cloned()?;
        let org = found.read().ok()?;
        org.validators.get(id)
    }

    /// Applies a fact of `control`. Policies take effect with [`ActivePolicy::compile`].
    ///
    /// # Errors
    /// [`Unreadable`] when the fact cannot be read; the organisation then fails closed.
    pub fn apply(&self, envelope: &Envelope) -> Result<(), Unreadable> {
        self.change(envelope.org, |org| {
            let applied = org.apply(envelope);
            if let Err(error) = &applied {
                org.quarantine = Some(error.to_string());
            }
            applied
        })
        .unwrap_or(Ok(()))
    }

    /// Something was stated about the organisation that nobody here can read: it fails closed.
    pub fn hold(&self, org: OrgId, why: &str) {
        // A lock that is poisoned holds it already.
        let _held = self.change(org, |org| org.quarantine = Some(why.to_owned()));
    }

    /// Applies a kill: of one agent, or a wider pause.
    ///
    /// # Errors
    /// [`Unreadable`] when it cannot be read; the organisation then fails closed.
    pub fn apply_kill(&self, envelope: &Envelope) -> Result<(), Unreadable> {
        self.change(envelope.org, |org| {
            let applied = org.apply_kill(envelope);
            if let Err(error) = &applied {
                org.quarantine = Some(error.to_string());
            }
            applied
        })
        .unwrap_or(Ok(()))
    }

    /// Takes over what `ingest` states about a spent plan.
    ///
    /// # Errors
    /// [`Unreadable`] when it cannot be read; governing goes on as before.
    pub fn apply_quota(&self, envelope: &Envelope) -> Result<(), Unreadable> {
        let fact = envelope.open::<wire::Quota>()?;
        let stated = Used {
            start_us: fact.month_start_us,
            end_us: fact.month_end_us,
            traces: fact.used,
        };
        if fact.resource == TRACES {
            // A lock that is poisoned holds the organisation already.
            let _heard = self.change(envelope.org, |org| org.plan.hear(stated));
        }
        Ok(())
    }

    /// Compiles what has changed and puts it in force, one organisation after the other.
    pub fn compile(&self) {
        let orgs: Vec<_> = match self.orgs.read() {
            Ok(orgs) => orgs.values().cloned().collect(),
            Err(_) => return,
        };
        for org in orgs {
            let changed = org.read().is_ok_and(|org| org.dirty);
            if changed {
                compile(&org);
            }
        }
    }

    fn change<T>(&self, org: OrgId, change: impl FnOnce(&mut Org) -> T) -> Option<T> {
        let org = self.orgs.write().ok()?.entry(org).or_default().clone();
        org.write().ok().map(|mut org| change(&mut org))
    }
}

/// Compiles outside the lock; requests go on with the old set meanwhile.
fn compile(org: &RwLock<Org>) {
    let policies: Vec<Policy> = match org.write() {
        Ok(mut org) => {
            org.dirty = false;
            org.policies
                .values()
                .filter_map(|(_, policy)| policy.clone())
                .collect()
        }
        Err(_) => return,
    };
    let set = Arc::new(PolicySet::compile(policies));
    if let Ok(mut org) = org.write() {
        org.compiled = set;
    }
}

impl Org {
    fn snapshot(&self, agent: Option<KnownAgent>) -> Snapshot {
        Snapshot {
            policies: self.compiled.clone(),
            agent,
            standing: self.standing.clone(),
            quarantine: self.held(),
            plan: self.plan,
            delegations: self.delegations.clone(),
        }
    }

    fn held(&self) -> Option<String> {
        self.quarantine
            .clone()
            .or_else(|| self.suspended.then(|| "it is suspended".to_owned()))
    }

    fn apply_kill(&mut self, envelope: &Envelope) -> Result<(), Unreadable> {
        if envelope.kind.aggregate() == wire::Pause::AGGREGATE {
            return Arc::make_mut(&mut self.standing).apply(envelope).map(drop);
        }
        let kill = envelope.open::<wire::Kill>()?;
        let agent = read::agent_id(&kill.agent_id)?;
        self.switch(agent, envelope.version, kill.paused.then_some(kill.reason));
        Ok(())
    }

    /// Why an agent may not act in an environment: its own switch, else a pause that covers it.
    fn paused(&self, agent: &AgentRef, environment: &str) -> Option<String> {
        let id = Some(AgentId(agent.id)).filter(|id| !id.0.is_nil());
        let own = id.and_then(|id| self.switches.get(&id)?.reason.clone());
        let acting = Acting {
            agent: id,
            external_id: &agent.external_id,
            environments: [&agent.environment, environment],
            tags: &agent.tags,
        };
        let covering = || self.standing.covering(&acting).into_iter().next();
        own.or_else(|| covering().map(|pause| pause.to_string()))
    }

    /// Where agents need not register, one that has not is judged by the policies for all agents.
    fn unregistered(&self, reference: &str, environment: &str) -> Option<KnownAgent> {
        let admitted = !self.registration_required && !reference.is_empty();
        let agent = || AgentRef {
            external_id: reference.to_owned(),
            name: reference.to_owned(),
            environment: environment.to_owned(),
            ..AgentRef::default()
        };
        admitted.then(agent).map(|agent| KnownAgent {
            archived: false,
            pinned: None,
            paused: self.paused(&agent, environment),
            agent: Arc::new(agent),
        })
    }

    /// Where levels of autonomy do not govern, an agent has none.
    fn governed(&self, agent: &Arc<AgentRef>) -> Arc<AgentRef> {
        if self.tiered_governance || agent.limits.autonomy_level.is_empty() {
            return agent.clone();
        }
        let mut agent = AgentRef::clone(agent);
        agent.limits.autonomy_level.clear();
        Arc::new(agent)
    }

    fn agent(&self, reference: &str, environment: &str) -> Option<KnownAgent> {
        let by_external = || self.by_external.get(reference)?.get(environment).copied();
        self.known(self.by_uuid(reference).or_else(by_external)?, environment)
    }

    fn by_uuid(&self, reference: &str) -> Option<AgentId> {
        let id = Uuid::try_parse(reference).ok().map(AgentId);
        id.filter(|id| self.agents.contains_key(id))
    }

    /// A registered agent that acts in an environment.
    fn known(&self, id: AgentId, environment: &str) -> Option<KnownAgent> {
        let registered = self.agents.get(&id)?;
        Some(KnownAgent {
            agent: self.governed(&registered.agent),
            archived: registered.archived,
            pinned: self.baselines.get(id),
            paused: self.paused(&registered.agent, environment),
        })
    }

    fn apply(&mut self, envelope: &Envelope) -> Result<(), Unreadable> {
        match envelope.kind.aggregate() {
            "policy" => {
                let fact = envelope.open::<wire::Policy>()?;
                let id = read::policy_id(&fact.policy_id)?;
                let known = self.policies.get(&id).map_or(0, |(version, _)| *version);
                if envelope.version > known {
                    let policy = read::policy(id, envelope.version, fact)?;
                    self.policies.insert(id, (envelope.version, policy));
                    self.dirty = true;
                }
            }
            "agent" => self.apply_agent(envelope.version, envelope.open::<wire::Agent>()?)?,
            "validator" => self.validators.apply(envelope)?,
            "baseline" => self.baselines.apply(envelope)?,
            "grant" => self.grants.apply(envelope)?,
            "pause" => {
                Arc::make_mut(&mut self.standing).apply(envelope)?;
            }
            "delegation" => delegations::apply(&mut self.delegations, envelope)?,
            "organization" => {
                let fact = envelope.open::<wire::Organization>()?;
                if envelope.version > self.version {
                    self.version = envelope.version;
                    self.suspended = fact.suspended;
                    self.registration_required = fact.registration_required;
                    self.tiered_governance = fact.tiered_governance.unwrap_or(true);
                    self.plan.refuses = fact.on_plan_limit == "refuse";
                    self.plan.max_traces_per_month = fact.max_traces_per_month;
                }
            }
            // Aggregates of control that decide nothing here.
            _ => {}
        }
        Ok(())
    }

    fn apply_agent(&mut self, version: u64, fact: wire::Agent) -> Result<(), Unreadable> {
        let id = read::agent_id(&fact.agent_id)?;
        if version <= self.agents.get(&id).map_or(0, |known| known.version) {
            return Ok(());
        }
        self.switch(
            id,
            fact.kill_version,
            fact.paused.then(|| fact.pause_reason.clone()),
        );
        self.by_external
            .entry(fact.external_id.clone())
            .or_default()
            .insert(fact.environment.clone(), id);
        let registered = Registered {
            version,
            archived: fact.archived,
            agent: Arc::new(read::agent(id, fact)),
        };
        self.agents.insert(id, registered);
        Ok(())
    }

    fn switch(&mut self, agent: AgentId, version: u64, reason: Option<String>) {
        let switch = self.switches.entry(agent).or_default();
        if version > switch.version {
            *switch = Switch { version, reason };
        }
    }
}

#[cfg(test)]
mod tests;
