//! Markings of documents: words that say how far a text may go.

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexSet};

use super::Class;
use crate::decision::Span;

/// Words that mark wherever they stand, as long as they stand alone: traffic light protocol, and
/// capitals, which prose does not use for them.
const ANYWHERE: [(Class, &str); 8] = [
    (Class::Restricted, r"\bTLP:RED\b"),
    (Class::Confidential, r"\bTLP:AMBER(?:\+STRICT)?\b"),
    (Class::Internal, r"\bTLP:GREEN\b"),
    (Class::Public, r"\bTLP:(?:CLEAR|WHITE)\b"),
    (
        Class::Restricted,
        r"\b(?:STRICTLY CONFIDENTIAL|TOP SECRET|RESTRICTED|HIGHLY CONFIDENTIAL|STRENG VERTRAULICH|STRICTEMENT CONFIDENTIEL)\b",
    ),
    (
        Class::Confidential,
        r"\b(?:CONFIDENTIAL|VERTRAULICH|CONFIDENTIEL|CONFIDENCIAL|CONFIDENZIALE|RISERVATO|PROPRIETARY)\b",
    ),
    (
        Class::Internal,
        r"\b(?:INTERNAL USE ONLY|FOR INTERNAL USE|INTERNAL ONLY|NUR INTERN|USAGE INTERNE|USO INTERNO|COMPANY INTERNAL)\b",
    ),
    (Class::Public, r"\b(?:PUBLIC RELEASE|FOR PUBLIC RELEASE)\b"),
];

/// Words that mark in a line that says what it is: `Classification: internal`.
const LABELLED: [(Class, &str); 4] = [
    (
        Class::Restricted,
        r"(?:restricted|strictly confidential|highly confidential|secret|top secret)",
    ),
    (
        Class::Confidential,
        r"(?:confidential|vertraulich|confidentiel|confidencial)",
    ),
    (Class::Internal, r"internal(?: use)?(?: only)?"),
    (Class::Public, r"public"),
];

const LABEL: &str = r"(?im)^[\s>*#_-]{0,16}(?:data |document |information )?(?:classification|sensitivity|class|marking)[*_]{0,2}\s?[:=][*_ ]{0,3}";

struct Markings {
    set: RegexSet,
    each: Vec<(Class, Regex)>,
}

/// The patterns are constants and a test compiles them, so `None` is never seen.
static MARKINGS: LazyLock<Option<Markings>> = LazyLock::new(|| {
    let anywhere = ANYWHERE
        .iter()
        .map(|(class, words)| (*class, format!("(?-u){words}")));
    let labelled = LABELLED
        .iter()
        .map(|(class, words)| (*class, format!(r"(?-u){LABEL}{words}\b[*_. ]{{0,3}}$")));
    let sources: Vec<(Class, String)> = anywhere.chain(labelled).collect();
    let each = sources
        .iter()
        .map(|(class, source)| Some((*class, Regex::new(source).ok()?)));
    Some(Markings {
        set: RegexSet::new(sources.iter().map(|(_, source)| source)).ok()?,
        each: each.collect::<Option<_>>()?,
    })
});

/// Calls `found` with each class a text is marked with, and the first place.
pub(super) fn find(text: &str, mut found: impl FnMut(Class, Span)) {
    let Some(markings) = MARKINGS.as_ref() else {
        return;
    };
    let mut strongest: Vec<(Class, Span)> = Vec::new();
    for index in &markings.set.matches(text.as_bytes()) {
        let Some((class, regex)) = markings.each.get(index) else {
            continue;
        };
        if let Some(place) = regex.find(text.as_bytes()) {
            let span = Span {
                start: place.start(),
                end: place.end(),
            };
            strongest.push((*class, span));
        }
    }
    // "STRICTLY CONFIDENTIAL" is not confidential as well: the longer reading of a place counts.
    for (class, span) in &strongest {
        let covered = strongest
            .iter()
            .any(|(_, other)| other != span && other.start <= span.start && other.end >= span.end);
        if !covered {
            found(*class, *span);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(text: &str) -> Vec<Class> {
        let mut classes = Vec::new();
        find(text, |class, _| classes.push(class));
        classes.sort();
        classes.dedup();
        classes
    }

    #[test]
    fn markings_are_read_in_their_usual_forms() {
        for (text, class) in [
            ("TLP:RED do not forward", Class::Restricted),
            ("(TLP:AMBER+STRICT)", Class::Confidential),
            ("TLP:GREEN", Class::Internal),
            ("TLP:CLEAR", Class::Public),
            ("Minutes — STRICTLY CONFIDENTIAL", Class::Restricted),
            ("CONFIDENTIAL\n\nDear all", Class::Confidential),
            ("Intern: VERTRAULICH", Class::Confidential),
            ("FOR INTERNAL USE", Class::Internal),
            ("Classification: Confidential", Class::Confidential),
            ("**Sensitivity:** Internal use only", Class::Internal),
            ("# Data classification: restricted\ntext", Class::Restricted),
            ("classification = public", Class::Public),
        ] {
            assert_eq!(classes(text), [class], "{text}");
        }
    }

    #[test]
    fn words_of_prose_mark_nothing() {
        for text in [
            "please keep this confidential",
            "a public park with restricted access",
            "the classification of plants: public gardens have many",
            "our internal team",
            "UNRESTRICTED",
        ] {
            assert_eq!(classes(text), [], "{text}");
        }
    }
}
