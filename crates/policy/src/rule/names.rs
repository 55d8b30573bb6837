//! Names in the forms that lists of globs compare.

use std::borrow::Cow;

use super::glob::Glob;
use crate::schema::Problem;

/// A name in both forms that globs compare with.
#[derive(Debug)]
pub(crate) struct Name<'a> {
    pub(crate) given: Cow<'a, str>,
    folded: String,
}

impl<'a> Name<'a> {
    pub(crate) fn new(given: impl Into<Cow<'a, str>>) -> Self {
        let given = given.into();
        Self {
            folded: fold(&given),
            given,
        }
    }

    /// Without case and surrounding blanks.
    pub(crate) fn folded(&self) -> &str {
        &self.folded
    }

    fn form(&self, case: Case) -> &str {
        match case {
            Case::Exact => &self.given,
            Case::Ignored => &self.folded,
        }
    }
}

/// One spelling for all that differ in case and surrounding blanks only; through upper case, since
/// `ſ` and `s` share only that.
fn fold(text: &str) -> String {
    let text = text.trim();
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let capitals = text.chars().flat_map(char::to_uppercase);
    capitals.flat_map(char::to_lowercase).collect()
}

/// Whether a name counts as it is given. Case and blanks may be a disguise, so what forbids ignores
/// them, and what allows does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Exact,
    Ignored,
}

/// A list of globs, of which one must match.
#[derive(Debug)]
pub(crate) struct Globs {
    globs: Vec<Glob>,
    case: Case,
}

impl Globs {
    /// Compiles a list; problems are said at `path`.
    pub(crate) fn compile(
        path: &str,
        list: &[String],
        case: Case,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut globs = Vec::with_capacity(list.len());
        for (i, source) in list.iter().enumerate() {
            let compiled = match case {
                Case::Exact => Glob::compile(source),
                Case::Ignored => Glob::compile(&fold(source)),
            };
            match compiled {
                Ok(glob) => globs.push(glob),
                Err(error) => {
                    problems.push(Problem::at(format!("{path}/{i}"), error.kind().to_string()));
                }
            }
        }
        Self { globs, case }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.globs.is_empty()
    }

    /// The first glob that matches.
    pub(crate) fn find(&self, name: &Name<'_>) -> Option<usize> {
        let name = name.form(self.case);
        self.globs.iter().position(|glob| glob.matches(name))
    }

    /// The first glob that matches the name or what follows its last dot.
    pub(crate) fn find_action(&self, name: &Name<'_>) -> Option<usize> {
        let whole = name.form(self.case);
        let last = whole.rsplit('.').next().unwrap_or(whole);
        let mut globs = self.globs.iter();
        globs.position(|glob| glob.matches(whole) || glob.matches(last))
    }

    pub(crate) fn matches(&self, name: &Name<'_>) -> bool {
        self.find(name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(glob: &str, case: Case, name: &str) -> bool {
        let mut problems = Vec::new();
        let globs = Globs::compile("", &[glob.to_owned()], case, &mut problems);
        assert_eq!(problems, []);
        globs.matches(&Name::new(name))
    }

    #[test]
    fn case_and_blanks_count_only_where_they_should() {
        assert!(matches("DB.*", Case::Ignored, " db.Drop "));
        assert!(matches("d?.Dro[P]", Case::Ignored, "DB.drop"));
        for name in ["SHELL.run", "ſhell.run", "shell.\u{212a}"] {
            assert!(matches("shell.*", Case::Ignored, name), "{name}");
        }
        assert!(matches("*.étÉ", Case::Ignored, "x.Été"));
        assert!(!matches("DB.*", Case::Exact, "db.Drop"));
        assert!(!matches("db.drop", Case::Exact, "db.drop "));
    }

    #[test]
    fn an_action_is_also_known_by_what_follows_its_last_dot() {
        let globs = Globs::compile("", &["delete_*".into()], Case::Ignored, &mut Vec::new());
        let found = |name| globs.find_action(&Name::new(name));
        assert_eq!(found("crm.v2.Delete_all"), Some(0));
        assert_eq!(found("delete_all"), Some(0));
        assert_eq!(found("delete_all.preview"), Some(0));
        assert_eq!(found("crm.undelete_all"), None);
    }
}
