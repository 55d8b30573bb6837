//! The client.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use reqwest::{RequestBuilder, Response, redirect};
use rustls::crypto::CryptoProvider;
use tokio::time::Instant;

use crate::names::{GuardedNames, NameRefusal, Names, SystemNames};
use crate::rules::{Rules, UrlRefusal};

/// Bounds of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Until name, connection and TLS stand.
    pub connect: Duration,
    /// Until the answer is read.
    pub total: Duration,
    /// Bytes of an answer that are read.
    pub response_bytes: usize,
    /// Connections to one host that are kept for the next call.
    pub idle: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            total: Duration::from_secs(10),
            response_bytes: 64 * 1024,
            idle: 2,
        }
    }
}

/// Calls URLs that tenants gave. Cheap to clone; connections are shared.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    rules: Arc<Rules>,
    limits: Limits,
}

impl Client {
    /// A client under the given rules, resolving names with the operating system.
    ///
    /// # Errors
    /// [`BuildError`] when the process installed no TLS provider or has no trust roots.
    pub fn new(rules: Rules, limits: Limits) -> Result<Self, BuildError> {
        Self::with_names(rules, limits, Arc::new(SystemNames))
    }

    /// A client that looks names up elsewhere; every answer is classified all the same.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_names(
        rules: Rules,
        limits: Limits,
        names: Arc<dyn Names>,
    ) -> Result<Self, BuildError> {
        if CryptoProvider::get_default().is_none() {
            return Err(BuildError::NoTlsProvider);
        }
        let rules = Arc::new(rules);
        let http = reqwest::Client::builder()
            .user_agent(concat!("writ/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(limits.connect)
            .timeout(limits.total)
            .pool_max_idle_per_host(limits.idle)
            .dns_resolver(Arc::new(GuardedNames {
                names,
                rules: rules.clone(),
            }))
            .build()
            .map_err(BuildError::Client)?;
        Ok(Self {
            http,
            rules,
            limits,
        })
    }

    /// The rules a URL is checked against; use them to refuse one when it is registered.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Posts a body once and reads at most the permitted part of the answer.
    ///
    /// A redirect is an answer, not an invitation.
    ///
    /// # Errors
    /// [`EgressError`]; with [`EgressError::Refused`] and [`EgressError::ForbiddenAddress`] nothing
    /// was sent.
    pub async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<Answer, EgressError> {
        let url = self.rules.check(url)?;
        let request = self.http.post(url).headers(headers).body(body.into());
        self.answer(request).await
    }

    /// Gets a document, and reads at most the permitted part of it.
    ///
    /// # Errors
    /// As [`Client::post`].
    pub async fn get(&self, url: &str) -> Result<Answer, EgressError> {
        self.answer(self.http.get(self.rules.check(url)?)).await
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Answer, EgressError> {
        let started = Instant::now();
        let response = request
            .send()
            .await
            .map_err(|error| EgressError::of(&error))?;
        let status = response.status().as_u16();
        let body = read(response, self.limits.response_bytes).await?;
        Ok(Answer {
            status,
            elapsed: started.elapsed(),
            body,
        })
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

/// Reads up to `limit` bytes; `None` when there were more.
async fn read(mut response: Response, limit: usize) -> Result<Option<Bytes>, EgressError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| EgressError::of(&error))?
    {
        if body.len().saturating_add(chunk.len()) > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.freeze()))
}

/// What came back.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// From the call to the last byte read.
    pub elapsed: Duration,
    body: Option<Bytes>,
}

impl Answer {
    /// Whether the status is 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The body, absent when over the limit. For decisions only: showing it to a tenant would turn
    /// the client into a reader of other hosts.
    #[must_use]
    pub fn body(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("elapsed", &self.elapsed)
            .finish_non_exhaustive()
    }
}

/// Why a call gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The URL may not be called.
    #[error(transparent)]
    Refused(#[from] UrlRefusal),
    /// The name resolves to an address that may not be called.
    #[error("the name resolves to an address that may not be called")]
    ForbiddenAddress,
    /// The name does not resolve.
    #[error("the name does not resolve")]
    Unresolved,
    /// No connection, or TLS failed.
    #[error("no connection could be made")]
    Connect,
    /// Too slow.
    #[error("no answer in time")]
    Timeout,
    /// The exchange broke off.
    #[error("the exchange broke off")]
    Broken,
}

impl EgressError {
    fn of(error: &reqwest::Error) -> Self {
        match NameRefusal::within(error) {
            Some(NameRefusal::Forbidden(_)) => Self::ForbiddenAddress,
            Some(NameRefusal::Unresolved) => Self::Unresolved,
            None if error.is_timeout() => Self::Timeout,
            None if error.is_connect() => Self::Connect,
            None => Self::Broken,
        }
    }

    /// The stable word for metrics and delivery records.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::ForbiddenAddress => "forbidden_address",
            Self::Unresolved => "unresolved",
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
        }
    }
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// `main` must install a rustls provider first.
    #[error("no TLS provider was installed")]
    NoTlsProvider,
    /// TLS roots or settings were not accepted.
    #[error("the HTTP client cannot be built")]
    Client(#[source] reqwest::Error),
}
