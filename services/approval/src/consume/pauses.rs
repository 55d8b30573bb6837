//! Which agents and tools are paused and which agents archived, in memory on every replica.
//!
//! Pauses come from the gate, and from control's own facts, which remember those that have aged
//! out of it. The fence moves only after a pause has been applied.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use writ_contract::topology::GateLeaf;
use writ_contract::{Acting, AgentId, Envelope, Fact as _, OrgId, Shard, Standing, Stream, wire};
use writ_eventlog::{Content, Delivered, EventLog, Fence, Fences, ReaderError, Start};
use writ_service_kit::Requirement;

use crate::domain::State;
use crate::metrics;

const RETRY: Duration = Duration::from_millis(500);

/// The switches of every agent.
#[derive(Debug)]
pub(crate) struct Pauses {
    log: EventLog,
    switches: RwLock<Switches>,
    archived: Mutex<HashSet<(OrgId, AgentId)>>,
    fences: Fences,
    agents_read: AtomicBool,
    kills_read: AtomicBool,
}

#[derive(Debug, Default)]
struct Switches {
    /// Version of the last pause or resume, and whether it paused.
    agents: HashMap<(OrgId, AgentId), (u64, bool)>,
    /// Where each agent is registered, and its tags.
    registered: HashMap<(OrgId, AgentId), Registered>,
    /// The pauses beyond one agent's switch.
    standing: HashMap<OrgId, Standing>,
    /// Organisations about which something could not be read: everything of theirs is paused.
    closed: HashSet<OrgId>,
}

#[derive(Debug)]
struct Registered {
    version: u64,
    environment: String,
    tags: Vec<String>,
}

impl Pauses {
    pub(crate) fn new(log: EventLog) -> Arc<Self> {
        Arc::new(Self {
            log,
            switches: RwLock::default(),
            archived: Mutex::default(),
            fences: Fences::default(),
            agents_read: AtomicBool::new(false),
            kills_read: AtomicBool::new(false),
        })
    }

    /// Whether everything that was there at the start has been read.
    pub(crate) fn caught_up(&self) -> bool {
        self.agents_read.load(Ordering::Acquire) && self.kills_read.load(Ordering::Acquire)
    }

    /// Whether the act of a request may not be done now: its agent is paused, or one of the tools
    /// it names.
    pub(crate) fn stops(&self, state: &State, tools: &[String]) -> bool {
        let switches = self.switches.read().unwrap_or_else(PoisonError::into_inner);
        switches.closed.contains(&state.org) || switches.stops(state, tools)
    }

    /// The last pause or resume of the shard that has been applied.
    pub(crate) fn fence(&self, shard: Shard) -> Fence {
        self.fences.at(shard)
    }

    /// The fence to use after the gate refused `fence`: the same when the pause has only aged out
    /// of the gate, else what holds after the next one was applied or `within` has passed.
    pub(crate) async fn next_fence(&self, shard: Shard, fence: Fence, within: Duration) -> Fence {
        if let Some(renewed) = self.fences.renewed(&self.log, shard, fence).await {
            return renewed;
        }
        self.fences.passed(shard, fence.applied, within).await;
        self.fences.at(shard)
    }

    /// Archived agents whose requests have not been swept.
    pub(crate) fn archived(&self) -> Vec<(OrgId, AgentId)> {
        let archived = self.archived.lock().unwrap_or_else(PoisonError::into_inner);
        archived.iter().copied().collect()
    }

    pub(crate) fn swept(&self, agents: &[(OrgId, AgentId)]) {
        let mut archived = self.archived.lock().unwrap_or_else(PoisonError::into_inner);
        archived.retain(|agent| !agents.contains(agent));
    }

    /// Follows the facts of agents and of lasting pauses until cancelled.
    pub(crate) async fn follow_agents(
        self: Arc<Self>,
        cancel: CancellationToken,
        ready: Requirement,
    ) {
        let topology = self.log.topology();
        let filters = vec![
            topology.facts::<wire::Agent>(),
            topology.facts::<wire::Pause>(),
        ];
        let read = || {
            self.agents_read.store(true, Ordering::Release);
            ready.met();
        };
        let apply = |delivered: &Delivered| {
            if let Content::Fact(envelope) = &delivered.content {
                self.apply_stated(envelope);
            }
        };
        let from = (Stream::Control, filters, Start::LastPerSubject);
        self.follow(cancel, from, read, apply).await;
    }

    /// Follows the gate's pauses until cancelled.
    pub(crate) async fn follow_kills(
        self: Arc<Self>,
        cancel: CancellationToken,
        ready: Requirement,
    ) {
        let filters = vec![self.log.topology().gate(GateLeaf::Kill)];
        let read = || {
            self.kills_read.store(true, Ordering::Release);
            ready.met();
        };
        let apply = |delivered: &Delivered| {
            // What cannot be read holds the fence back: the shard's uses are refused.
            if let Content::Fact(envelope) = &delivered.content {
                self.apply_kill(envelope);
                self.fences
                    .applied(Shard::of(envelope.org), delivered.sequence);
            }
        };
        let from = (Stream::Gate, filters, Start::First);
        self.follow(cancel, from, read, apply).await;
    }

    async fn follow(
        &self,
        cancel: CancellationToken,
        from: (Stream, Vec<String>, Start),
        read: impl Fn(),
        apply: impl Fn(&Delivered),
    ) {
        let again = async {
            loop {
                let error = self.follow_once(&from, &read, &apply).await;
                tracing::warn!(stream = ?from.0, %error, "reading pauses interrupted");
                tokio::time::sleep(RETRY).await;
            }
        };
        cancel.run_until_cancelled(again).await;
    }

    async fn follow_once(
        &self,
        (stream, filters, start): &(Stream, Vec<String>, Start),
        read: &impl Fn(),
        apply: &impl Fn(&Delivered),
    ) -> ReaderError {
        let mut reader = match self.log.read(*stream, filters.clone(), *start).await {
            Ok(reader) => reader,
            Err(error) => return error,
        };
        if *stream == Stream::Gate {
            self.fences.follow(&reader);
        }
        loop {
            if reader.behind() == 0 {
                read();
            }
            match reader.advance().await {
                Ok(Some(delivered)) => apply(&delivered),
                Ok(None) => {}
                Err(error) => return error,
            }
        }
    }

    fn apply_stated(&self, envelope: &Envelope) {
        if envelope.kind.aggregate() == wire::Pause::AGGREGATE {
            self.apply_pause(envelope);
        } else {
            self.apply_agent(envelope);
        }
    }

    fn apply_pause(&self, envelope: &Envelope) {
        let mut switches = self
            .switches
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let standing = switches.standing.entry(envelope.org).or_default();
        let applied = standing.apply(envelope);
        drop(switches);
        if applied.is_err() {
            self.close(envelope);
        }
    }

    fn apply_agent(&self, envelope: &Envelope) {
        let fact = envelope.open::<wire::Agent>().ok();
        let read = fact.and_then(|fact| Some((AgentId::from_bytes(&fact.agent_id).ok()?, fact)));
        let Some((agent, fact)) = read else {
            return self.close(envelope);
        };
        self.switch((envelope.org, agent), fact.kill_version, fact.paused);
        self.register((envelope.org, agent), envelope.version, &fact);
        if fact.archived {
            let mut archived = self.archived.lock().unwrap_or_else(PoisonError::into_inner);
            archived.insert((envelope.org, agent));
        }
    }

    fn register(&self, agent: (OrgId, AgentId), version: u64, fact: &wire::Agent) {
        let mut switches = self
            .switches
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let known = switches.registered.get(&agent);
        if version > known.map_or(0, |known| known.version) {
            let registered = Registered {
                version,
                environment: fact.environment.clone(),
                tags: fact.tags.clone(),
            };
            switches.registered.insert(agent, registered);
        }
    }

    fn apply_kill(&self, envelope: &Envelope) {
        if envelope.kind.aggregate() == wire::Pause::AGGREGATE {
            return self.apply_pause(envelope);
        }
        let fact = envelope.open::<wire::Kill>().ok();
        let read = fact.and_then(|fact| Some((AgentId::from_bytes(&fact.agent_id).ok()?, fact)));
        match read {
            Some((agent, fact)) => {
                self.switch((envelope.org, agent), envelope.version, fact.paused)
            }
            None => self.close(envelope),
        }
    }

    fn switch(&self, agent: (OrgId, AgentId), version: u64, paused: bool) {
        let mut switches = self
            .switches
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let known = switches.agents.entry(agent).or_default();
        if version > known.0 {
            *known = (version, paused);
        }
    }

    /// The organisation fails closed until a build that can read it is started.
    fn close(&self, envelope: &Envelope) {
        metrics::unreadable("pauses");
        tracing::error!(kind = %envelope.kind, org = %envelope.org, "not readable: failing closed");
        let mut switches = self
            .switches
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        switches.closed.insert(envelope.org);
    }
}

impl Switches {
    fn stops(&self, state: &State, tools: &[String]) -> bool {
        let agent = (state.org, state.agent);
        let own = self.agents.get(&agent).is_some_and(|(_, paused)| *paused);
        let Some(standing) = self.standing.get(&state.org) else {
            return own;
        };
        let registered = self.registered.get(&agent);
        let acting = Acting {
            agent: Some(state.agent).filter(|agent| !agent.0.is_nil()),
            external_id: &state.external_agent,
            environments: [
                &state.environment,
                registered.map_or("", |agent| &agent.environment),
            ],
            tags: registered.map_or(&[], |agent| &agent.tags),
        };
        let mut tools = tools.iter().map(String::as_str);
        own || !standing.covering(&acting).is_empty() || standing.stopping(&mut tools).is_some()
    }
}
