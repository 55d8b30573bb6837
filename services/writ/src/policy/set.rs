//! All policies and tests of some files, checked against each other.

use std::collections::HashMap;

use serde_json::Value;

use super::cases::Suite;
use super::entry::Entry;
use super::files::Text;
use super::problem::{Place, Problem};
use super::yaml;

/// The only version of the file format.
pub(super) const API_VERSION: &str = "writ.dev/v1";

/// What the files say, and everything that is wrong with it.
#[derive(Debug, Default)]
pub(super) struct FileSet {
    pub(super) entries: Vec<Entry>,
    pub(super) suites: Vec<Suite>,
    /// In the order of files and lines; a set with problems is only good for showing them.
    pub(super) problems: Vec<Problem>,
}

impl FileSet {
    /// Reads and checks all files.
    pub(super) fn load(texts: &[Text]) -> Self {
        let mut set = Self::default();
        for text in texts {
            set.add(text);
        }
        set.check_names();
        let chain = Chain::of(&set.entries);
        set.problems.extend(chain.problems);
        set.check_suites();
        set.problems.sort();
        set
    }

    fn add(&mut self, text: &Text) {
        let documents = match yaml::read(&text.text) {
            Ok(documents) => documents,
            Err(wrong) => return self.problems.push(whole(text, wrong.line, wrong.message)),
        };
        if documents.is_empty() {
            self.problems
                .push(whole(text, 0, "nothing in it".to_owned()));
        }
        for document in &documents {
            self.add_document(Place { text, document });
        }
    }

    fn add_document(&mut self, place: Place<'_>) {
        let Some(fields) = place.document.value.as_object() else {
            let message = "a document must be fields: apiVersion, kind, metadata, spec";
            return self.problems.push(place.problem("", message));
        };
        let word = |name: &str| fields.get(name).and_then(Value::as_str);
        if word("apiVersion") != Some(API_VERSION) {
            let message = format!("must be {API_VERSION}");
            self.problems.push(place.problem("/apiVersion", message));
        }
        let known = ["apiVersion", "kind", "metadata", "spec"];
        for field in fields.keys().filter(|it| !known.contains(&it.as_str())) {
            let message = format!("unknown field '{field}'");
            self.problems
                .push(place.problem(&format!("/{field}"), message));
        }
        match word("kind") {
            Some("Policy") => {
                let entry = Entry::read(place, &mut self.problems);
                self.entries.extend(entry);
            }
            Some("PolicyTest") => {
                let suite = Suite::read(place, &mut self.problems);
                self.suites.extend(suite);
            }
            _ => self
                .problems
                .push(place.problem("/kind", "must be Policy or PolicyTest")),
        }
    }

    fn check_names(&mut self) {
        let mut names: HashMap<&str, &Entry> = HashMap::new();
        let mut ids = HashMap::new();
        for entry in &self.entries {
            let twice = |first: &Entry, what: &str| {
                let message = format!(
                    "{what} is taken by the policy at {}:{}",
                    first.file, first.line
                );
                entry.problem("metadata", entry.line, message)
            };
            let name = entry.policy.name.as_str();
            if let Some(first) = names.insert(name, entry) {
                self.problems
                    .push(twice(first, &format!("the name '{name}'")));
            }
            if let Some(first) = entry.id.and_then(|id| ids.insert(id, entry)) {
                self.problems.push(twice(first, "the id"));
            }
        }
    }

    /// Tests speak of policies by name: of those beside them.
    fn check_suites(&mut self) {
        // A policy that could not be read would be missed here a second time.
        if !self.problems.is_empty() {
            return;
        }
        for suite in &self.suites {
            let beside = self.entries.iter().filter(|it| it.folder == suite.folder);
            let beside: Vec<&str> = beside.map(|it| it.policy.name.as_str()).collect();
            if beside.is_empty() {
                let message = "no policies in the files beside it".to_owned();
                self.problems.push(suite.problem(suite.line, message));
                continue;
            }
            for (name, line) in suite.names() {
                if !beside.contains(&name) {
                    let message = format!("no policy '{name}' in the files beside it");
                    self.problems.push(suite.problem(line, message));
                }
            }
        }
    }
}

fn whole(text: &Text, line: usize, message: String) -> Problem {
    Problem {
        file: text.name.clone(),
        line,
        path: String::new(),
        message,
    }
}

/// Who waits for whom.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// For each policy the positions of its prerequisites.
    pub(super) before: Vec<Vec<usize>>,
    /// All positions, prerequisites first.
    pub(super) order: Vec<usize>,
    pub(super) problems: Vec<Problem>,
}

impl Chain {
    /// The chain of some policies: names that lead nowhere and circles are problems.
    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut chain = Self::default();
        let names: HashMap<&str, usize> = entries
            .iter()
            .enumerate()
            .map(|(at, entry)| (entry.policy.name.as_str(), at))
            .collect();
        let ids: HashMap<_, usize> = entries
            .iter()
            .enumerate()
            .filter_map(|(at, entry)| Some((entry.id?, at)))
            .collect();
        for entry in entries {
            let mut before = Vec::new();
            for wanted in &entry.prerequisites {
                let id = || ids.get(&super::policy_id(wanted)?).copied();
                match names.get(wanted.as_str()).copied().or_else(id) {
                    Some(at) => before.push(at),
                    None => chain.problems.push(entry.problem(
                        "spec.prerequisites",
                        entry.chain_line,
                        format!("no policy '{wanted}' in these files"),
                    )),
                }
            }
            chain.before.push(before);
        }
        chain.sort(entries);
        chain
    }

    fn sort(&mut self, entries: &[Entry]) {
        let mut state = vec![State::New; entries.len()];
        for at in 0..entries.len() {
            let mut path = Vec::new();
            self.visit(at, &mut path, &mut state, entries);
        }
    }

    fn visit(&mut self, at: usize, path: &mut Vec<usize>, state: &mut [State], entries: &[Entry]) {
        match state.get(at) {
            Some(State::New) => {}
            Some(State::Open) => return self.circle(at, path, entries),
            Some(State::Done) | None => return,
        }
        set(state, at, State::Open);
        path.push(at);
        for next in self.before.get(at).cloned().unwrap_or_default() {
            self.visit(next, path, state, entries);
        }
        path.pop();
        set(state, at, State::Done);
        self.order.push(at);
    }

    fn circle(&mut self, at: usize, path: &[usize], entries: &[Entry]) {
        let round = path.iter().skip_while(|it| **it != at).chain([&at]);
        let names: Vec<&str> = round
            .filter_map(|at| Some(entries.get(*at)?.policy.name.as_str()))
            .collect();
        let closes = path.last().and_then(|last| entries.get(*last));
        let message = format!("prerequisites go in a circle: {}", names.join(" → "));
        self.problems.extend(
            closes.map(|entry| entry.problem("spec.prerequisites", entry.chain_line, message)),
        );
    }
}

#[derive(Debug, Clone, Copy)]
enum State {
    New,
    Open,
    Done,
}

fn set(state: &mut [State], at: usize, to: State) {
    if let Some(slot) = state.get_mut(at) {
        *slot = to;
    }
}
