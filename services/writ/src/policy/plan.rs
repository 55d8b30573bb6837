//! What to do so that a server has what the files say: a function of both.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};
use uuid::Uuid;
use writ_contract::PolicyId;

use super::entry::Entry;
use super::form::{self, Change, Form};
use super::server::Stored;
use super::set::Chain;

/// Steps in an order in which each can be done: prerequisites first, deletions last.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// How many policies are as they should be.
    pub(super) unchanged: usize,
    /// The policies that are there already, by name.
    pub(super) known: BTreeMap<String, Uuid>,
}

/// One write.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) action: Action,
}

#[derive(Debug)]
pub(super) enum Action {
    /// The fields to send, and the form it will have.
    Create { body: Form, form: Form },
    /// Fields that differ, of the version that was compared.
    Update {
        id: Uuid,
        version: u64,
        body: Form,
        changes: Vec<Change>,
    },
    /// Of the version that was seen.
    Delete { id: Uuid, version: u64 },
}

impl Action {
    /// What it does, in one word.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Update { .. } => "update",
            Self::Delete { .. } => "delete",
        }
    }
}

impl Plan {
    /// Compares; every reason why it cannot be done is listed.
    pub(super) fn new(
        entries: &[Entry],
        stored: &[Stored],
        agents: &BTreeMap<String, Uuid>,
        prune: bool,
    ) -> Result<Self, Vec<String>> {
        let mut plan = Self::default();
        let mut wrong = Vec::new();
        let mut taken = HashSet::new();
        let chain = Chain::of(entries);
        for at in &chain.order {
            let Some(entry) = entries.get(*at) else {
                continue;
            };
            let form = form_of(entry, at, &chain, entries, agents);
            match counterpart(entry, stored) {
                Err(why) => wrong.push(why),
                Ok(Some(there)) if !taken.insert(there.policy.id) => wrong.push(format!(
                    "{}:{}: {} is what another policy of the files is compared with",
                    entry.file,
                    entry.line,
                    there.id()
                )),
                Ok(there) => plan.add(entry, form, there),
            }
        }
        if prune {
            let rest = stored.iter().filter(|it| !taken.contains(&it.policy.id));
            plan.steps.extend(deletions(rest.collect()));
        }
        if wrong.is_empty() {
            Ok(plan)
        } else {
            Err(wrong)
        }
    }

    fn add(&mut self, entry: &Entry, form: Form, there: Option<&Stored>) {
        let name = entry.policy.name.clone();
        let Some(there) = there else {
            let body = form::without_defaults(&form, &entry.policy);
            let action = Action::Create { body, form };
            return self.steps.push(Step { name, action });
        };
        let (id, version) = (there.policy.id, there.policy.version);
        self.known.insert(name.clone(), id);
        let changes = form::changes(&there.form, &form);
        if changes.is_empty() {
            self.unchanged += 1;
            return;
        }
        let action = Action::Update {
            id,
            version,
            body: form::patch(&there.form, &form),
            changes,
        };
        self.steps.push(Step { name, action });
    }

    /// For programs.
    pub(super) fn as_json(&self) -> Value {
        let change = |it: &Change| json!({ "field": it.field, "from": it.from, "to": it.to });
        let step = |step: &Step| {
            let (id, changes): (_, Vec<Value>) = match &step.action {
                Action::Create { .. } => (None, Vec::new()),
                Action::Update { id, changes, .. } => {
                    (Some(*id), changes.iter().map(change).collect())
                }
                Action::Delete { id, .. } => (Some(*id), Vec::new()),
            };
            json!({
                "action": step.action.word(),
                "name": step.name,
                "id": id.map(|id| PolicyId(id).to_string()),
                "changes": changes,
            })
        };
        json!({
            "changes": self.steps.iter().map(step).collect::<Vec<_>>(),
            "unchanged": self.unchanged,
        })
    }
}

fn form_of(
    entry: &Entry,
    at: &usize,
    chain: &Chain,
    entries: &[Entry],
    agents: &BTreeMap<String, Uuid>,
) -> Form {
    let ids: Vec<Uuid> = entry
        .agents
        .iter()
        .filter_map(|it| agents.get(it).copied())
        .collect();
    let before = chain.before.get(*at).into_iter().flatten();
    let names = before.filter_map(|at| Some(entries.get(*at)?.policy.name.clone()));
    form::of(&entry.policy, &ids, names.collect())
}

/// The policy of the server that a policy of the files is about: by its id, else by its name.
fn counterpart<'a>(entry: &Entry, stored: &'a [Stored]) -> Result<Option<&'a Stored>, String> {
    let place = || format!("{}:{}", entry.file, entry.line);
    if let Some(id) = entry.id {
        let found = stored.iter().find(|it| it.policy.id == id);
        return found
            .map(Some)
            .ok_or_else(|| format!("{}: the server has no policy {}", place(), PolicyId(id)));
    }
    let same = |it: &&Stored| it.policy.name == entry.policy.name;
    let found: Vec<&Stored> = stored.iter().filter(same).collect();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        several => {
            let ids: Vec<String> = several.iter().map(|it| it.id()).collect();
            let (place, name, ids) = (place(), &entry.policy.name, ids.join(", "));
            Err(format!(
                "{place}: several policies of the server are called '{name}' ({ids}): \
                 say which in metadata.id"
            ))
        }
    }
}

/// Whoever waits for a policy goes before it.
fn deletions(mut rest: Vec<&Stored>) -> Vec<Step> {
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let needed: HashSet<Uuid> = rest
            .iter()
            .flat_map(|it| it.policy.prerequisites.iter().copied())
            .collect();
        let (mut free, waiting): (Vec<_>, Vec<_>) = rest
            .into_iter()
            .partition(|it| !needed.contains(&it.policy.id));
        rest = waiting;
        if free.is_empty() {
            // A circle cannot be stored; if one is, the server says what it thinks of it.
            free = std::mem::take(&mut rest);
        }
        steps.extend(free.into_iter().map(|it| Step {
            name: it.policy.name.clone(),
            action: Action::Delete {
                id: it.policy.id,
                version: it.policy.version,
            },
        }));
    }
    steps
}
