//! The configured models and their verdicts.

use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;
use writ_contract::OrgId;
use writ_egress::Client;

use super::cache::{Cache, key};
use super::config::{Endpoint, SemanticConfig};
use super::model::{Verdict, question, read};
use super::{Unusable, timeout_at};

/// Every model that may be asked.
#[derive(Debug)]
pub(super) struct Models {
    config: SemanticConfig,
    client: Client,
    cache: Cache,
    timeout: Duration,
}

impl Models {
    pub(super) fn new(config: &SemanticConfig, client: Client) -> Self {
        Self {
            client,
            cache: Cache::new(config.cache),
            timeout: config.timeout.get(),
            config: config.clone(),
        }
    }

    /// What the model of this name says of the texts; an empty name is the default one.
    pub(super) async fn judge(
        &self,
        org: OrgId,
        name: &str,
        instruction: &str,
        texts: &[String],
        until: Instant,
    ) -> Result<Verdict, Unusable> {
        let (name, endpoint) = self
            .endpoint(name)
            .ok_or_else(|| Unusable("no such model is configured".to_owned()))?;
        let key = key(name, &endpoint.model, instruction, texts);
        if let Some(verdict) = self.cache.get(org, &key) {
            return Ok(verdict);
        }
        let until = until.min(Instant::now() + self.timeout);
        let verdict = timeout_at(until, self.ask(endpoint, instruction, texts)).await;
        match &verdict {
            Ok(verdict) => self.cache.put(org, key, verdict.clone()),
            Err(Unusable(reason)) => {
                tracing::info!(%org, model = name, reason, "a model gave no usable answer");
            }
        }
        verdict
    }

    fn endpoint(&self, name: &str) -> Option<(&str, &Endpoint)> {
        let name = if name.is_empty() {
            &self.config.default
        } else {
            name
        };
        let mut all = self.config.endpoints.iter();
        let found = match (name, all.len()) {
            ("", 1) => all.next(),
            (name, _) => all.find(|(known, _)| *known == name),
        };
        found.map(|(name, endpoint)| (name.as_str(), endpoint))
    }

    async fn ask(
        &self,
        endpoint: &Endpoint,
        instruction: &str,
        texts: &[String],
    ) -> Result<Verdict, Unusable> {
        let body = question(&endpoint.model, instruction, texts, &boundary()?);
        let answer = self
            .client
            .post(
                &endpoint.completions(),
                headers(endpoint)?,
                body.to_string(),
            )
            .await
            .map_err(|error| Unusable(error.to_string()))?;
        if !answer.is_success() {
            return Err(Unusable(format!("it answered {}", answer.status)));
        }
        read(answer.body())
    }
}

fn headers(endpoint: &Endpoint) -> Result<HeaderMap, Unusable> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if !endpoint.api_key.is_empty() {
        let bearer = format!("Bearer {}", endpoint.api_key.expose());
        let mut value = HeaderValue::from_str(&bearer)
            .map_err(|_| Unusable("its API key cannot stand in a header".to_owned()))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

fn boundary() -> Result<String, Unusable> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Unusable(error.to_string()))?;
    Ok(hex::encode(bytes))
}
