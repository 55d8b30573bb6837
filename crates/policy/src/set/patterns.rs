//! Administrators' patterns, matched together: one union set over bytes per scope.

use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// Longest pattern, in bytes.
pub(crate) const MAX_SOURCE: usize = 1024;
/// Largest compiled pattern, in bytes.
const MAX_COMPILED: usize = 1 << 20;
/// A union that would be larger is split.
const MAX_UNION: usize = 16 << 20;

/// The numbers a rule's patterns got within their policy set.
pub(crate) type PatternIds = Range<u32>;

/// A pattern that is known to compile.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    source: String,
    /// Patterns with characters beyond ASCII need Unicode case folding and are matched alone.
    wide: Option<Regex>,
}

impl Pattern {
    /// Compiles a pattern: case-insensitive, unanchored, linear time.
    ///
    /// Without Unicode mode: in a union one non-ASCII byte of input would otherwise make the
    /// automaton give up and fall back to an engine 200 times slower.
    pub(crate) fn compile(source: &str) -> Result<Self, String> {
        let wide = !source.is_ascii();
        let regex = Self::alone(source)?;
        Ok(Self {
            source: source.to_owned(),
            wide: wide.then_some(regex),
        })
    }

    /// Compiles a pattern that is to be matched by itself, for where it matches.
    pub(crate) fn alone(source: &str) -> Result<Regex, String> {
        if source.len() > MAX_SOURCE {
            return Err(format!("is longer than {MAX_SOURCE} bytes"));
        }
        if asks_for_unicode(source) {
            return Err("the flag 'u' is not supported".to_owned());
        }
        let regex = RegexBuilder::new(source)
            .unicode(!source.is_ascii())
            .case_insensitive(true)
            .size_limit(MAX_COMPILED)
            .build()
            .map_err(|error| reason(&error))?;
        if regex.is_match(b"") {
            return Err("matches the empty text, so it would match everything".to_owned());
        }
        Ok(regex)
    }
}

/// Whether a pattern switches Unicode mode on inside itself.
fn asks_for_unicode(source: &str) -> bool {
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("(?") {
        let escapes = before.chars().rev().take_while(|c| *c == '\\').count();
        let flags = after.chars().take_while(|c| c.is_ascii_alphabetic());
        if escapes % 2 == 0 && flags.into_iter().any(|c| c == 'u') && !after.starts_with('P') {
            return true;
        }
        rest = after;
    }
    false
}

/// The last line of a regex error says what is wrong; the others draw the pattern.
fn reason(error: &regex::Error) -> String {
    if let regex::Error::CompiledTooBig(limit) = error {
        return format!("is larger than {limit} bytes compiled");
    }
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    format!("does not compile: {}", last.trim_start_matches("error: "))
}

/// All patterns of one scope.
#[derive(Debug, Default)]
pub(crate) struct PatternGroup {
    pending: Vec<(u32, Pattern)>,
    unions: Vec<Union>,
    wide: Vec<(u32, Regex)>,
}

#[derive(Debug)]
struct Union {
    set: RegexSet,
    ids: Vec<u32>,
}

impl PatternGroup {
    pub(crate) fn add(&mut self, id: u32, pattern: Pattern) {
        self.pending.push((id, pattern));
    }

    /// Whether nothing is looked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.unions.is_empty() && self.wide.is_empty()
    }

    /// Builds the unions; returns the ids whose pattern could not be joined to any.
    pub(crate) fn build(&mut self) -> Vec<u32> {
        let mut narrow = Vec::new();
        for (id, pattern) in std::mem::take(&mut self.pending) {
            match pattern.wide {
                Some(regex) => self.wide.push((id, regex)),
                None => narrow.push((id, pattern.source)),
            }
        }
        let mut lost = Vec::new();
        self.union(&narrow, &mut lost);
        lost
    }

    fn union(&mut self, patterns: &[(u32, String)], lost: &mut Vec<u32>) {
        if patterns.is_empty() {
            return;
        }
        let set = RegexSetBuilder::new(patterns.iter().map(|(_, source)| source))
            .unicode(false)
            .case_insensitive(true)
            .size_limit(MAX_UNION)
            .build();
        match (set, patterns) {
            (Ok(set), _) => {
                let ids = patterns.iter().map(|(id, _)| *id).collect();
                self.unions.push(Union { set, ids });
            }
            (Err(_), [(id, _)]) => lost.push(*id),
            (Err(_), _) => {
                let (left, right) = patterns.split_at(patterns.len() / 2);
                self.union(left, lost);
                self.union(right, lost);
            }
        }
    }

    /// Calls `found` with the id of every pattern that matches.
    pub(crate) fn matches(&self, text: &str, mut found: impl FnMut(u32)) {
        for union in &self.unions {
            for index in &union.set.matches(text.as_bytes()) {
                if let Some(id) = union.ids.get(index) {
                    found(*id);
                }
            }
        }
        for (id, regex) in &self.wide {
            if regex.is_match(text.as_bytes()) {
                found(*id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(patterns: &[&str], text: &str) -> Vec<u32> {
        let mut group = PatternGroup::default();
        for (i, source) in patterns.iter().enumerate() {
            group.add(u32::try_from(i).unwrap(), Pattern::compile(source).unwrap());
        }
        assert!(group.build().is_empty());
        let mut found = Vec::new();
        group.matches(text, |id| found.push(id));
        found.sort_unstable();
        found
    }

    #[test]
    fn patterns_are_case_insensitive_and_unanchored() {
        assert_eq!(
            hits(
                &["system prompt", "absent", "PRE.*OUS"],
                "my SYSTEM Prompt, previous"
            ),
            [0, 2]
        );
    }

    #[test]
    fn pattern_beyond_ascii_folds_case() {
        assert_eq!(hits(&["пароль"], "какой ПАРОЛЬ?"), [0]);
    }

    #[test]
    fn hostile_patterns_are_refused_with_a_reason() {
        let too_big = Pattern::compile("(((a{100}){100}){100})").unwrap_err();
        assert!(too_big.contains("larger than"), "{too_big}");
        assert!(
            Pattern::compile("(?=a)")
                .unwrap_err()
                .contains("look-around")
        );
        assert!(
            Pattern::compile(r"(a)\1")
                .unwrap_err()
                .contains("backreferences")
        );
        assert!(
            Pattern::compile(&"a".repeat(1025))
                .unwrap_err()
                .contains("longer")
        );
        assert!(Pattern::compile("a*").unwrap_err().contains("empty"));
        assert!(Pattern::compile("x(?iu)b").unwrap_err().contains("'u'"));
        assert!(Pattern::compile("(?P<user>b)").is_ok());
        assert!(Pattern::compile(r"\(?u").is_ok());
    }

    #[test]
    fn nested_quantifiers_stay_linear() {
        let text = format!("{}!", "a".repeat(200_000));
        assert_eq!(hits(&["(a+)+$"], &text), Vec::<u32>::new());
    }
}
