//! What is wrong with a file, and where.

use std::fmt;

use super::files::Text;
use super::yaml::Document;

/// One thing that is wrong, at a line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Problem {
    /// As it was named, or found in a folder.
    pub(super) file: String,
    /// From 1; 0 is the file as a whole.
    pub(super) line: usize,
    /// `spec.ruleDefinition.patterns[0]`; empty is the document itself.
    pub(super) path: String,
    /// In words for the author.
    pub(super) message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// A document of a file: knows what line a problem is on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) text: &'a Text,
    pub(super) document: &'a Document,
}

impl Place<'_> {
    /// A problem of the value at a JSON pointer; one that is missing is on the line of what it is
    /// missing from.
    pub(super) fn problem(&self, pointer: &str, message: impl Into<String>) -> Problem {
        Problem {
            file: self.text.name.clone(),
            line: self.document.line(pointer),
            path: dotted(pointer),
            message: message.into(),
        }
    }
}

/// `/spec/tools/0` as people write it: `spec.tools[0]`.
fn dotted(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        if !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) {
            path.push_str(&format!("[{part}]"));
            continue;
        }
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(&part.replace("~1", "/").replace("~0", "~"));
    }
    path
}

/// One step further down in a JSON pointer.
pub(super) fn below(pointer: &str, field: &str) -> String {
    format!("{pointer}/{}", field.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_shown_as_people_write_them() {
        assert_eq!(dotted("/spec/tools/0/name"), "spec.tools[0].name");
        assert_eq!(dotted(&below("/spec", "a/b")), "spec.a/b");
        assert_eq!(dotted(""), "");
    }
}
