//! Addresses as they are said: `ana at example dot com`.

use super::PiiType;
use super::numbers::Value;
use super::text::Text;

/// How such addresses end, mostly.
const TOP_LEVELS: &[&str] = &[
    "com", "org", "net", "edu", "gov", "io", "co", "uk", "de", "fr", "es", "it", "nl", "eu", "us",
    "ca", "au", "in", "jp", "br", "ch", "at", "se", "no", "dk", "pl", "info", "dev", "app", "ai",
    "me", "biz",
];

/// Words before `at` that are nobody's name: `look at example dot com`.
const VERBS: &[&str] = &[
    "look",
    "looking",
    "is",
    "are",
    "be",
    "was",
    "were",
    "here",
    "there",
    "us",
    "me",
    "him",
    "her",
    "them",
    "it",
    "visit",
    "meet",
    "work",
    "works",
    "working",
    "available",
    "hosted",
    "found",
    "online",
    "site",
    "page",
    "only",
    "not",
    "or",
    "and",
    "live",
    "now",
    "lives",
    "that",
];

/// The address whose first `dot` after the `at` is here.
pub(super) fn email(t: Text<'_>, dot: usize) -> Option<Value> {
    let host = t.run_back(dot.checked_sub(1)?, 63, is_label);
    let at = host.checked_sub(" at ".len())?;
    if !t.has(at, " at ") || host + 1 >= dot {
        return None;
    }
    let start = names_back(t, at);
    let end = labels_on(t, dot)?;
    let name = t.slice(start, at);
    let verb = VERBS.iter().any(|verb| name.eq_ignore_ascii_case(verb));
    (start < at && !verb).then_some((PiiType::Email, start, end))
}

fn is_label(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'-' || b >= 0x80
}

fn is_name(b: u8) -> bool {
    is_label(b) || matches!(b, b'_' | b'+' | b'.')
}

/// Where `ana dot b` before a place starts.
fn names_back(t: Text<'_>, to: usize) -> usize {
    let name = |to: usize| t.run_back(to, 64, is_name);
    let mut start = name(to);
    for _ in 0..4 {
        let Some(dot) = start
            .checked_sub(" dot ".len())
            .filter(|dot| t.has(*dot, " dot "))
        else {
            break;
        };
        let before = name(dot);
        if before == dot {
            break;
        }
        start = before;
    }
    start
}

/// Where the labels after a `dot` end, when the last is a top-level domain.
fn labels_on(t: Text<'_>, dot: usize) -> Option<usize> {
    let mut end = None;
    let mut at = dot;
    for _ in 0..5 {
        if !t.has(at, "dot ") {
            break;
        }
        let from = at + "dot ".len();
        let to = t.run(from, 63, is_label);
        let label = t.slice(from, to);
        if TOP_LEVELS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(label))
        {
            end = Some(to);
        }
        at = to + 1;
    }
    end
}
