//! One glob: `*`, `?`, `[a-z]`, `{a,b}` over a whole name.

use globset::{GlobBuilder, GlobMatcher};

/// A glob, lowered to a comparison where its shape allows one.
#[derive(Debug)]
pub(super) enum Glob {
    Any,
    Exact(String),
    Prefix(String),
    Suffix(String),
    Pattern(GlobMatcher),
}

impl Glob {
    /// Whether the glob covers the whole name; case counts.
    pub(super) fn matches(&self, name: &str) -> bool {
        match self {
            Glob::Any => true,
            Glob::Exact(whole) => name == whole,
            Glob::Prefix(prefix) => name.starts_with(prefix.as_str()),
            Glob::Suffix(suffix) => name.ends_with(suffix.as_str()),
            Glob::Pattern(pattern) => pattern.is_match(name),
        }
    }

    pub(super) fn compile(source: &str) -> Result<Self, globset::Error> {
        let special = |text: &str| text.contains(['*', '?', '[', ']', '{', '}', '\\', '!']);
        match (source.strip_suffix('*'), source.strip_prefix('*')) {
            (Some(""), _) => return Ok(Glob::Any),
            (Some(prefix), _) if !special(prefix) => return Ok(Glob::Prefix(prefix.to_owned())),
            (_, Some(suffix)) if !special(suffix) => return Ok(Glob::Suffix(suffix.to_owned())),
            _ if !special(source) => return Ok(Glob::Exact(source.to_owned())),
            _ => {}
        }
        let glob = GlobBuilder::new(source)
            .literal_separator(false)
            .backslash_escape(true)
            .build()?;
        Ok(Glob::Pattern(glob.compile_matcher()))
    }
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
            ("s?ell.{run,stop}", "shell.stop", true),
            ("s?ell.{run,stop}", "shell.start", false),
        ] {
            let glob = Glob::compile(source).unwrap();
            assert_eq!(glob.matches(name), expected, "{source} {name}");
        }
    }
}
