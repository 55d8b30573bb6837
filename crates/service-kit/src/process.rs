//! The life of a service process: arguments, configuration, telemetry, build, supervise.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::config::{self, Cli, Secret, Validate};
use crate::deps::{Built, Deps, RunError};
use crate::serve::{App, Options, bind};
use crate::tasks::Tasks;
use crate::telemetry::{self, Metrics, TelemetryConfig};

/// How long loops may take to end after the process was told to stop.
const DRAIN: Duration = Duration::from_secs(15);

/// The part of a service's configuration that concerns the process; the field is called `host`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostConfig {
    /// Where REST and gRPC are served; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Logs.
    pub telemetry: TelemetryConfig,
    /// The broker.
    pub nats: NatsConfig,
}

/// How to reach the broker.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NatsConfig {
    /// One or more URLs, separated by commas.
    pub url: String,
    /// User name; empty for none.
    pub user: String,
    /// Password of that user.
    pub password: Secret,
    /// First token of every subject.
    pub prefix: String,
}

impl Default for HostConfig {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            listen,
            telemetry: TelemetryConfig::default(),
            nats: NatsConfig::default(),
        }
    }
}

impl Default for NatsConfig {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".to_owned(),
            user: String::new(),
            password: Secret::default(),
            prefix: "writ".to_owned(),
        }
    }
}

impl Validate for HostConfig {
    fn validate(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.nats.url.trim().is_empty() {
            problems.push("host.nats.url: must not be empty".to_owned());
        }
        let token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if self.nats.prefix.is_empty() || !self.nats.prefix.chars().all(token) {
            problems.push("host.nats.prefix: must be one subject token".to_owned());
        }
        problems
    }
}

/// A service's configuration, seen by the process that hosts it.
pub trait ServiceConfig: Serialize + DeserializeOwned + Default + Validate + Send {
    /// The process's part.
    fn host(&self) -> &HostConfig;
}

/// Connects to the broker in the background: a broker that is away makes a service unready, it
/// does not keep it from starting. `service` names the connection and its inbox.
///
/// # Errors
/// When the URL does not parse.
pub async fn connect(
    config: &NatsConfig,
    service: &str,
) -> Result<async_nats::Client, async_nats::ConnectError> {
    let mut options = async_nats::ConnectOptions::new()
        .name(service)
        .custom_inbox_prefix(format!("_INBOX_{}", service.replace('-', "_")))
        .retry_on_initial_connect()
        .max_reconnects(None);
    if !config.user.is_empty() {
        let password = config.password.expose().to_owned();
        options = options.user_and_password(config.user.clone(), password);
    }
    let urls: Vec<&str> = config.url.split(',').map(str::trim).collect();
    options.connect(urls).await
}

/// Runs one service from its command line until it is told to stop. `build` wires and starts
/// nothing.
///
/// # Errors
/// When the configuration is refused, the address is taken, or the service cannot go on.
pub async fn run<C, B, F>(service: &'static str, build: B) -> anyhow::Result<()>
where
    C: ServiceConfig,
    B: FnOnce(C, Deps) -> F,
    F: Future<Output = Result<Built, RunError>>,
{
    let cli = Cli::parse();
    let config: C = config::load(service, &cli)?;
    if cli.print_config {
        use std::io::Write;
        std::io::stdout().write_all(config::print(&config)?.as_bytes())?;
        return Ok(());
    }
    let host = config.host().clone();
    telemetry::init(&host.telemetry)?;
    let bound = bind(host.listen).await?;
    tracing::info!(service, addr = %bound.addr, "listening");
    let tasks = Tasks::new(CancellationToken::new());
    let metrics = Metrics::install()?;
    let deps = Deps {
        nats: connect(&host.nats, service).await?,
        prefix: host.nats.prefix.clone(),
        cancel: tasks.cancel().clone(),
        metrics: metrics.clone(),
        clock: Arc::new(SystemClock),
    };
    watch_signals(&tasks)?;
    let built = build(config, deps)
        .await
        .map_err(anyhow::Error::from_boxed)?;
    let router = App::new(metrics, Options::default())
        .with(&built)
        .finish(&tasks);
    let cancel = tasks.cancel().clone();
    let serving = bound.serve(router, &tasks);
    let running = async {
        let ended = built.run.await;
        cancel.cancel();
        ended
    };
    let ((), ended) = tokio::join!(serving, running);
    if !tasks.drain(DRAIN).await {
        tracing::warn!(service, "some tasks did not stop in time");
    }
    ended.map_err(anyhow::Error::from_boxed)
}

/// Cancels the tasks on SIGTERM or SIGINT.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn watch_signals(tasks: &Tasks) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let cancel = tasks.cancel().clone();
    tasks.spawn("signals", async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("told to stop"),
            _ = interrupt.recv() => tracing::info!("interrupted"),
            () = cancel.cancelled() => {}
        }
        cancel.cancel();
    });
    Ok(())
}
