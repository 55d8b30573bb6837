//! Every host that the texts of a request point to, found once for all policies.

use std::collections::HashSet;

use serde_json::Value;

use crate::detect::hosts::{Found, Host, find, find_in_field};
use crate::text::{Part, Texts};

/// Different hosts of one request, and places where one is written.
const HOSTS: usize = 10_000;
const PLACES: usize = 50_000;

/// Hosts with the text each was found in.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    pub(crate) found: Vec<(usize, Found)>,
    /// There are more than can be checked.
    pub(crate) too_many: bool,
}

/// What makes two findings in one text the same.
type Seen = HashSet<(usize, Option<Host>, String, bool, Option<&'static str>)>;

struct Search {
    hosts: Hosts,
    seen: Seen,
    places: usize,
}

impl Hosts {
    pub(super) fn of(texts: &Texts<'_>) -> Self {
        let mut search = Search {
            hosts: Self::default(),
            seen: Seen::new(),
            places: 0,
        };
        for (index, text) in texts.iter() {
            let field = match text.part {
                Part::Metadata | Part::ToolOutput => texts.field(index),
                Part::Input | Part::History | Part::Output => None,
            };
            search.text(index, &text.raw, field);
            if text.part == Part::Metadata && text.raw.starts_with('{') {
                search.arguments(index, &text.raw);
            }
            if search.hosts.too_many {
                break;
            }
        }
        search.hosts
    }
}

impl Search {
    fn text(&mut self, index: usize, raw: &str, field: Option<&str>) {
        find(raw, &mut |found| self.add(index, found));
        if field.is_some_and(holds_host) && raw.len() <= 2_048 {
            find_in_field(raw, &mut |found| self.add(index, found));
        }
    }

    /// Some frameworks give a tool's arguments as the text of an object.
    fn arguments(&mut self, index: usize, raw: &str) {
        let Ok(root) = serde_json::from_str::<Value>(raw) else {
            return;
        };
        let mut stack = vec![(None, &root)];
        while let Some((field, value)) = stack.pop() {
            match value {
                Value::String(text) => {
                    // Places are those of the text around it.
                    find(text, &mut |found| {
                        self.add(
                            index,
                            Found {
                                span: None,
                                ..found
                            },
                        )
                    });
                    if field.is_some_and(holds_host) && text.len() <= 2_048 {
                        find_in_field(text, &mut |found| self.add(index, found));
                    }
                }
                Value::Array(items) => stack.extend(items.iter().map(|item| (field, item))),
                Value::Object(fields) => {
                    stack.extend(
                        fields
                            .iter()
                            .map(|(name, value)| (Some(name.as_str()), value)),
                    );
                }
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
    }

    fn add(&mut self, index: usize, found: Found) -> bool {
        self.places += 1;
        let key = (
            index,
            found.host.clone(),
            found.scheme.clone(),
            found.certain,
            found.disguise,
        );
        if self.seen.insert(key) {
            self.hosts.found.push((index, found));
        }
        self.hosts.too_many = self.seen.len() > HOSTS || self.places > PLACES;
        !self.hosts.too_many
    }
}

/// Fields whose text is a host or a URL even without a scheme.
fn holds_host(field: &str) -> bool {
    if field.len() > 32 {
        return false;
    }
    let letters = field.chars().filter(|c| !matches!(c, '_' | '-'));
    let plain: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    let ends = [
        "url",
        "uri",
        "host",
        "hostname",
        "endpoint",
        "domain",
        "ipaddress",
    ];
    matches!(
        plain.as_str(),
        "ip" | "href" | "server" | "webhook" | "callback"
    ) || ends.iter().any(|end| plain.ends_with(end))
}
