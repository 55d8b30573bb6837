//! The stack's own API, as anybody calls it.

use anyhow::Context;
use reqwest::{Client, Method, Response};
use serde_json::Value;

use crate::layout::Ports;
use crate::orgs::Org;

/// One caller.
pub(crate) struct Api {
    base: String,
    key: String,
    client: Client,
}

impl Api {
    /// The owner of an organisation of this stack.
    pub(crate) fn of(ports: Ports, org: &Org) -> Self {
        Self {
            base: format!("http://127.0.0.1:{}/api/v1", ports.door()),
            key: org.owner.key.clone(),
            client: Client::new(),
        }
    }

    /// The same stack, called with another key.
    pub(crate) fn with_key(self, key: &str) -> Self {
        Self {
            key: key.to_owned(),
            ..self
        }
    }

    /// Sends a body.
    ///
    /// # Errors
    /// An answer that is no success, or none.
    pub(crate) async fn post(&self, path: &str, body: Value) -> anyhow::Result<Response> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Any request.
    ///
    /// # Errors
    /// An answer that is no success, or none.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Response> {
        let mut request = self
            .client
            .request(method.clone(), format!("{}{path}", self.base));
        request = request.bearer_auth(&self.key);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let response = request.send().await.with_context(|| path.to_owned())?;
        let status = response.status();
        if !status.is_success() {
            anyhow::bail!("{method} {path}: {status}: {}", response.text().await?);
        }
        Ok(response)
    }
}
