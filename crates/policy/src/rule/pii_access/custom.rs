//! An administrator's own types of data, each a name and a pattern.

use regex::bytes::Regex;
use serde::Deserialize;

use crate::decision::Span;
use crate::detect::pii::PiiType;
use crate::schema::Problem;
use crate::set::patterns::Pattern;

/// As it is written in a rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomPattern {
    name: String,
    pattern: String,
}

/// Ready to be looked for.
#[derive(Debug)]
pub(super) struct Custom {
    pub(super) name: String,
    regex: Regex,
}

impl Custom {
    /// Every match in a text that is not exempt, widened to whole characters.
    pub(super) fn find<'t>(
        &'t self,
        text: &'t str,
        exempt: impl Fn(&str) -> bool + 't,
    ) -> impl Iterator<Item = Span> + 't {
        let found = self.regex.find_iter(text.as_bytes());
        let found = found.filter(|found| !found.is_empty()).map(|found| Span {
            start: text.floor_char_boundary(found.start()),
            end: text.ceil_char_boundary(found.end()),
        });
        found.filter(move |span| !exempt(text.get(span.start..span.end).unwrap_or_default()))
    }
}

/// Compiles the patterns; all problems at once.
pub(super) fn compile(patterns: Vec<CustomPattern>) -> Result<Vec<Custom>, Vec<Problem>> {
    let mut ready: Vec<Custom> = Vec::new();
    let mut problems = Vec::new();
    for (i, CustomPattern { name, pattern }) in patterns.into_iter().enumerate() {
        if name.parse::<PiiType>().is_ok() || ready.iter().any(|other| other.name == name) {
            let path = format!("/custom_patterns/{i}/name");
            problems.push(Problem::at(path, "is the name of another type"));
        }
        match Pattern::alone(&pattern) {
            Ok(regex) => ready.push(Custom { name, regex }),
            Err(reason) => {
                let path = format!("/custom_patterns/{i}/pattern");
                problems.push(Problem::at(path, reason));
            }
        }
    }
    if problems.is_empty() {
        Ok(ready)
    } else {
        Err(problems)
    }
}
