//! Asks Writ before an agent acts.
//!
//! ```no_run
//! use writ_client::{Act, Client, Decision, Options};
//!
//! # async fn run() -> Result<(), writ_client::Error> {
//! let writ = Client::new(Options::new("http://127.0.0.1:8420", "ag_…"))?;
//! match writ.enforce(Act::new("support-bot", "refund order 7").tool("refunds.create")).await {
//!     Decision::Allowed(_) => println!("refunding"),
//!     Decision::Held(held) => println!("waits for a human: {}", held.approval_id),
//!     Decision::Denied(denied) => println!("not done: {denied}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`Client::enforce`] always answers with a decision. Where there is none, because nothing answered
//! in time or it could not be recorded, [`OnFailure`] decides, and denies unless told otherwise. What
//! Writ refused, a key that is not known, and an agent that a [`Pauses`] saw paused are denied in
//! either case.

mod act;
mod approval;
mod decision;
mod error;
mod pauses;

/// The messages of `proto/writ/v1`, as generated.
#[allow(
    missing_docs,
    missing_debug_implementations,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated from proto/writ/v1"
)]
pub mod proto {
    tonic::include_proto!("writ.v1");
}

use std::fmt;
use std::time::Duration;

use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};

pub use act::Act;
pub use decision::{Allowed, Decision, Denied, Held, Violation};
pub use error::Error;
pub use pauses::Pauses;
pub use proto::{RefusedTrace, Trace};

use proto::IngestTracesRequest;
use proto::enforcement_service_client::EnforcementServiceClient;
use proto::trace_service_client::TraceServiceClient;

/// What becomes of an act when there is no decision about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// It is not done.
    #[default]
    Deny,
    /// It is done, ungoverned; never when Writ refused it or its agent is known to be paused.
    Allow,
}

/// Where Writ is, who asks, and how patiently.
#[derive(Clone)]
pub struct Options {
    endpoint: String,
    key: String,
    timeout: Duration,
    on_failure: OnFailure,
}

impl Options {
    /// A server (`http://host:port`, or `https://` with the feature `tls`) and a key; five seconds
    /// for a call, and no act without a decision.
    pub fn new(endpoint: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            key: key.into(),
            timeout: Duration::from_secs(5),
            on_failure: OnFailure::Deny,
        }
    }

    /// Longest time for one call.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What becomes of an act when there is no decision.
    #[must_use]
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = on_failure;
        self
    }
}

/// The key is a secret.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("endpoint", &self.endpoint)
            .field("timeout", &self.timeout)
            .field("on_failure", &self.on_failure)
            .finish_non_exhaustive()
    }
}

/// A connection that is made when it is needed, and made again when it is lost. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    channel: Channel,
    key: MetadataValue<Ascii>,
    timeout: Duration,
    on_failure: OnFailure,
    pauses: Option<Pauses>,
}

impl Client {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Endpoint`] and [`Error::Key`] when one of them cannot be what it should.
    pub fn new(options: Options) -> Result<Self, Error> {
        let endpoint = Endpoint::from_shared(options.endpoint).map_err(Error::Endpoint)?;
        let endpoint = endpoint
            .connect_timeout(options.timeout)
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_while_idle(true);
        #[cfg(feature = "tls")]
        let endpoint = endpoint
            .tls_config(tonic::transport::ClientTlsConfig::new().with_native_roots())
            .map_err(Error::Endpoint)?;
        let mut key: MetadataValue<Ascii> = options.key.parse().map_err(|_| Error::Key)?;
        key.set_sensitive(true);
        Ok(Self {
            channel: endpoint.connect_lazy(),
            key,
            timeout: options.timeout,
            on_failure: options.on_failure,
            pauses: None,
        })
    }

    /// Follows the pauses of an environment from now on, in a task of its own; all of them where it
    /// is empty. An agent that is known to be paused is denied also while Writ is away.
    ///
    /// Must be called inside a Tokio runtime.
    #[must_use]
    pub fn watching_pauses(mut self, environment: &str) -> Self {
        self.pauses = Some(Pauses::follow(
            self.channel.clone(),
            self.key.clone(),
            environment,
        ));
        self
    }

    /// The pauses it follows.
    #[must_use]
    pub fn pauses(&self) -> Option<&Pauses> {
        self.pauses.as_ref()
    }

    /// Whether an act may be done.
    pub async fn enforce(&self, act: Act) -> Decision {
        let request = act.into_request();
        let paused = self.paused(&request);
        let mut client = EnforcementServiceClient::new(self.channel.clone());
        let mut call = self.call(request);
        call.set_timeout(self.timeout);
        match client.enforce(call).await {
            Ok(answer) => Decision::from_answer(answer.into_inner()),
            Err(status) => Decision::without(&status, paused, self.on_failure),
        }
    }

    /// Sends traces; returned = everything that is not in the list is stored.
    ///
    /// # Errors
    /// [`Error::Call`] when nothing is known to be stored: send them again, they are stored once.
    pub async fn send(&self, traces: Vec<Trace>) -> Result<Vec<RefusedTrace>, Error> {
        let mut client = TraceServiceClient::new(self.channel.clone());
        let mut call = self.call(IngestTracesRequest { traces });
        call.set_timeout(self.timeout);
        let answer = client.ingest_traces(call).await;
        Ok(answer.map_err(Error::from)?.into_inner().refused)
    }

    fn call<T>(&self, message: T) -> Request<T> {
        with_key(&self.key, message)
    }

    fn paused(&self, request: &proto::EnforceRequest) -> Option<String> {
        let pauses = self.pauses.as_ref()?;
        pauses.covering(&request.agent_id, &request.environment, &request.tools)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("timeout", &self.timeout)
            .field("on_failure", &self.on_failure)
            .finish_non_exhaustive()
    }
}

fn with_key<T>(key: &MetadataValue<Ascii>, message: T) -> Request<T> {
    let mut call = Request::new(message);
    call.metadata_mut().insert("x-api-key", key.clone());
    call
}
