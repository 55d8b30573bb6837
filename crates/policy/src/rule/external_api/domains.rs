//! Lists of hosts: names, what lies below them, globs and addresses.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use regex::RegexSet;

use crate::detect::hosts::Host;
use crate::schema::Problem;

/// How a plain name is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// That host only: for what is allowed.
    Exact,
    /// That host and all below it: for what is denied.
    Below,
}

#[derive(Debug)]
pub(super) struct Domains {
    every: bool,
    exact: HashSet<String>,
    /// Domains whose hosts count.
    below: HashSet<String>,
    globs: RegexSet,
    addresses: HashSet<IpAddr>,
}

/// What one entry of a list stands for.
enum Entry {
    Every,
    Address(IpAddr),
    Name(String),
    Below(String),
    Glob(String),
}

impl Domains {
    pub(super) fn compile(
        path: &str,
        list: &[String],
        reach: Reach,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut domains = Self {
            every: false,
            exact: HashSet::new(),
            below: HashSet::new(),
            globs: RegexSet::empty(),
            addresses: HashSet::new(),
        };
        let mut globs = HashMap::new();
        for (i, text) in list.iter().enumerate() {
            let Some(entry) = read(text) else {
                let message = "is not a host name, a glob of one or an address";
                problems.push(Problem::at(format!("{path}/{i}"), message));
                continue;
            };
            match entry {
                Entry::Every => domains.every = true,
                Entry::Address(address) => _ = domains.addresses.insert(address),
                Entry::Below(name) => _ = domains.below.insert(name),
                Entry::Glob(glob) => _ = globs.insert(regex_of(&glob), i),
                Entry::Name(name) => {
                    let with_below = reach == Reach::Below || text.trim().starts_with('.');
                    if with_below {
                        domains.below.insert(name.clone());
                    }
                    domains.exact.insert(name);
                }
            }
        }
        match RegexSet::new(globs.keys()) {
            Ok(set) => domains.globs = set,
            Err(_) => problems.push(Problem::at(path, "has too many or too large globs")),
        }
        domains
    }

    pub(super) fn matches(&self, host: &Host) -> bool {
        match host {
            Host::Unreadable => false,
            Host::Address(address) => self.every || self.addresses.contains(address),
            Host::Name(name) => {
                self.every
                    || self.exact.contains(name)
                    || above(name).any(|domain| self.below.contains(domain))
                    || self.globs.is_match(name)
            }
        }
    }
}

/// The domains a host is in, the nearest first.
fn above(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(name.split_once('.'), |(_, rest)| rest.split_once('.'))
        .map(|(_, rest)| rest)
}

fn read(text: &str) -> Option<Entry> {
    let text = text.trim();
    if text == "*" {
        return Some(Entry::Every);
    }
    if let Ok(address) = text.trim_matches(['[', ']']).parse() {
        return Some(Entry::Address(address));
    }
    let plain = |text: &str| match url::Host::parse(text.trim_end_matches('.')).ok()? {
        url::Host::Domain(name) if !name.is_empty() && !name.starts_with('.') => Some(name),
        url::Host::Domain(_) | url::Host::Ipv4(_) | url::Host::Ipv6(_) => None,
    };
    let globbed = |text: &str| text.contains(['*', '?']);
    match (text.strip_prefix("*."), text.strip_prefix('.')) {
        (Some(domain), _) if !globbed(domain) => plain(domain).map(Entry::Below),
        (_, Some(domain)) if !globbed(domain) => plain(domain).map(Entry::Name),
        _ if !globbed(text) => plain(text).map(Entry::Name),
        _ => {
            let fits =
                |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '*' | '?');
            text.chars()
                .all(fits)
                .then(|| Entry::Glob(text.to_ascii_lowercase()))
        }
    }
}

/// `*` and `?` stand for characters of one label, `*.` at the beginning for any number of labels.
fn regex_of(glob: &str) -> String {
    let (lead, rest) = match glob.strip_prefix("*.") {
        Some(rest) => (r"(?:[^.]+\.)+", rest),
        None => ("", glob),
    };
    let body = regex::escape(rest)
        .replace(r"\*", "[^.]*")
        .replace(r"\?", "[^.]");
    format!("^{lead}{body}$")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(entry: &str, reach: Reach, host: &str) -> bool {
        let mut problems = Vec::new();
        let domains = Domains::compile("/d", &[entry.to_owned()], reach, &mut problems);
        assert_eq!(problems, [], "{entry}");
        let address = host.parse().map(Host::Address);
        domains.matches(&address.unwrap_or_else(|_| Host::Name(host.to_owned())))
    }

    #[test]
    fn an_entry_covers_what_it_says() {
        for (entry, host, exact, below) in [
            ("example.com", "example.com", true, true),
            ("Example.COM.", "example.com", true, true),
            ("example.com", "api.example.com", false, true),
            ("example.com", "badexample.com", false, false),
            (".example.com", "example.com", true, true),
            (".example.com", "a.b.example.com", true, true),
            ("*.example.com", "a.b.example.com", true, true),
            ("*.example.com", "example.com", false, false),
            ("api-*.example.com", "api-1.example.com", true, true),
            ("api-*.example.com", "api-1.evil.example.com", false, false),
            ("*.api-?.example.com", "x.y.api-1.example.com", true, true),
            ("api.*", "api.evil.com", false, false),
            ("bücher.example", "xn--bcher-kva.example", true, true),
            ("10.0.0.1", "10.0.0.1", true, true),
            ("[::1]", "::1", true, true),
            ("*", "anything", true, true),
            ("*", "10.0.0.1", true, true),
        ] {
            assert_eq!(matches(entry, Reach::Exact, host), exact, "{entry} {host}");
            assert_eq!(matches(entry, Reach::Below, host), below, "{entry} {host}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for entry in [
            "https://example.com",
            "example.com/x",
            "a b",
            "",
            ".",
            "*.",
            "10.0.0.0/8",
            "bü*.example",
        ] {
            let mut problems = Vec::new();
            let _domains = Domains::compile("/d", &[entry.to_owned()], Reach::Exact, &mut problems);
            assert_eq!(problems[0].path, "/d/0", "{entry}");
        }
    }
}
