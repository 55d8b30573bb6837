//! Whom policies may ask.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use writ_egress::Rules;
use writ_service_kit::config::{HumanDuration, Secret};

/// Which validators may be asked; control has the same settings for registering them.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValidatorsConfig {
    /// Accept `http` URLs: development only.
    pub allow_http: bool,
    /// Call loopback and private networks: development only.
    pub allow_internal: bool,
}

impl ValidatorsConfig {
    /// Which URLs may be called.
    #[must_use]
    pub fn rules(self) -> Rules {
        Rules {
            allow_http: self.allow_http,
            allow_internal: self.allow_internal,
            ..Rules::public()
        }
    }
}

/// The language models inside the deployment that semantic policies may ask.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SemanticConfig {
    /// Name of the endpoint for policies that name none; may stay empty where there is only one.
    pub default: String,
    /// How long a model has to answer.
    pub timeout: HumanDuration,
    /// Verdicts kept for each organisation; 0 keeps none.
    pub cache: usize,
    /// By the name policies use.
    pub endpoints: BTreeMap<String, Endpoint>,
}

/// One OpenAI-compatible server.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Endpoint {
    /// Up to and with `/v1`; `/chat/completions` is added where it is missing.
    pub url: String,
    /// The model's name at that server.
    pub model: String,
    /// Sent as a bearer token when it is set.
    pub api_key: Secret,
}

impl Default for SemanticConfig {
    fn default() -> Self {
        Self {
            default: String::new(),
            timeout: HumanDuration::from_millis(1_500),
            cache: 256,
            endpoints: BTreeMap::new(),
        }
    }
}

impl Endpoint {
    /// Where questions are posted.
    #[must_use]
    pub fn completions(&self) -> String {
        let url = self.url.trim_end_matches('/');
        let missing = !url.ends_with("/chat/completions");
        format!("{url}{}", if missing { "/chat/completions" } else { "" })
    }
}

impl SemanticConfig {
    /// Only the hosts of the endpoints, and only inside.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let urls = self.endpoints.values().map(Endpoint::completions);
        Rules::inside(urls.filter_map(|url| host(&url)))
    }

    /// What is wrong, each beginning with the path of the field.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let rules = self.rules();
        let mut problems = Vec::new();
        for (name, endpoint) in &self.endpoints {
            if let Err(refusal) = rules.check(&endpoint.completions()) {
                problems.push(format!("semantic.endpoints.{name}.url: {refusal}"));
            }
            if endpoint.model.is_empty() {
                problems.push(format!("semantic.endpoints.{name}.model: is required"));
            }
        }
        if !self.default.is_empty() && !self.endpoints.contains_key(&self.default) {
            problems.push("semantic.default: names none of the endpoints".to_owned());
        }
        if self.timeout.get().is_zero() {
            problems.push("semantic.timeout: must be longer than zero".to_owned());
        }
        problems
    }
}

/// The host of a URL as the parser of the connection reads it.
fn host(url: &str) -> Option<String> {
    let anywhere = Rules {
        allow_http: true,
        allow_internal: true,
        ..Rules::public()
    };
    let url = anywhere.check(url).ok()?;
    url.host_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> SemanticConfig {
        let endpoint = Endpoint {
            url: url.to_owned(),
            model: "small".to_owned(),
            api_key: Secret::new("k-123"),
        };
        SemanticConfig {
            endpoints: [("small".to_owned(), endpoint)].into(),
            ..SemanticConfig::default()
        }
    }

    #[test]
    fn an_endpoint_inside_is_accepted_and_one_outside_is_not() {
        for (url, accepted) in [
            ("http://ollama:11434/v1", true),
            ("http://127.0.0.1:8080/v1/", true),
            ("https://10.1.2.3/v1/chat/completions", true),
            ("https://1.1.1.1/v1", false),
            ("http://169.254.169.254/v1", false),
            ("ftp://model/v1", false),
            ("", false),
        ] {
            let problems = config(url).problems();
            assert_eq!(problems.is_empty(), accepted, "{url}: {problems:?}");
        }
        let first = config("http://a/v1/").endpoints.remove("small").unwrap();
        assert_eq!(first.completions(), "http://a/v1/chat/completions");
    }

    #[test]
    fn a_default_that_does_not_exist_is_named() {
        let mut config = config("http://a/v1");
        config.default = "large".to_owned();
        assert!(config.problems().join("\n").contains("semantic.default"));
    }

    #[test]
    fn keys_are_shown_neither_in_logs_nor_in_the_printed_configuration() {
        let config = config("http://a/v1");
        let printed = toml::to_string(&config).unwrap();
        assert!(!printed.contains("k-123") && !format!("{config:?}").contains("k-123"));
    }
}
