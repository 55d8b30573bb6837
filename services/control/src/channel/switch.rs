//! The switches in memory, and the pauses that stand above them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::broadcast;
use uuid::Uuid;
use writ_contract::{Acting, Envelope, Pause, PauseId, Standing, Unreadable, wire};

use super::{Kill, Receipt};

mod state;

pub use state::Switch;

/// What a look-up by a path segment gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// This one.
    One(Box<Switch>),
    /// None of that name.
    None,
    /// The external id exists in several environments.
    Several,
}

/// An agent reads differently now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The agent as it is now.
    pub switch: Switch,
    /// Its status is another one, not only what else is said of it.
    pub turned: bool,
}

/// What one cause has changed in one organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Whose organisation.
    pub org: Uuid,
    /// The wider pause that was made, or with `true` that ended.
    pub pause: Option<(Arc<Pause>, bool)>,
    /// The agents that read differently now.
    pub agents: Vec<Change>,
}

/// How many causes a listener may be behind.
const BEHIND: usize = 4_096;

/// All switches.
#[derive(Debug)]
pub struct Switches {
    orgs: RwLock<HashMap<Uuid, Org>>,
    changes: broadcast::Sender<Arc<Changes>>,
}

#[derive(Debug, Default)]
struct Org {
    agents: HashMap<Uuid, Switch>,
    by_external: HashMap<String, Vec<Uuid>>,
    standing: Standing,
    receipts: HashMap<PauseId, Receipt>,
    /// Versions of the pauses that control's own facts have.
    kept: HashMap<PauseId, u64>,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            orgs: RwLock::default(),
            changes: broadcast::Sender::new(BEHIND),
        }
    }
}

impl Switches {
    /// The switch of an agent.
    #[must_use]
    pub fn get(&self, org: Uuid, agent: Uuid) -> Option<Switch> {
        self.read().get(&org)?.get(agent)
    }

    /// The switch named by a UUID or by an external id, in one environment or the only one.
    #[must_use]
    pub fn find(&self, org: Uuid, name: &str, environment: Option<&str>) -> Found {
        let orgs = self.read();
        let Some(org) = orgs.get(&org) else {
            return Found::None;
        };
        if let Some(switch) = Uuid::try_parse(name).ok().and_then(|id| org.get(id)) {
            return Found::One(Box::new(switch));
        }
        let ids = org.by_external.get(name).into_iter().flatten();
        let mut named = ids
            .filter_map(|id| org.get(*id))
            .filter(|switch| environment.is_none_or(|wanted| wanted == switch.environment));
        match (named.next(), named.next()) {
            (Some(one), None) => Found::One(Box::new(one)),
            (Some(_), Some(_)) => Found::Several,
            (None, _) => Found::None,
        }
    }

    /// Every agent and every wider pause of an organisation that stands, in the order of their ids.
    #[must_use]
    pub fn all(&self, org: Uuid) -> (Vec<Switch>, Vec<Arc<Pause>>) {
        let orgs = self.read();
        let Some(org) = orgs.get(&org) else {
            return (Vec::new(), Vec::new());
        };
        let mut agents: Vec<_> = org.agents.values().map(|known| org.seen(known)).collect();
        agents.sort_by_key(|switch| switch.agent);
        let mut pauses: Vec<_> = org.standing.iter().cloned().collect();
        pauses.sort_by_key(|pause| pause.id);
        (agents, pauses)
    }

    /// A wider pause that stands, and its receipt while the gate remembers it.
    #[must_use]
    pub fn pause(&self, org: Uuid, id: PauseId) -> Option<(Arc<Pause>, Option<Receipt>)> {
        let orgs = self.read();
        let org = orgs.get(&org)?;
        let (_, pause) = org.standing.get(id)?;
        Some((pause, org.receipts.get(&id).copied()))
    }

    /// Version of the last fact about a wider pause; 0 when there was none.
    #[must_use]
    pub fn pause_version(&self, org: Uuid, id: PauseId) -> u64 {
        self.read()
            .get(&org)
            .map_or(0, |org| org.standing.version(id))
    }

    /// The wider pauses that cover an agent, the oldest first.
    #[must_use]
    pub fn covering(&self, org: Uuid, acting: &Acting<'_>) -> Vec<Arc<Pause>> {
        let orgs = self.read();
        let org = orgs.get(&org);
        org.map_or_else(Vec::new, |org| org.standing.covering(acting))
    }

    /// The agents that a pause covers.
    #[must_use]
    pub fn covered(&self, org: Uuid, pause: &Pause) -> Vec<Switch> {
        let orgs = self.read();
        let agents = orgs
            .get(&org)
            .into_iter()
            .flat_map(|org| org.agents.values());
        agents
            .filter(|known| pause.covers(&known.acting()))
            .cloned()
            .collect()
    }

    /// The wider pauses whose time is over.
    #[must_use]
    pub fn expired(&self, now_us: i64) -> Vec<(Uuid, PauseId)> {
        let orgs = self.read();
        let over = |pause: &Pause| pause.expires_at_us.is_some_and(|at_us| at_us <= now_us);
        let of = |(org, state): (&Uuid, &Org)| {
            let over = state.standing.iter().filter(|pause| over(pause));
            over.map(|pause| (*org, pause.id)).collect::<Vec<_>>()
        };
        orgs.iter().flat_map(of).collect()
    }

    /// Takes over a row; an older one changes nothing, and a kill newer than the row stays.
    pub fn apply_agent(&self, org: Uuid, version: u64, row: &wire::Agent) {
        let Ok(agent) = Uuid::from_slice(&row.agent_id) else {
            return;
        };
        let mut orgs = self.write();
        let state = orgs.entry(org).or_default();
        let switch = state.entry(agent, &row.external_id, &row.environment);
        if version <= switch.row_version {
            return;
        }
        let before = switch.clone();
        switch.name.clone_from(&row.name);
        switch.tags.clone_from(&row.tags);
        switch.row_version = version;
        switch.row_kill_version = row.kill_version;
        switch.archived = row.archived;
        if row.kill_version >= switch.kill_version {
            switch.kill_version = row.kill_version;
            switch.paused = row.paused;
            switch.reason.clone_from(&row.pause_reason);
        }
        let now = switch.clone();
        self.tell(org, &state.seen(&before), state.seen(&now));
    }

    /// Takes over a kill that is on the gate; an older one changes nothing. `known` names the
    /// agent in case its row has not arrived yet. Returns the switch as it is then.
    pub fn apply_kill(&self, kill: &Kill, known: &Switch) -> Switch {
        let mut orgs = self.write();
        let state = orgs.entry(kill.org).or_default();
        let switch = state.entry(kill.agent, &known.external_id, &known.environment);
        let before = switch.clone();
        if kill.version > switch.kill_version {
            switch.kill_version = kill.version;
            switch.paused = kill.paused;
            switch.reason.clone_from(&kill.reason);
        }
        let now = switch.clone();
        let (before, now) = (state.seen(&before), state.seen(&now));
        if now != before {
            self.tell(kill.org, &before, now.clone());
        }
        now
    }

    /// Takes over a fact about a wider pause; an older one changes nothing.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn apply_pause(
        &self,
        envelope: &Envelope,
        receipt: Option<Receipt>,
    ) -> Result<(), Unreadable> {
        let (id, stated) = Pause::read(envelope.open::<wire::Pause>()?)?;
        let org = envelope.org.0;
        let mut orgs = self.write();
        let state = orgs.entry(org).or_default();
        if let Some(receipt) = receipt.filter(|_| envelope.version == 1) {
            state.receipts.insert(id, receipt);
        }
        let ending = state.standing.get(id).map(|(_, pause)| pause);
        let before: Vec<_> = state
            .agents
            .values()
            .map(|known| state.seen(known))
            .collect();
        if !state.standing.apply(envelope)? {
            return Ok(());
        }
        let changed = before.into_iter().filter_map(|before| {
            let switch = state.get(before.agent)?;
            let turned = switch.status() != before.status();
            (switch != before).then_some(Change { switch, turned })
        });
        let made = stated.map(|pause| (Arc::new(pause), false));
        let changes = Changes {
            org,
            agents: changed.collect(),
            pause: made.or_else(|| ending.map(|pause| (pause, true))),
        };
        // Nobody may be listening.
        drop(self.changes.send(Arc::new(changes)));
        Ok(())
    }

    /// Control's own facts have a wider pause up to this version.
    pub fn keep(&self, org: Uuid, id: PauseId, version: u64) {
        let mut orgs = self.write();
        let kept = orgs.entry(org).or_default().kept.entry(id).or_default();
        *kept = version.max(*kept);
    }

    /// Up to which version control's own facts have a wider pause.
    #[must_use]
    pub fn kept(&self, org: Uuid, id: PauseId) -> u64 {
        let orgs = self.read();
        let kept = orgs.get(&org).and_then(|org| org.kept.get(&id));
        kept.copied().unwrap_or_default()
    }

    /// Every change from now on.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Arc<Changes>> {
        self.changes.subscribe()
    }

    fn tell(&self, org: Uuid, before: &Switch, now: Switch) {
        let turned = before.status() != now.status();
        let changes = Changes {
            org,
            pause: None,
            agents: vec![Change {
                switch: now,
                turned,
            }],
        };
        // Nobody may be listening.
        drop(self.changes.send(Arc::new(changes)));
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Uuid, Org>> {
        self.orgs.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Uuid, Org>> {
        self.orgs.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Org {
    fn get(&self, agent: Uuid) -> Option<Switch> {
        self.agents.get(&agent).map(|known| self.seen(known))
    }

    /// A switch under the wider pauses.
    fn seen(&self, known: &Switch) -> Switch {
        Switch {
            covered: self.standing.covering(&known.acting()),
            ..known.clone()
        }
    }

    fn entry(&mut self, agent: Uuid, external: &str, environment: &str) -> &mut Switch {
        let ids = self.by_external.entry(external.to_owned()).or_default();
        if !ids.contains(&agent) {
            ids.push(agent);
        }
        self.agents
            .entry(agent)
            .or_insert_with(|| Switch::unknown(agent, external, environment))
    }
}

#[cfg(test)]
mod tests;
