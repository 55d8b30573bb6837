//! Finds where a text points to: URLs, protocol-relative links, and names and addresses of hosts
//! that are only mentioned.
//!
//! A reader of URLs is deceived where two readers disagree, so where they do both readings are
//! found. Sources: WHATWG URL, RFC 3986, UTS 46.

mod authority;
mod host;

use std::cell::Cell;

use crate::decision::Span;
use authority::Reading;
pub(crate) use host::Host;
use host::{Parsed, parse};

/// Longest scheme that is read.
const SCHEME: usize = 32;

/// One place a text points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Lower case; empty where none is written.
    pub(crate) scheme: String,
    /// None for a URL without a host.
    pub(crate) host: Option<Host>,
    /// A URL or a field that holds a host, not only a name somewhere in a text.
    pub(crate) certain: bool,
    /// How it pretends to be something else.
    pub(crate) disguise: Option<&'static str>,
    /// The host in the text, or the scheme where there is none; not said of a whole field.
    pub(crate) span: Option<Span>,
}

/// Everything in a text, URLs first; `false` from `found` stops the search.
pub(crate) fn find(text: &str, found: &mut dyn FnMut(Found) -> bool) {
    if urls(text, found) && relative(text, found) {
        mentions(text, found);
    }
}

/// A text that is a host or a URL by the name of its field, with or without a scheme.
pub(crate) fn find_in_field(text: &str, found: &mut dyn FnMut(Found) -> bool) {
    // Readers of URLs drop these wherever they stand.
    let plain: String = text
        .chars()
        .filter(|c| !matches!(c, '\t' | '\n' | '\r'))
        .collect();
    let any = Cell::new(false);
    let mut found = |host: Found| {
        any.set(true);
        found(Found { span: None, ..host })
    };
    let goes_on = urls(&plain, &mut found);
    let plain = plain.trim();
    if any.get() || !goes_on || plain.contains(char::is_whitespace) {
        return;
    }
    let host = plain.trim_start_matches(['/', '\\']);
    for reading in authority::readings(host) {
        if !emit(text, "", &reading, 0, true, &mut found) {
            return;
        }
    }
}

fn urls(text: &str, found: &mut dyn FnMut(Found) -> bool) -> bool {
    for (colon, _) in text.match_indices(':') {
        let Some((before, after)) = text.get(..colon).zip(text.get(colon + 1..)) else {
            continue;
        };
        let scheme = scheme_at_end(before);
        if !scheme.is_empty() && !url(text, scheme, colon, after, found) {
            return false;
        }
    }
    true
}

/// The letters before a colon that could be a scheme.
fn scheme_at_end(before: &str) -> &str {
    let letters = before.bytes().rev().take(SCHEME);
    let letters =
        letters.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    let run = before
        .get(before.len() - letters.count()..)
        .unwrap_or_default();
    run.trim_start_matches(|c: char| !c.is_ascii_alphabetic())
}

fn url(
    text: &str,
    scheme: &str,
    colon: usize,
    after: &str,
    found: &mut dyn FnMut(Found) -> bool,
) -> bool {
    let lower = scheme.to_ascii_lowercase();
    let authority = after.trim_start_matches(['/', '\\']);
    let slashes = after.len() - authority.len();
    let special = matches!(lower.as_str(), "http" | "https" | "ws" | "wss" | "ftp");
    let start = colon + 1 + slashes;
    // A drive letter is no scheme.
    let other = scheme.len() > 1 && (after.starts_with("//") || after.starts_with("\\/\\/"));
    if (special && slashes >= 1) || (!special && other) {
        // Three slashes leave no room for a host, but in what browsers fetch.
        let hostless = !special && after.starts_with("///");
        let readings = if hostless {
            Vec::new()
        } else {
            authority::readings(authority)
        };
        if readings.is_empty() {
            return found(without_host(lower, colon - scheme.len(), colon));
        }
        return readings
            .iter()
            .all(|reading| emit(text, &lower, reading, start, true, found));
    }
    if special {
        // `https:evil.example` is read as a URL, `http: no` is not meant as one.
        let (authority, _) = authority.split_once(':').unwrap_or((authority, ""));
        let readings = authority::readings(authority);
        let hosts = readings.iter().filter(|reading| reading.host.contains('.'));
        return hosts
            .into_iter()
            .all(|reading| emit(text, &lower, reading, start, true, found));
    }
    let runs = match lower.as_str() {
        "javascript" | "vbscript" => after.starts_with(|c: char| !c.is_whitespace()),
        "data" => ["text/", "application/", "image/"]
            .iter()
            .any(|kind| after.starts_with(kind)),
        "file" => slashes == 1,
        _ => false,
    };
    !runs || found(without_host(lower, colon - scheme.len(), colon))
}

fn without_host(scheme: String, start: usize, end: usize) -> Found {
    Found {
        scheme,
        host: None,
        certain: true,
        disguise: None,
        span: Some(Span { start, end }),
    }
}

/// Reports one reading of an authority that begins at `start`.
fn emit(
    text: &str,
    scheme: &str,
    reading: &Reading<'_>,
    start: usize,
    certain: bool,
    found: &mut dyn FnMut(Found) -> bool,
) -> bool {
    let Parsed { host, disguise } = parse(reading.host);
    let begin = (start + reading.at).min(text.len());
    let end = (begin + reading.host.len()).min(text.len());
    found(Found {
        scheme: scheme.to_owned(),
        host: Some(host),
        certain,
        disguise: reading.disguise.or(disguise),
        span: Some(Span { start: begin, end }),
    })
}

/// `//host/…` as links in documents have it.
fn relative(text: &str, found: &mut dyn FnMut(Found) -> bool) -> bool {
    for (at, _) in text.match_indices("//") {
        let (before, after) = (text.get(..at), text.get(at + 2..));
        let Some((before, after)) = before.zip(after) else {
            continue;
        };
        let opens = |c: char| matches!(c, '"' | '\'' | '(' | '=' | '`') || c.is_whitespace();
        if !before.is_empty() && !before.ends_with(opens) {
            continue;
        }
        for reading in authority::readings(after) {
            let named = reading.host.rsplit_once('.').is_some_and(|(_, last)| {
                last.len() >= 2 && last.chars().all(char::is_alphanumeric)
            });
            if named && !emit(text, "", &reading, at + 2, true, found) {
                return false;
            }
        }
    }
    true
}

/// Names with a dot and addresses that stand anywhere.
fn mentions(text: &str, found: &mut dyn FnMut(Found) -> bool) {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let mut at = 0;
    while let Some(begin) = text.get(at..).and_then(|rest| rest.find(part)) {
        let rest = text.get(at + begin..).unwrap_or_default();
        let token = rest.get(..rest.find(|c| !part(c)).unwrap_or(rest.len()));
        let token = token.unwrap_or_default();
        let start = at + begin;
        at = start + token.len();
        let host = token.trim_matches(['.', '-', '_']);
        let after = text.get(at..).unwrap_or_default();
        if host.len() > 253 || !could_be_host(host, after) {
            continue;
        }
        let Parsed { host: parsed, .. } = parse(host);
        if parsed == Host::Unreadable {
            continue;
        }
        let lead = token.len() - token.trim_start_matches(['.', '-', '_']).len();
        let mention = Found {
            scheme: String::new(),
            host: Some(parsed),
            certain: false,
            disguise: None,
            span: Some(Span {
                start: start + lead,
                end: start + lead + host.len(),
            }),
        };
        if !found(mention) {
            return;
        }
    }
}

fn could_be_host(token: &str, after: &str) -> bool {
    let Some((head, last)) = token.rsplit_once('.') else {
        // The one name without a dot that always is a host, where a port or path follows.
        let follows = after.starts_with('/')
            || after
                .strip_prefix(':')
                .is_some_and(|s| s.starts_with(|c: char| c.is_ascii_digit()));
        return follows && token.eq_ignore_ascii_case("localhost");
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if digits(last) {
        return head.split('.').count() == 3 && head.split('.').all(digits);
    }
    last.chars().count() >= 2 && last.starts_with(char::is_alphabetic) && !head.is_empty()
}

#[cfg(test)]
mod tests;
