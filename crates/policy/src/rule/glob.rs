//! Globs over names.

use globset::{GlobBuilder, GlobMatcher};

use crate::schema::Problem;

/// A glob, lowered to a comparison where its shape allows one.
#[derive(Debug)]
pub(crate) enum Glob {
    Any,
    Exact(String),
    Prefix(String),
    Suffix(String),
    Pattern(GlobMatcher),
}

impl Glob {
    /// Whether the glob covers the whole name.
    pub(crate) fn matches(&self, name: &str) -> bool {
        match self {
            Glob::Any => true,
            Glob::Exact(whole) => name == whole,
            Glob::Prefix(prefix) => name.starts_with(prefix.as_str()),
            Glob::Suffix(suffix) => name.ends_with(suffix.as_str()),
            Glob::Pattern(pattern) => pattern.is_match(name),
        }
    }

    /// Compiles one glob; `ignore_case` makes it cover every spelling of a name.
    pub(crate) fn compile(source: &str, ignore_case: bool) -> Result<Self, globset::Error> {
        let special = |text: &str| text.contains(['*', '?', '[', ']', '{', '}', '\\', '!']);
        if source == "*" {
            return Ok(Glob::Any);
        }
        if !ignore_case {
            match (source.strip_suffix('*'), source.strip_prefix('*')) {
                (Some(prefix), _) if !special(prefix) => {
                    return Ok(Glob::Prefix(prefix.to_owned()));
                }
                (_, Some(suffix)) if !special(suffix) => {
                    return Ok(Glob::Suffix(suffix.to_owned()));
                }
                _ if !special(source) => return Ok(Glob::Exact(source.to_owned())),
                _ => {}
            }
        }
        let glob = GlobBuilder::new(source)
            .case_insensitive(ignore_case)
            .literal_separator(false)
            .backslash_escape(true)
            .build()?;
        Ok(Glob::Pattern(glob.compile_matcher()))
    }
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
