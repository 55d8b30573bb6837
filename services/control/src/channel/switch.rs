//! The switches in memory.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use uuid::Uuid;
use writ_contract::wire;

use super::Kill;

/// An agent's switch and what is needed to speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// Which agent.
    pub agent: Uuid,
    /// The application's id.
    pub external_id: String,
    /// Its name; the external id until its row is known.
    pub name: String,
    /// Its environment.
    pub environment: String,
    /// Off?
    pub paused: bool,
    /// The operator's words.
    pub reason: String,
    /// Version of the switch.
    pub kill_version: u64,
    /// Version of the agent's row; 0 until it is known.
    pub row_version: u64,
    /// Version of the switch that the row has.
    pub row_kill_version: u64,
    /// Retired.
    pub archived: bool,
}

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

/// All switches.
#[derive(Debug, Default)]
pub struct Switches {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_id: HashMap<(Uuid, Uuid), Switch>,
    by_external: HashMap<(Uuid, String), Vec<Uuid>>,
}

impl Switches {
    /// The switch of an agent.
    #[must_use]
    pub fn get(&self, org: Uuid, agent: Uuid) -> Option<Switch> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        inner.by_id.get(&(org, agent)).cloned()
    }

    /// The switch named by a UUID or by an external id, in one environment or the only one.
    #[must_use]
    pub fn find(&self, org: Uuid, name: &str, environment: Option<&str>) -> Found {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(switch) = Uuid::try_parse(name)
            .ok()
            .and_then(|id| inner.by_id.get(&(org, id)))
        {
            return Found::One(Box::new(switch.clone()));
        }
        let ids = inner.by_external.get(&(org, name.to_owned()));
        let mut named = ids
            .into_iter()
            .flatten()
            .filter_map(|id| inner.by_id.get(&(org, *id)))
            .filter(|switch| environment.is_none_or(|wanted| wanted == switch.environment));
        match (named.next(), named.next()) {
            (Some(one), None) => Found::One(Box::new(one.clone())),
            (Some(_), Some(_)) => Found::Several,
            (None, _) => Found::None,
        }
    }

    /// Takes over a row; an older one changes nothing, and a kill newer than the row stays.
    pub fn apply_agent(&self, org: Uuid, version: u64, row: &wire::Agent) {
        let Ok(agent) = Uuid::from_slice(&row.agent_id) else {
            return;
        };
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let switch = inner.entry(org, agent, &row.external_id, &row.environment);
        if version <= switch.row_version {
            return;
        }
        switch.name.clone_from(&row.name);
        switch.row_version = version;
        switch.row_kill_version = row.kill_version;
        switch.archived = row.archived;
        if row.kill_version >= switch.kill_version {
            switch.kill_version = row.kill_version;
            switch.paused = row.paused;
            switch.reason.clone_from(&row.pause_reason);
        }
    }

    /// Takes over a kill that is on the gate; an older one changes nothing. `known` names the
    /// agent in case its row has not arrived yet. Returns the switch as it is then.
    pub fn apply_kill(&self, kill: &Kill, known: &Switch) -> Switch {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let switch = inner.entry(kill.org, kill.agent, &known.external_id, &known.environment);
        if kill.version > switch.kill_version {
            switch.kill_version = kill.version;
            switch.paused = kill.paused;
            switch.reason.clone_from(&kill.reason);
        }
        switch.clone()
    }
}

impl Inner {
    fn entry(&mut self, org: Uuid, agent: Uuid, external: &str, environment: &str) -> &mut Switch {
        let ids = self
            .by_external
            .entry((org, external.to_owned()))
            .or_default();
        if !ids.contains(&agent) {
            ids.push(agent);
        }
        self.by_id
            .entry((org, agent))
            .or_insert_with(|| Switch::unknown(agent, external, environment))
    }
}

impl Switch {
    /// A switch of which only the name is known: on, version 0.
    #[must_use]
    pub fn unknown(agent: Uuid, external_id: &str, environment: &str) -> Self {
        Self {
            agent,
            external_id: external_id.to_owned(),
            name: external_id.to_owned(),
            environment: environment.to_owned(),
            paused: false,
            reason: String::new(),
            kill_version: 0,
            row_version: 0,
            row_kill_version: 0,
            archived: false,
        }
    }

    /// `active`, `paused` or `archived`.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match (self.archived, self.paused) {
            (true, _) => "archived",
            (false, true) => "paused",
            (false, false) => "active",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ORG: Uuid = Uuid::from_u128(1);
    const AGENT: Uuid = Uuid::from_u128(2);

    fn row(kill_version: u64, paused: bool) -> wire::Agent {
        wire::Agent {
            agent_id: AGENT.as_bytes().to_vec(),
            external_id: "a".to_owned(),
            environment: "production".to_owned(),
            kill_version,
            paused,
            ..wire::Agent::default()
        }
    }

    fn kill(version: u64) -> Kill {
        Kill {
            org: ORG,
            agent: AGENT,
            version,
            paused: version % 2 == 1,
            reason: String::new(),
        }
    }

    fn known() -> Switch {
        Switch::unknown(AGENT, "a", "production")
    }

    #[test]
    fn a_row_written_before_a_kill_does_not_turn_the_switch_back() {
        let switches = Switches::default();
        switches.apply_kill(&kill(1), &known());
        switches.apply_agent(ORG, 1, &row(0, false));
        assert!(switches.get(ORG, AGENT).unwrap().paused);
    }

    #[test]
    fn an_external_id_in_two_environments_needs_the_environment() {
        let switches = Switches::default();
        switches.apply_agent(ORG, 1, &row(0, false));
        let staging = wire::Agent {
            agent_id: Uuid::from_u128(3).as_bytes().to_vec(),
            environment: "staging".to_owned(),
            ..row(0, false)
        };
        switches.apply_agent(ORG, 1, &staging);
        assert_eq!(switches.find(ORG, "a", None), Found::Several);
        assert!(matches!(
            switches.find(ORG, "a", Some("staging")),
            Found::One(_)
        ));
        assert_eq!(switches.find(Uuid::from_u128(9), "a", None), Found::None);
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_does_not_matter(order in Just((1..=6_u64).collect::<Vec<_>>()).prop_shuffle()) {
            let switches = Switches::default();
            for version in &order {
                // Every other kill has also reached the row by the time its fact arrives.
                if version % 2 == 0 {
                    switches.apply_agent(ORG, *version, &row(*version, version % 2 == 1));
                }
                switches.apply_kill(&kill(*version), &known());
            }
            let switch = switches.get(ORG, AGENT).unwrap();
            prop_assert_eq!((switch.kill_version, switch.paused), (6, false));
        }
    }
}
