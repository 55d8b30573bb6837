//! Where the store is.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// A connection URL; its password is shown to nobody.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct StoreUrl(String);

impl StoreUrl {
    /// Wraps `postgres://role:password@host:port/database`.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The URL with its password; do not log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// True when nothing was configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn redacted(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return String::new();
        };
        match rest.rsplit_once('@') {
            Some((who, place)) => {
                let role = who.split(':').next().unwrap_or_default();
                format!("{scheme}://{role}:[redacted]@{place}")
            }
            None => self.0.clone(),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl Serialize for StoreUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.redacted())
    }
}

/// How a service reaches its schema.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PgConfig {
    /// As the role `<service>_api`.
    pub api_url: StoreUrl,
    /// As the role `<service>_writer`.
    pub writer_url: StoreUrl,
    /// As the owner of the schema; when set, migrations run at start. Empty in production, where a
    /// job runs them.
    pub owner_url: StoreUrl,
    /// Connections of the api pool; the writer's pool has half as many.
    pub connections: u32,
    /// Milliseconds to wait for a connection before the store counts as away.
    pub acquire_ms: u64,
}

impl Default for PgConfig {
    fn default() -> Self {
        Self {
            api_url: StoreUrl::default(),
            writer_url: StoreUrl::default(),
            owner_url: StoreUrl::default(),
            connections: 16,
            acquire_ms: 2_000,
        }
    }
}

impl PgConfig {
    /// What is wrong with it, each line beginning with `path`.
    #[must_use]
    pub fn problems(&self, path: &str) -> Vec<String> {
        let mut problems = Vec::new();
        let urls = [("api_url", &self.api_url), ("writer_url", &self.writer_url)];
        for (name, _) in urls.into_iter().filter(|(_, url)| url.is_empty()) {
            problems.push(format!("{path}.{name}: must be set"));
        }
        if self.connections < 2 {
            problems.push(format!("{path}.connections: must be at least 2"));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let url = StoreUrl::new("postgres://control_api:p@ss@db:5432/writ");
        assert_eq!(
            format!("{url:?}"),
            "postgres://control_api:[redacted]@db:5432/writ"
        );
        assert_eq!(format!("{:?}", StoreUrl::default()), "");
    }
}
