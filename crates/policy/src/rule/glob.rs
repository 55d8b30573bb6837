//! One glob: `*`, `?`, `[a-z]`, `{a,b}` over a whole name.

use globset::{GlobBuilder, GlobMatcher};

/// A glob, lowered to a comparison where its shape allows one.
#[derive(Debug)]
pub(super) enum Glob {
    Exact(String),
    /// One star: what stands before it and behind it.
    Around(String, String),
    /// A star at both ends.
    Within(String),
    /// `{a,b}`: one of these.
    Either(Vec<Glob>),
    Pattern(GlobMatcher),
}

impl Glob {
    /// Whether the glob covers the whole name; case counts.
    pub(super) fn matches(&self, name: &str) -> bool {
        match self {
            Glob::Exact(whole) => name == whole,
            Glob::Around(before, behind) => name
                .strip_prefix(before.as_str())
                .is_some_and(|rest| rest.ends_with(behind.as_str())),
            Glob::Within(text) => name.contains(text.as_str()),
            Glob::Either(globs) => globs.iter().any(|glob| glob.matches(name)),
            Glob::Pattern(pattern) => pattern.is_match(name),
        }
    }

    pub(super) fn compile(source: &str) -> Result<Self, globset::Error> {
        if let Some(either) = alternatives(source) {
            let globs = either.iter().map(|glob| Self::compile(glob));
            return Ok(Glob::Either(globs.collect::<Result<_, _>>()?));
        }
        if !source.contains(['?', '[', ']', '{', '}', '\\', '!']) {
            let stars: Vec<&str> = source.split('*').collect();
            match stars.as_slice() {
                [whole] => return Ok(Glob::Exact((*whole).to_owned())),
                [before, behind] => {
                    return Ok(Glob::Around((*before).to_owned(), (*behind).to_owned()));
                }
                ["", text, ""] => return Ok(Glob::Within((*text).to_owned())),
                _ => {}
            }
        }
        let glob = GlobBuilder::new(source)
            .literal_separator(false)
            .backslash_escape(true)
            .build()?;
        Ok(Glob::Pattern(glob.compile_matcher()))
    }
}

/// The globs that one pair of braces stands for; none where they are more than plain.
fn alternatives(source: &str) -> Option<Vec<String>> {
    let (before, rest) = source.split_once('{')?;
    let (inner, behind) = rest.split_once('}')?;
    let plain = |text: &str| !text.contains(['{', '}', '[', ']', '\\', '!']);
    let each = || {
        inner
            .split(',')
            .map(|part| format!("{before}{part}{behind}"))
    };
    (plain(before) && plain(inner) && plain(behind)).then(|| each().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_covers_the_whole_name_and_nothing_else() {
        for (source, name, expected) in [
            ("*", "", true),
            ("shell", "shell", true),
            ("shell", "shell.run", false),
            ("shell", "SHELL", false),
            ("shell.*", "shell.run", true),
            ("shell.*", "my.shell.run", false),
            ("*.run", "shell.run", true),
            ("*.run", "run", false),
            ("*.run", "größe.run", true),
            ("d?.*", "db.x/y", true),
            ("d?.*", "dbb.x", false),
            ("[a-c]*", "bat", true),
            ("*grant*", "iam.grant_role", true),
            ("*grant*", "iam.gran", false),
            ("db.*.read", "db.a.b.read", true),
            ("db.*.read", "db.read", false),
            ("ab*bc", "abc", false),
            ("db.{read,list*}", "db.list_all", true),
            ("db.{read,list*}", "db.read_all", false),
            ("db{,.read}", "db", true),
            ("{a,b}.{c,d}", "b.c", true),
            ("{a,b}.{c,d}", "a.b", false),
            ("a**b", "axb", true),
            ("s?ell.{run,stop}", "shell.stop", true),
            ("s?ell.{run,stop}", "shell.start", false),
        ] {
            let glob = Glob::compile(source).unwrap();
            assert_eq!(glob.matches(name), expected, "{source} {name}");
        }
    }
}
