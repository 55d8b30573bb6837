//! Pauses beyond one agent's own switch: whom each covers, and which stand. Every service that
//! stops something reads them here, so that all stop the same.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::envelope::{Envelope, Unreadable};
use crate::ids::{AgentId, PauseId};
use crate::wire;

/// What a pause is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Every agent of the organisation.
    Organization,
    /// Every agent with a tag.
    Tag,
    /// Every agent of an environment, and every act in it.
    Environment,
    /// Every act that names a tool; agents stay active.
    Tool,
    /// One agent, beside its own switch.
    Agent,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Organization,
        Self::Tag,
        Self::Environment,
        Self::Tool,
        Self::Agent,
    ];

    /// The word in facts and on the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Tag => "tag",
            Self::Environment => "environment",
            Self::Tool => "tool",
            Self::Agent => "agent",
        }
    }
}

/// Not the word of a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no scope: expected organization, tag, environment, tool or agent")]
pub struct UnknownScope(String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        found.ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

/// An agent as pauses see it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Acting<'a> {
    /// Absent when it is not registered.
    pub agent: Option<AgentId>,
    /// The application's id.
    pub external_id: &'a str,
    /// Where it is registered and where it acts; empty ones say nothing.
    pub environments: [&'a str; 2],
    /// Its tags.
    pub tags: &'a [String],
}

/// One pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Its id.
    pub id: PauseId,
    /// What it is about.
    pub scope: Scope,
    /// Which one of that scope.
    pub value: String,
    /// The operator's words.
    pub reason: String,
    /// When it was made, in microseconds since the Unix epoch.
    pub since_us: i64,
    /// When control will end it.
    pub expires_at_us: Option<i64>,
}

impl Pause {
    /// Reads the fact; `None` when it says that the pause ended.
    ///
    /// # Errors
    /// [`Unreadable`]: nobody can say whom it covers, so the organisation has to fail closed.
    pub fn read(fact: wire::Pause) -> Result<(PauseId, Option<Self>), Unreadable> {
        let field = "pause_id";
        let id = PauseId::from_bytes(&fact.pause_id);
        let id = id.map_err(|source| Unreadable::Id { field, source })?;
        let scope = fact.scope.parse::<Scope>();
        let scope = scope.map_err(|error| Unreadable::Malformed(error.to_string()))?;
        let pause = Self {
            id,
            scope,
            value: fact.value,
            reason: fact.reason,
            since_us: fact.since_us,
            expires_at_us: fact.expires_at_us,
        };
        Ok((id, (!fact.ended).then_some(pause)))
    }

    /// The fact that states it, in force or ended.
    #[must_use]
    pub fn fact(&self, ended: bool) -> wire::Pause {
        wire::Pause {
            pause_id: self.id.to_bytes(),
            scope: self.scope.as_str().to_owned(),
            value: self.value.clone(),
            reason: self.reason.clone(),
            since_us: self.since_us,
            expires_at_us: self.expires_at_us,
            ended,
        }
    }

    /// Whether the agent is paused by it.
    #[must_use]
    pub fn covers(&self, acting: &Acting<'_>) -> bool {
        match self.scope {
            Scope::Organization => true,
            Scope::Tag => acting.tags.contains(&self.value),
            Scope::Environment => acting.environments.contains(&&*self.value),
            Scope::Agent => {
                let named = |agent| self.value.parse() == Ok(agent);
                self.value == acting.external_id || acting.agent.is_some_and(named)
            }
            Scope::Tool => false,
        }
    }

    /// Whether an act that names this tool is stopped by it. Case and blanks may be a disguise and
    /// count for nothing; the last part of a dotted name is a name too.
    #[must_use]
    pub fn stops(&self, tool: &str) -> bool {
        if self.scope != Scope::Tool {
            return false;
        }
        let (value, tool) = (folded(&self.value), folded(tool));
        match value.strip_suffix('*') {
            Some(beginning) => tool.starts_with(beginning),
            None => tool == value || tool.rsplit('.').next() == Some(&*value),
        }
    }
}

/// What is paused and why, for whoever is refused: `environment "production": fire drill`.
impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scope {
            Scope::Organization => f.write_str("the whole organization")?,
            Scope::Tag | Scope::Environment | Scope::Tool | Scope::Agent => {
                write!(f, "{} \"{}\"", self.scope.as_str(), self.value)?;
            }
        }
        write!(f, ": {}", self.reason)
    }
}

fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

/// The tools an act names: those it lists, and `tool:<name>` as its input.
pub fn tools_named<'a>(
    listed: impl Iterator<Item = &'a str>,
    input: &'a str,
) -> impl Iterator<Item = &'a str> {
    listed.chain(input.trim_start().strip_prefix("tool:"))
}

/// The pauses of one organisation. What is applied twice or out of order changes nothing.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    known: HashMap<PauseId, (u64, Option<Arc<Pause>>)>,
}

impl Standing {
    /// Takes over a fact, of the gate or of control. Returns whether anything changed.
    ///
    /// # Errors
    /// [`Unreadable`]: the organisation has to fail closed.
    pub fn apply(&mut self, envelope: &Envelope) -> Result<bool, Unreadable> {
        let (id, pause) = Pause::read(envelope.open::<wire::Pause>()?)?;
        let known = self.known.entry(id).or_default();
        let newer = envelope.version > known.0;
        if newer {
            *known = (envelope.version, pause.map(Arc::new));
        }
        Ok(newer)
    }

    /// One that stands, and its version.
    #[must_use]
    pub fn get(&self, id: PauseId) -> Option<(u64, Arc<Pause>)> {
        let (version, pause) = self.known.get(&id)?;
        Some((*version, pause.clone()?))
    }

    /// Version of the last fact about a pause; 0 when there was none.
    #[must_use]
    pub fn version(&self, id: PauseId) -> u64 {
        self.known.get(&id).map_or(0, |(version, _)| *version)
    }

    /// Those that stand, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Pause>> {
        self.known.values().filter_map(|(_, pause)| pause.as_ref())
    }

    /// Those that cover an agent, the oldest first.
    #[must_use]
    pub fn covering(&self, acting: &Acting<'_>) -> Vec<Arc<Pause>> {
        let mut covering: Vec<_> = self.iter().filter(|pause| pause.covers(acting)).collect();
        covering.sort_by_key(|pause| (pause.since_us, pause.id));
        covering.into_iter().cloned().collect()
    }

    /// One that stops an act for a tool it names, and the tool.
    pub fn stopping<'a>(
        &self,
        mut tools: impl Iterator<Item = &'a str>,
    ) -> Option<(Arc<Pause>, &'a str)> {
        tools.find_map(|tool| {
            let pause = self.iter().find(|pause| pause.stops(tool))?;
            Some((pause.clone(), tool))
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{Audit, EventId, Kind, OrgId};

    fn pause(scope: Scope, value: &str) -> Pause {
        Pause {
            id: PauseId(Uuid::from_u128(7)),
            scope,
            value: value.to_owned(),
            reason: "drill".to_owned(),
            since_us: 5,
            expires_at_us: None,
        }
    }

    fn stated(pause: &Pause, version: u64, ended: bool) -> Envelope {
        Envelope {
            event_id: EventId(Uuid::from_u128(1)),
            kind: Kind::of::<wire::Pause>("stated"),
            org: OrgId(Uuid::from_u128(2)),
            aggregate_id: pause.id.to_string(),
            version,
            occurred_at_us: 5,
            audit: Audit::default(),
            fact: prost::Message::encode_to_vec(&pause.fact(ended)),
            traceparent: String::new(),
        }
    }

    #[test]
    fn each_scope_covers_its_agents_and_no_others() {
        let tags = ["eu".to_owned()];
        let acting = Acting {
            agent: Some(AgentId(Uuid::from_u128(3))),
            external_id: "bot",
            environments: ["production", "staging"],
            tags: &tags,
        };
        let id = acting.agent.unwrap().to_string();
        for (scope, value, covered) in [
            (Scope::Organization, "", true),
            (Scope::Tag, "eu", true),
            (Scope::Tag, "us", false),
            (Scope::Environment, "production", true),
            (Scope::Environment, "staging", true),
            (Scope::Environment, "", false),
            (Scope::Agent, "bot", true),
            (Scope::Agent, &id, true),
            (Scope::Agent, "other", false),
            (Scope::Tool, "bot", false),
        ] {
            assert_eq!(
                pause(scope, value).covers(&acting),
                covered,
                "{scope:?} {value}"
            );
        }
        let nobody = Acting::default();
        assert!(!pause(Scope::Agent, &id).covers(&nobody));
    }

    #[test]
    fn a_tool_is_stopped_under_each_of_its_names() {
        for (value, tool, stopped) in [
            ("shell.run", "shell.run", true),
            ("Shell.run ", " SHELL.RUN", true),
            ("run", "shell.run", true),
            ("shell", "shell.run", false),
            ("shell.*", "shell.run", true),
            ("shell.*", "shellfish", false),
            ("*", "anything", true),
        ] {
            assert_eq!(
                pause(Scope::Tool, value).stops(tool),
                stopped,
                "{value} {tool}"
            );
        }
        assert!(!pause(Scope::Tag, "run").stops("run"));
        let named: Vec<_> = tools_named(["a"].into_iter(), "tool:b").collect();
        assert_eq!(named, ["a", "b"]);
        assert_eq!(tools_named([].into_iter(), "use tool:b").count(), 0);
    }

    #[test]
    fn the_last_version_counts_in_whatever_order_facts_arrive() {
        let made = pause(Scope::Organization, "");
        let (first, second) = (stated(&made, 1, false), stated(&made, 2, true));
        let (mut ordered, mut reversed) = (Standing::default(), Standing::default());
        assert_eq!(ordered.apply(&first), Ok(true));
        assert_eq!(ordered.get(made.id), Some((1, Arc::new(made.clone()))));
        assert_eq!(ordered.apply(&second), Ok(true));
        assert_eq!(reversed.apply(&second), Ok(true));
        assert_eq!(reversed.apply(&first), Ok(false));
        for standing in [ordered, reversed] {
            assert_eq!((standing.iter().count(), standing.version(made.id)), (0, 2));
        }
    }

    #[test]
    fn a_scope_nobody_here_knows_is_unreadable() {
        let fact = wire::Pause {
            scope: "planet".to_owned(),
            ..pause(Scope::Tag, "x").fact(false)
        };
        assert!(matches!(Pause::read(fact), Err(Unreadable::Malformed(_))));
    }
}
