//! Which URLs may be called.

use std::collections::BTreeSet;
use std::net::IpAddr;

use reqwest::Url;
use writ_address::{Class, Reach, classify};

const MAX_URL: usize = 2_048;

/// What one client may reach. [`Rules::public`] is what tenants get.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Accept `http` beside `https`: development only.
    pub allow_http: bool,
    /// Reach loopback and private networks: development, or hosts the operator listed.
    pub allow_internal: bool,
    /// Reach nothing public, so that what is sent stays inside.
    pub deny_public: bool,
    /// When set, only these host names (lower case, no trailing dot).
    pub only_hosts: Option<BTreeSet<String>>,
}

impl Rules {
    /// Any public https URL.
    #[must_use]
    pub fn public() -> Self {
        Self::default()
    }

    /// Only hosts the operator listed, wherever they are.
    #[must_use]
    pub fn listed(hosts: impl IntoIterator<Item = String>) -> Self {
        let hosts = hosts.into_iter().map(|host| plain(&host)).collect();
        Self {
            allow_internal: true,
            only_hosts: Some(hosts),
            ..Self::default()
        }
    }

    /// Only hosts the operator listed, and only inside: what is sent there does not leave the
    /// deployment, whatever a name resolves to. `http` is accepted, as between services.
    #[must_use]
    pub fn inside(hosts: impl IntoIterator<Item = String>) -> Self {
        Self {
            allow_http: true,
            deny_public: true,
            ..Self::listed(hosts)
        }
    }

    /// Reads a URL and refuses what must not be called; names are judged when they are resolved.
    ///
    /// The URL parser is the one the connection uses, so decimal, octal, hexadecimal and shortened
    /// addresses are judged as the address they mean.
    ///
    /// # Errors
    /// [`UrlRefusal`], fit to be shown to whoever gave the URL.
    pub fn check(&self, text: &str) -> Result<Url, UrlRefusal> {
        if text.len() > MAX_URL {
            return Err(UrlRefusal::Invalid);
        }
        let url = Url::parse(text).map_err(|_| UrlRefusal::Invalid)?;
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            _ => return Err(UrlRefusal::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlRefusal::Credentials);
        }
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or(UrlRefusal::Invalid)?;
        let listed = self
            .only_hosts
            .as_ref()
            .is_none_or(|hosts| hosts.contains(&plain(host)));
        if !listed {
            return Err(UrlRefusal::Unlisted);
        }
        match literal(host) {
            Some(address) => self.admit(address).map_err(|_| UrlRefusal::Address)?,
            None if plain(host).is_empty() => return Err(UrlRefusal::Invalid),
            None => {}
        }
        Ok(url)
    }

    /// Whether an address may be reached under these rules.
    ///
    /// # Errors
    /// The class that forbids it.
    pub fn admit(&self, address: IpAddr) -> Result<(), Class> {
        let class = classify(address);
        match class.reach {
            Reach::Public if !self.deny_public => Ok(()),
            Reach::Internal if self.allow_internal => Ok(()),
            Reach::Public | Reach::Internal | Reach::Never => Err(class),
        }
    }
}

/// The address a host spells out, with or without brackets and trailing dot.
fn literal(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    bare.strip_suffix('.').unwrap_or(bare).parse().ok()
}

fn plain(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// Why a URL is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefusal {
    /// No URL, no host, or over 2,048 bytes.
    #[error("this is not a valid URL")]
    Invalid,
    /// Neither https, nor http where that is allowed.
    #[error("the URL must begin with https://")]
    Scheme,
    /// `user@host`.
    #[error("the URL must not carry a user name or password")]
    Credentials,
    /// The host is an address that is not public.
    #[error("the URL points to an address that may not be called")]
    Address,
    /// The host is not on the operator's list.
    #[error("the host is not on the operator's list")]
    Unlisted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_https_url_is_accepted() {
        let rules = Rules::public();
        for text in [
            "https://hooks.example.com/in?x=1",
            "https://1.1.1.1:8443/",
            "https://[2606:4700::1]/",
        ] {
            assert!(rules.check(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn each_refusal_is_named() {
        let rules = Rules::public();
        let refused = |text: &str| rules.check(text).unwrap_err();
        assert_eq!(refused("nonsense"), UrlRefusal::Invalid);
        assert_eq!(refused("https://"), UrlRefusal::Invalid);
        assert_eq!(refused("https://./"), UrlRefusal::Invalid);
        assert_eq!(
            refused(&format!("https://a.example/{}", "x".repeat(2_048))),
            UrlRefusal::Invalid
        );
        assert_eq!(refused("http://a.example/"), UrlRefusal::Scheme);
        assert_eq!(refused("file:///etc/passwd"), UrlRefusal::Scheme);
        assert_eq!(refused("https://user@a.example/"), UrlRefusal::Credentials);
        assert_eq!(refused("https://127.0.0.1/"), UrlRefusal::Address);
        assert_eq!(refused("https://0x7f.1/"), UrlRefusal::Address);
        assert_eq!(refused("https://[::ffff:10.0.0.1]/"), UrlRefusal::Address);
    }

    #[test]
    fn listed_rules_reach_only_listed_hosts() {
        let rules = Rules::listed(["Model.internal".to_owned(), "10.0.0.7".to_owned()]);
        assert!(rules.check("https://model.internal/judge").is_ok());
        assert!(rules.check("https://model.internal./judge").is_ok());
        assert!(rules.check("https://10.0.0.7/judge").is_ok());
        assert_eq!(rules.check("https://1.1.1.1/"), Err(UrlRefusal::Unlisted));
        assert_eq!(
            rules.check("https://evil.example/"),
            Err(UrlRefusal::Unlisted)
        );
    }

    #[test]
    fn inside_rules_reach_listed_hosts_and_nothing_public() {
        let hosts = ["model", "10.0.0.7", "1.1.1.1"].map(str::to_owned);
        let rules = Rules::inside(hosts);
        assert!(rules.check("http://model:11434/v1").is_ok());
        assert!(rules.check("http://10.0.0.7/v1").is_ok());
        assert_eq!(rules.check("http://10.0.0.8/"), Err(UrlRefusal::Unlisted));
        assert_eq!(rules.check("http://1.1.1.1/"), Err(UrlRefusal::Address));
        assert!(rules.admit([93, 184, 216, 34].into()).is_err());
        assert!(rules.admit([169, 254, 169, 254].into()).is_err());
    }

    #[test]
    fn the_metadata_service_is_never_reached() {
        let rules = Rules {
            allow_http: true,
            allow_internal: true,
            ..Rules::default()
        };
        assert!(rules.check("http://127.0.0.1:9/").is_ok());
        assert_eq!(
            rules.check("http://169.254.169.254/latest"),
            Err(UrlRefusal::Address)
        );
    }
}
