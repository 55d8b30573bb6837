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
    /// Every policy of the server.
    pub(super) stored: Vec<Uuid>,
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
        let mut plan = Self {
            stored: stored.iter().map(|it| it.policy.id).collect(),
            ..Self::default()
        };
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::files::Text;
    use super::super::server::answered;
    use super::super::set::FileSet;
    use super::*;

    fn document(name: &str, extra: &str) -> String {
        format!(
            "---\napiVersion: writ.dev/v1\nkind: Policy\nmetadata: {{name: {name}}}\n\
             spec: {{policyType: injection_scan, enforcementMode: block, ruleDefinition: {{}}{extra}}}\n"
        )
    }

    fn entries(documents: &[String]) -> Vec<Entry> {
        let text = Text {
            name: "p.yaml".to_owned(),
            folder: "".into(),
            text: documents.concat(),
        };
        let set = FileSet::load(&[text]);
        assert_eq!(set.problems, []);
        set.entries
    }

    fn stored(id: u128, name: &str, after: &[u128]) -> Stored {
        let wire = |id: &u128| PolicyId(Uuid::from_u128(*id)).to_string();
        let policy = json!({
            "id": wire(&id), "name": name, "policyType": "injection_scan", "version": 7,
            "enforcementMode": "block", "ruleDefinition": {}, "onError": null,
            "prerequisites": after.iter().map(wire).collect::<Vec<_>>(),
        });
        let names = after
            .iter()
            .map(|id| (Uuid::from_u128(*id), format!("n{id}")));
        answered(policy, &names.collect::<HashMap<_, _>>()).unwrap()
    }

    fn plan(documents: &[String], stored: &[Stored], prune: bool) -> Result<Plan, Vec<String>> {
        Plan::new(&entries(documents), stored, &BTreeMap::new(), prune)
    }

    fn steps(plan: &Plan) -> Vec<String> {
        let step = |it: &Step| format!("{} {}", it.action.word(), it.name);
        plan.steps.iter().map(step).collect()
    }

    #[test]
    fn prerequisites_are_written_first_and_deleted_last() {
        let files = [document("a", ", prerequisites: [b]"), document("b", "")];
        let there = [
            stored(1, "n1", &[]),
            stored(2, "n2", &[1]),
            stored(3, "n3", &[2]),
        ];
        let plan = plan(&files, &there, true).unwrap();
        let expected = [
            "create b",
            "create a",
            "delete n3",
            "delete n2",
            "delete n1",
        ];
        assert_eq!(steps(&plan), expected);
    }

    #[test]
    fn what_the_files_do_not_name_stays_unless_it_is_pruned() {
        let there = [stored(1, "a", &[]), stored(2, "b", &[])];
        let plan = plan(&[document("a", "")], &there, false).unwrap();
        assert!(plan.steps.is_empty(), "{:?}", plan.steps);
        assert_eq!(plan.unchanged, 1);
    }

    #[test]
    fn an_update_is_of_the_version_that_was_compared() {
        let there = [stored(1, "a", &[])];
        let plan = plan(&[document("a", ", severity: high")], &there, false).unwrap();
        let [
            Step {
                action: Action::Update { version, body, .. },
                ..
            },
        ] = plan.steps.as_slice()
        else {
            panic!("{:?}", plan.steps);
        };
        assert_eq!(*version, 7);
        assert_eq!(Value::Object(body.clone()), json!({"severity": "high"}));
    }

    #[test]
    fn an_id_finds_a_policy_that_is_called_otherwise() {
        let id = PolicyId(Uuid::from_u128(1));
        let renamed =
            document("new", "").replace("{name: new}", &format!("{{name: new, id: {id}}}"));
        let there = [stored(1, "old", &[])];
        let found = plan(std::slice::from_ref(&renamed), &there, true).unwrap();
        assert_eq!(steps(&found), ["update new"]);
        let wrong = plan(&[renamed], &[], false).unwrap_err();
        assert!(
            wrong[0].contains("the server has no policy pol_"),
            "{wrong:?}"
        );
    }

    #[test]
    fn who_is_meant_must_be_clear() {
        let twins = [stored(1, "a", &[]), stored(2, "a", &[])];
        let wrong = plan(&[document("a", "")], &twins, false).unwrap_err();
        assert!(wrong[0].contains("say which in metadata.id"), "{wrong:?}");

        let id = PolicyId(Uuid::from_u128(1));
        let by_id = document("b", "").replace("{name: b}", &format!("{{name: b, id: {id}}}"));
        let wrong = plan(&[document("a", ""), by_id], &twins[..1], false).unwrap_err();
        assert!(
            wrong[0].contains("another policy of the files"),
            "{wrong:?}"
        );
    }
}
