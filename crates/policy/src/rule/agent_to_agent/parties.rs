//! The agents that take part in an act.

use std::collections::HashSet;

use serde_json::Value;

use crate::request::Request;
use crate::rule::names::Name;

/// An agent that takes part, under every name it is known by.
pub(super) struct Party<'a> {
    pub(super) names: Vec<Name<'a>>,
    pub(super) location: String,
}

/// Who takes part, in the order in which work is handed on.
pub(super) struct Parties<'a> {
    chain: Vec<Party<'a>>,
    asking: Party<'a>,
    called: Vec<Party<'a>>,
}

impl<'a> Parties<'a> {
    pub(super) fn of(request: &'a Request) -> Self {
        let chain = request.delegation.iter().flat_map(|d| &d.chain).enumerate();
        let chain = chain.map(|(i, hop)| Party {
            names: vec![Name::new(&hop.agent_id)],
            location: format!("delegation.chain[{i}]"),
        });
        Self {
            chain: chain.collect(),
            asking: asking(request),
            called: called(request),
        }
    }

    /// How many times work has been handed on, this act included.
    pub(super) fn depth(&self) -> usize {
        self.chain.len() + usize::from(!self.called.is_empty())
    }

    pub(super) fn callers(&self) -> impl Iterator<Item = &Party<'a>> {
        let calls = (!self.called.is_empty()).then_some(&self.asking);
        self.chain.iter().chain(calls)
    }

    pub(super) fn targets(&self) -> impl Iterator<Item = &Party<'a>> {
        let was_called = (!self.chain.is_empty()).then_some(&self.asking);
        was_called.into_iter().chain(&self.called)
    }

    /// Where an agent takes part a second time.
    pub(super) fn cycle(&self) -> Option<&str> {
        let mut seen = HashSet::new();
        let asking = std::iter::once(&self.asking);
        for party in self.chain.iter().chain(asking).chain(&self.called) {
            let ids = party.names.iter().map(Name::folded);
            let ids = ids.filter(|id| !id.is_empty() && !id.starts_with("tag:"));
            let ids: Vec<&str> = ids.collect();
            if ids.iter().any(|id| seen.contains(id)) {
                return Some(&party.location);
            }
            seen.extend(ids);
        }
        None
    }
}

/// The agent that asks: by id, external id and tags.
fn asking(request: &Request) -> Party<'_> {
    let agent = &request.agent;
    let tags = agent.tags.iter().map(|tag| Name::new(format!("tag:{tag}")));
    let ids = [
        Name::new(agent.id.to_string()),
        Name::new(&agent.external_id),
    ];
    Party {
        names: ids.into_iter().chain(tags).collect(),
        location: "agentId".to_owned(),
    }
}

/// The agents that the act itself calls, as far as `metadata` names them.
fn called(request: &Request) -> Vec<Party<'_>> {
    let Some(Value::Object(metadata)) = &request.metadata else {
        return Vec::new();
    };
    let fields = ["targetAgentId", "targetAgent", "calleeAgentId"];
    let named = fields
        .into_iter()
        .filter_map(|field| Some((field, metadata.get(field)?)));
    let given = named.filter(|(_, value)| !value.is_null());
    given
        .map(|(field, value)| {
            let id = value.get("agentId").or(value.get("id")).unwrap_or(value);
            Party {
                names: vec![Name::new(id.as_str().unwrap_or_default())],
                location: format!("metadata.{field}"),
            }
        })
        .collect()
}
