//! Noun and verb of a route: its tag, and its summary without what the noun says already.

use super::document::Operation;

/// Tags whose singular is not what a command should be called.
const NOUNS: &[(&str, &str)] = &[
    ("audit-logs", "audit"),
    ("billing", "usage"),
    ("sdk", "bypass"),
    ("tool-integrity", "tool-baseline"),
    ("prompt-versions", "prompt"),
];

/// Verbs that have had a name of their own from the beginning.
const VERBS: &[(&str, &str)] = &[("get", "show"), ("change", "update")];

const SMALL: &[&str] = &["a", "an", "the", "of", "in", "to", "from", "for", "with"];

/// Noun and verb.
pub(super) fn of(operation: &Operation) -> (String, String) {
    let noun = noun(&operation.tag);
    let summary = operation.summary.to_ascii_lowercase();
    let said = |word: &&str| {
        let single = singular(word);
        !SMALL.contains(word) && !noun.split('-').any(|part| part == single)
    };
    let words = summary.split(|c: char| !c.is_ascii_alphanumeric());
    let mut words: Vec<&str> = words.filter(|word| !word.is_empty()).filter(said).collect();
    if let Some(first) = words.first_mut() {
        let renamed = VERBS.iter().find(|(verb, _)| verb == first);
        *first = renamed.map_or(*first, |(_, name)| name);
    }
    (noun, words.join("-"))
}

/// What `--help` says of a noun.
pub(super) fn about(tag: &str) -> String {
    format!("Everything under /{tag}")
}

/// `--validator-url` where `--url` is the server's.
pub(super) fn flag(field: &str, tag: &str) -> String {
    let plain = plain(field);
    let taken = ["url", "key", "context", "output", "body", "limit", "help"];
    if taken.contains(&plain.as_str()) {
        return format!("{}-{plain}", noun(tag));
    }
    plain
}

/// `--applies-to-agents` for `appliesToAgents`.
pub(super) fn plain(field: &str) -> String {
    let mut flag = String::new();
    for letter in field.chars() {
        if letter.is_ascii_uppercase() && !flag.is_empty() && !flag.ends_with('-') {
            flag.push('-');
        }
        flag.push(letter.to_ascii_lowercase());
    }
    flag
}

fn noun(tag: &str) -> String {
    let own = NOUNS.iter().find(|(name, _)| *name == tag);
    own.map_or_else(|| singular(tag), |(_, noun)| (*noun).to_owned())
}

fn singular(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies") {
        return format!("{stem}y");
    }
    let plural = word.len() > 3 && !word.ends_with("ss") && !word.ends_with("us");
    let stem = word.strip_suffix('s').filter(|_| plural);
    stem.unwrap_or(word).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_becomes_a_noun() {
        for (tag, noun_of_it) in [
            ("agents", "agent"),
            ("policies", "policy"),
            ("anomalies", "anomaly"),
            ("keys", "key"),
            ("organization", "organization"),
            ("billing", "usage"),
        ] {
            assert_eq!(noun(tag), noun_of_it);
        }
    }

    #[test]
    fn a_flag_of_a_field_is_no_flag_of_the_server() {
        assert_eq!(flag("appliesToAgents", "policies"), "applies-to-agents");
        assert_eq!(flag("url", "validators"), "validator-url");
        assert_eq!(flag("If-Match", "policies"), "if-match");
    }
}
