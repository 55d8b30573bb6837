//! A host as the network knows it, whatever its spelling.

use std::net::IpAddr;

use crate::detect::normalise::fold_look_alikes;

/// What a URL points to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    /// A name in lower case, in ASCII (Punycode), without a dot at its end.
    Name(String),
    Address(IpAddr),
    /// What no reader should accept.
    Unreadable,
}

/// A host, and how it pretends to be another.
pub(super) struct Parsed {
    pub(super) host: Host,
    pub(super) disguise: Option<&'static str>,
}

/// Reads a host: decimal, octal, hexadecimal and shortened addresses are the address they mean.
pub(super) fn parse(text: &str) -> Parsed {
    let parsed = |host, disguise| Parsed { host, disguise };
    if text.is_ascii() && is_plain_name(text) {
        let name = text.trim_end_matches('.').to_ascii_lowercase();
        let disguise = is_look_alike(&name).then_some("look-alike letters");
        return parsed(Host::Name(name), disguise);
    }
    match url::Host::parse(text.trim_end_matches('.')) {
        Ok(url::Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_owned();
            let disguise = is_look_alike(&name).then_some("look-alike letters");
            parsed(Host::Name(name), disguise)
        }
        Ok(url::Host::Ipv4(address)) => {
            let plain = address.to_string() == text.trim_end_matches('.');
            let disguise = (!plain).then_some("disguised address");
            parsed(Host::Address(address.into()), disguise)
        }
        Ok(url::Host::Ipv6(address)) => {
            let mapped = address.to_ipv4_mapped().is_some();
            let disguise = mapped.then_some("disguised address");
            parsed(Host::Address(address.into()), disguise)
        }
        Err(_) => parsed(Host::Unreadable, None),
    }
}

/// Letters, digits and `-`, with a last label that begins with a letter: nothing to be decoded.
fn is_plain_name(text: &str) -> bool {
    let name = text.trim_end_matches('.');
    let last = name.rsplit('.').next().unwrap_or_default();
    last.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.len() <= 253
        && name.split('.').all(|label| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        })
}

/// Whether a label in Greek, Cyrillic or Armenian letters reads as Latin under a Latin domain.
fn is_look_alike(name: &str) -> bool {
    if !name.contains("xn--") {
        return false;
    }
    let (shown, _) = idna::domain_to_unicode(name);
    let latin_domain = shown.rsplit('.').next().is_some_and(str::is_ascii);
    let foreign = |c: char| ('\u{0370}'..='\u{058F}').contains(&c);
    let mut labels = shown.split('.');
    latin_domain
        && labels.any(|label| label.contains(foreign) && fold_look_alikes(label).is_ascii())
}

impl Host {
    /// Whether it is on this machine or in a network that is not public.
    pub(crate) fn is_private(&self) -> bool {
        match self {
            Host::Name(name) => is_private_name(name),
            Host::Address(address) => {
                writ_address::classify(*address).reach != writ_address::Reach::Public
            }
            Host::Unreadable => false,
        }
    }
}

/// Domains that exist only inside a network (RFC 6761, 6762, 8375, and what vendors use), and public
/// ones that are known to lead to private addresses.
const PRIVATE: &[&str] = &[
    "localhost",
    "localdomain",
    "internal",
    "local",
    "lan",
    "intranet",
    "corp",
    "home",
    "home.arpa",
    "private",
    "svc",
    "nip.io",
    "sslip.io",
    "xip.io",
    "localtest.me",
    "lvh.me",
    "vcap.me",
];

fn is_private_name(name: &str) -> bool {
    let below = |domain: &&str| {
        name.strip_suffix(*domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    // A name without a dot is looked up in the network it is used in.
    !name.contains('.') || PRIVATE.iter().any(below)
}
