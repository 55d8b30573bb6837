//! Which agent a caller means, and what entries call it.

use std::collections::{BTreeMap, BTreeSet};

/// An agent as entries speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its UUID; empty where nobody was registered under the name.
    pub(crate) id: String,
    /// What its application calls it; empty where entries do not say.
    pub(crate) external_id: String,
    /// Empty where entries do not say.
    pub(crate) environment: String,
}

/// The agent that is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// Its UUID; absent where nobody was registered under the name.
    pub(crate) id: Option<String>,
    /// What entries call it: its UUID and what its application calls it, but for `foreign`.
    pub(crate) names: BTreeSet<String>,
    /// Of the names, those that another agent has too.
    pub(crate) shared: BTreeSet<String>,
    /// What its application calls it and is the UUID of another agent: entries mean that one by it.
    pub(crate) foreign: BTreeSet<String>,
}

/// Why nothing can be said of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoAgent {
    /// No entry speaks of one.
    Unknown,
    /// Several have the name: each with its environment.
    Several(Vec<(String, String)>),
}

impl Known {
    /// Of those that `seen` has, which are all that have the name asked for or one of its own. A UUID
    /// is the agent that has it, whoever else is called so; in another environment it is nobody.
    ///
    /// # Errors
    /// [`NoAgent`].
    pub(crate) fn of(
        asked: &str,
        environment: Option<&str>,
        seen: &[Seen],
    ) -> Result<Self, NoAgent> {
        if !asked.is_empty() && seen.iter().any(|it| it.id == asked) {
            let mut own = seen.iter().filter(|it| it.id == asked);
            let there = environment.is_none_or(|wanted| own.any(|it| it.environment == wanted));
            return if there {
                Ok(Self::registered(asked, seen))
            } else {
                Err(NoAgent::Unknown)
            };
        }
        let named = || seen.iter().filter(|it| it.external_id == asked);
        let registered = named().filter(|it| !it.id.is_empty());
        let wanted =
            registered.filter(|it| environment.is_none_or(|wanted| it.environment == wanted));
        let places: BTreeMap<&str, &str> = wanted
            .map(|it| (it.id.as_str(), it.environment.as_str()))
            .collect();
        match (places.first_key_value(), places.len()) {
            (Some((id, _)), 1) => Ok(Self::registered(id, seen)),
            (Some(_), _) => {
                let place =
                    |(id, environment): (&str, &str)| (id.to_owned(), environment.to_owned());
                Err(NoAgent::Several(places.into_iter().map(place).collect()))
            }
            (None, _) if environment.is_none() && named().next().is_some() => Ok(Self {
                id: None,
                names: BTreeSet::from([asked.to_owned()]),
                shared: BTreeSet::new(),
                foreign: BTreeSet::new(),
            }),
            (None, _) => Err(NoAgent::Unknown),
        }
    }

    fn registered(id: &str, seen: &[Seen]) -> Self {
        let own = seen
            .iter()
            .filter(|it| it.id == id && !it.external_id.is_empty());
        let called: BTreeSet<&str> = own.map(|it| it.external_id.as_str()).collect();
        let others = || seen.iter().filter(|it| it.id != id && !it.id.is_empty());
        let (foreign, own): (BTreeSet<&str>, BTreeSet<&str>) = called
            .into_iter()
            .partition(|name| others().any(|it| it.id == *name));
        let names: BTreeSet<String> = own.into_iter().chain([id]).map(str::to_owned).collect();
        let called = others().map(|it| &it.external_id);
        let shared = called.filter(|it| names.contains(*it)).cloned().collect();
        Self {
            id: Some(id.to_owned()),
            names,
            shared,
            foreign: foreign.into_iter().map(str::to_owned).collect(),
        }
    }

    /// The names under which acts before it was registered were its: those nobody else has.
    pub(crate) fn alone(&self) -> Vec<String> {
        self.names.difference(&self.shared).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(rows: &[(&str, &str, &str)]) -> Vec<Seen> {
        let row = |(id, external_id, environment): &(&str, &str, &str)| Seen {
            id: (*id).to_owned(),
            external_id: (*external_id).to_owned(),
            environment: (*environment).to_owned(),
        };
        rows.iter().map(row).collect()
    }

    fn id(
        asked: &str,
        environment: Option<&str>,
        rows: &[Seen],
    ) -> Result<Option<String>, NoAgent> {
        Known::of(asked, environment, rows).map(|it| it.id)
    }

    #[test]
    fn an_agent_is_found_by_either_id_and_has_both_names() {
        let rows = seen(&[
            ("u1", "support", "production"),
            ("u1", "", ""),
            ("", "support", ""),
        ]);
        for asked in ["u1", "support"] {
            let known = Known::of(asked, None, &rows).unwrap();
            assert_eq!(known.id.as_deref(), Some("u1"));
            assert_eq!(known.names, ["support", "u1"].map(str::to_owned).into());
            assert_eq!(known.alone(), ["support", "u1"]);
        }
    }

    #[test]
    fn a_name_in_two_environments_is_nobody_until_one_is_chosen() {
        let rows = seen(&[
            ("u1", "support", "production"),
            ("u2", "support", "staging"),
        ]);
        let several = NoAgent::Several(vec![
            ("u1".to_owned(), "production".to_owned()),
            ("u2".to_owned(), "staging".to_owned()),
        ]);
        assert_eq!(id("support", None, &rows), Err(several));
        assert_eq!(
            id("support", Some("staging"), &rows),
            Ok(Some("u2".to_owned()))
        );
        assert_eq!(id("support", Some("test"), &rows), Err(NoAgent::Unknown));
        let known = Known::of("u1", None, &rows).unwrap();
        assert_eq!(known.shared, ["support".to_owned()].into());
        assert_eq!(known.alone(), ["u1"], "who acted as support is not known");
    }

    #[test]
    fn a_name_that_is_the_uuid_of_another_agent_is_not_followed_to_it() {
        let rows = seen(&[
            ("u1", "support", "production"),
            ("u2", "u1", "staging"),
            ("", "u1", ""),
        ]);
        let victim = Known::of("u1", None, &rows).unwrap();
        assert_eq!(victim.id.as_deref(), Some("u1"));
        assert_eq!(victim.names, ["support", "u1"].map(str::to_owned).into());
        assert_eq!(victim.alone(), ["support"], "who acted as u1 is not known");
        let other = Known::of("u2", None, &rows).unwrap();
        assert_eq!(other.names, ["u2".to_owned()].into());
        assert_eq!(other.foreign, ["u1".to_owned()].into());
        assert_eq!(id("u1", Some("staging"), &rows), Err(NoAgent::Unknown));
    }

    #[test]
    fn an_agent_is_nobody_in_an_environment_it_is_not_in() {
        let rows = seen(&[("u1", "support", "production"), ("u1", "", "")]);
        for asked in ["u1", "support"] {
            assert_eq!(id(asked, Some("staging"), &rows), Err(NoAgent::Unknown));
            assert!(id(asked, Some("production"), &rows).is_ok());
        }
    }

    #[test]
    fn nobody_is_known_of_whom_no_entry_speaks() {
        assert_eq!(id("support", None, &[]), Err(NoAgent::Unknown));
        let rows = seen(&[("", "support", "")]);
        assert_eq!(id("support", None, &rows), Ok(None), "not registered");
        assert_eq!(
            id("support", Some("production"), &rows),
            Err(NoAgent::Unknown)
        );
        assert_eq!(id("", None, &rows), Err(NoAgent::Unknown));
    }
}
