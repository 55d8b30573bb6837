//! Globs over names.

use globset::{GlobBuilder, GlobMatcher};

use crate::schema::Problem;

/// A glob, lowered to a comparison where its shape allows one.
#[derive(Debug)]
pub(crate) struct Glob {
    shape: Shape,
    /// Set where case does not count: the folded glob, for names beyond ASCII that are folded too.
    any_case: Option<GlobMatcher>,
}

#[derive(Debug)]
enum Shape {
    Any,
    Exact(String),
    Prefix(String),
    Suffix(String),
    Pattern(GlobMatcher),
}

impl Shape {
    /// The shape of a glob that is plain text with at most one star at an end.
    fn of(source: &str) -> Option<Self> {
        let special = |text: &str| text.contains(['*', '?', '[', ']', '{', '}', '\\', '!']);
        match (source.strip_suffix('*'), source.strip_prefix('*')) {
            (Some(""), _) => Some(Shape::Any),
            (Some(prefix), _) if !special(prefix) => Some(Shape::Prefix(prefix.to_owned())),
            (_, Some(suffix)) if !special(suffix) => Some(Shape::Suffix(suffix.to_owned())),
            _ if !special(source) => Some(Shape::Exact(source.to_owned())),
            _ => None,
        }
    }
}

impl Glob {
    /// Whether the glob covers the whole name.
    pub(crate) fn matches(&self, name: &str) -> bool {
        if let Some(pattern) = self.any_case.as_ref().filter(|_| !name.is_ascii()) {
            return pattern.is_match(fold(name));
        }
        match &self.shape {
            Shape::Any => true,
            Shape::Exact(whole) => self.same(name.as_bytes(), whole),
            Shape::Prefix(prefix) => {
                let start = name.as_bytes().get(..prefix.len());
                start.is_some_and(|start| self.same(start, prefix))
            }
            Shape::Suffix(suffix) => {
                let begin = name.len().checked_sub(suffix.len());
                let end = begin.and_then(|begin| name.as_bytes().get(begin..));
                end.is_some_and(|end| self.same(end, suffix))
            }
            Shape::Pattern(pattern) => pattern.is_match(name),
        }
    }

    fn same(&self, given: &[u8], wanted: &str) -> bool {
        if self.any_case.is_some() {
            given.eq_ignore_ascii_case(wanted.as_bytes())
        } else {
            given == wanted.as_bytes()
        }
    }

    /// Compiles one glob; `ignore_case` makes it cover every spelling of a name.
    pub(crate) fn compile(source: &str, ignore_case: bool) -> Result<Self, globset::Error> {
        let pattern = |source: &str| {
            let glob = GlobBuilder::new(source)
                .case_insensitive(ignore_case)
                .literal_separator(false)
                .backslash_escape(true)
                .build();
            glob.map(|glob| glob.compile_matcher())
        };
        let folded = ignore_case.then(|| pattern(&fold(source)));
        let shape = Shape::of(source).map_or_else(|| pattern(source).map(Shape::Pattern), Ok);
        Ok(Self {
            shape: shape?,
            any_case: folded.transpose()?,
        })
    }
}

/// One spelling for all that differ in case only: `ſ` and `K` (Kelvin) have a capital or a small
/// letter in ASCII.
fn fold(text: &str) -> String {
    let capitals = text.chars().flat_map(char::to_uppercase);
    capitals.flat_map(char::to_lowercase).collect()
}

/// Compiles a list; what is wrong is added to `out` at `path`.
pub(crate) fn globs(
    path: &str,
    list: &[String],
    ignore_case: bool,
    out: &mut Vec<Problem>,
) -> Vec<Glob> {
    let mut compiled = Vec::with_capacity(list.len());
    for (i, source) in list.iter().enumerate() {
        match Glob::compile(source, ignore_case) {
            Ok(glob) => compiled.push(glob),
            Err(error) => out.push(Problem::at(format!("{path}/{i}"), error.kind().to_string())),
        }
    }
    compiled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(source: &str, ignore_case: bool, name: &str) -> bool {
        Glob::compile(source, ignore_case).unwrap().matches(name)
    }

    #[test]
    fn every_shape_covers_the_whole_name_and_nothing_else() {
        for ignore_case in [false, true] {
            for (source, name, expected) in [
                ("*", "", true),
                ("shell", "shell", true),
                ("shell", "shell.run", false),
                ("shell.*", "shell.run", true),
                ("shell.*", "my.shell.run", false),
                ("*.run", "shell.run", true),
                ("*.run", "run", false),
                ("*.run", "größe.run", true),
                ("s?ell.{run,stop}", "shell.stop", true),
                ("s?ell.{run,stop}", "shell.start", false),
            ] {
                assert_eq!(
                    covers(source, ignore_case, name),
                    expected,
                    "{source} {name}"
                );
            }
        }
    }

    #[test]
    fn without_case_every_spelling_is_covered_also_beyond_ascii() {
        for name in ["SHELL.run", "ſhell.run", "sHELL.\u{212a}"] {
            assert!(covers("shell.*", true, name), "{name}");
            assert!(!covers("shell.*", false, name), "{name}");
        }
        assert!(covers("*.\u{e9}t\u{e9}", true, "x.\u{c9}T\u{c9}"));
    }
}
