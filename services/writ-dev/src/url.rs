//! Credentials in URLs: people write them there, clients want them as fields.

/// A URL without its credentials, and they.
#[derive(Clone, PartialEq, Eq)]
pub struct Parts {
    /// Scheme, host, port and what follows.
    pub url: String,
    /// Empty when there is none.
    pub user: String,
    /// Empty when there is none.
    pub password: String,
}

/// Takes the credentials out of a URL.
#[must_use]
pub fn split(url: &str) -> Parts {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (who, host) = rest.rsplit_once('@').unwrap_or(("", rest));
    let (user, password) = who.split_once(':').unwrap_or((who, ""));
    let url = if scheme.is_empty() {
        host.to_owned()
    } else {
        format!("{scheme}://{host}")
    };
    Parts {
        url,
        user: user.to_owned(),
        password: password.to_owned(),
    }
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_the_url_and_are_not_shown() {
        let parts = split("http://me:s3@db:8123/x");
        assert_eq!((parts.user.as_str(), parts.password.as_str()), ("me", "s3"));
        assert_eq!(format!("{parts:?}"), "http://db:8123/x");
        assert_eq!(split("nats://h:1").url, "nats://h:1");
        assert_eq!(split("nats://h:1").user, "");
    }
}
