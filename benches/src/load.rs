//! Load from this process: a closed loop that finds how much a target takes, and an open loop whose
//! latencies count from the intended start, so that a slow answer cannot hide the ones behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures::future::BoxFuture;
use hdrhistogram::Histogram;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use writ_enforcement::api::grpc::v1::enforcement_service_client::EnforcementServiceClient;

use crate::documents;

/// One h2 connection tops out well below what the server takes.
const CONNECTIONS: usize = 4;
/// Callers of the closed loop.
const CALLERS: usize = 64;

/// A target: sends the document with this number; `true` when it was decided.
pub(crate) trait Target: Send + Sync + 'static {
    /// Sends one request.
    fn send(&self, number: u64) -> BoxFuture<'static, bool>;
}

/// gRPC over several connections.
pub(crate) struct Grpc {
    clients: Vec<EnforcementServiceClient<Channel>>,
    inputs: Vec<String>,
    key: MetadataValue<Ascii>,
}

impl Grpc {
    /// Connects.
    pub(crate) async fn connect(addr: &str, key: &str) -> anyhow::Result<Self> {
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            clients.push(EnforcementServiceClient::connect(format!("http://{addr}")).await?);
        }
        Ok(Self {
            clients,
            inputs: documents::inputs(),
            key: key.parse()?,
        })
    }
}

impl Target for Grpc {
    fn send(&self, number: u64) -> BoxFuture<'static, bool> {
        let pick = usize::try_from(number).unwrap_or(0);
        let client = self.clients.get(pick % self.clients.len()).cloned();
        let input = self
            .inputs
            .get(pick % self.inputs.len())
            .cloned()
            .unwrap_or_default();
        let mut request = tonic::Request::new(documents::grpc(&input));
        request.metadata_mut().insert("x-api-key", self.key.clone());
        Box::pin(async move {
            match client {
                Some(mut client) => client.enforce(request).await.is_ok(),
                None => false,
            }
        })
    }
}

/// REST with kept-alive connections.
pub(crate) struct Rest {
    http: reqwest::Client,
    url: String,
    key: String,
    bodies: Vec<String>,
}

impl Rest {
    /// A client; it connects with the first request.
    pub(crate) fn new(addr: &str, key: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .pool_max_idle_per_host(CALLERS * 2)
            .build()?;
        let bodies = documents::inputs()
            .iter()
            .map(|i| documents::rest(i).to_string())
            .collect();
        let url = format!("http://{addr}/api/v1/policies/enforce");
        Ok(Self {
            http,
            url,
            key: key.to_owned(),
            bodies,
        })
    }
}

impl Target for Rest {
    fn send(&self, number: u64) -> BoxFuture<'static, bool> {
        let pick = usize::try_from(number).unwrap_or(0) % self.bodies.len();
        let body = self.bodies.get(pick).cloned().unwrap_or_default();
        let request = self
            .http
            .post(&self.url)
            .header("content-type", "application/json");
        let request = request.header("x-api-key", &self.key).body(body);
        Box::pin(async move {
            match request.send().await {
                Ok(answer) => {
                    let status = answer.status();
                    answer.bytes().await.is_ok() && (status.is_success() || status == 403)
                }
                Err(_) => false,
            }
        })
    }
}

/// What a block measured.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// Answers a second.
    pub(crate) rate: f64,
    /// CPU of the server process for each answer, in microseconds.
    pub(crate) cpu_us: f64,
    /// Latencies in microseconds, from the intended start in an open loop.
    pub(crate) latency: Histogram<u64>,
    /// Requests without a decision.
    pub(crate) failed: u64,
}

/// As many as `CALLERS` callers get through.
pub(crate) async fn closed(
    target: Arc<dyn Target>,
    pid: u32,
    length: Duration,
) -> anyhow::Result<Block> {
    let (next, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (started, cpu) = (Instant::now(), cpu_us(pid)?);
    let caller = |_| {
        let (target, next, failed) = (target.clone(), next.clone(), failed.clone());
        async move {
            let mut latency = histogram();
            while started.elapsed() < length {
                let sent = Instant::now();
                let decided = target.send(next.fetch_add(1, Ordering::Relaxed)).await;
                record(&mut latency, sent.elapsed());
                failed.fetch_add(u64::from(!decided), Ordering::Relaxed);
            }
            latency
        }
    };
    let callers = (0..CALLERS).map(|n| spawn(caller(n)));
    let all = futures::future::join_all(callers).await;
    finish(
        all.into_iter().flatten(),
        started,
        cpu_us(pid)? - cpu,
        failed.load(Ordering::Relaxed),
    )
}

/// `rate` requests a second, each started at its time whether or not the earlier ones are answered.
pub(crate) async fn open(
    target: Arc<dyn Target>,
    pid: u32,
    length: Duration,
    rate: f64,
) -> anyhow::Result<Block> {
    let failed = Arc::new(AtomicU64::new(0));
    let (started, cpu) = (tokio::time::Instant::now(), cpu_us(pid)?);
    let gap = Duration::from_secs_f64(1.0 / rate);
    let mut calls = Vec::new();
    let mut intended = started;
    for number in 0.. {
        if intended - started >= length {
            break;
        }
        tokio::time::sleep_until(intended).await;
        let (call, failed) = (target.send(number), failed.clone());
        calls.push(spawn(async move {
            let decided = call.await;
            failed.fetch_add(u64::from(!decided), Ordering::Relaxed);
            intended.elapsed()
        }));
        intended += gap;
    }
    let mut latency = histogram();
    for took in futures::future::join_all(calls).await.into_iter().flatten() {
        record(&mut latency, took);
    }
    let cpu = cpu_us(pid)? - cpu;
    finish(
        std::iter::once(latency),
        started.into_std(),
        cpu,
        failed.load(Ordering::Relaxed),
    )
}

#[allow(
    clippy::disallowed_methods,
    reason = "every call of a block is awaited in it"
)]
pub(crate) fn spawn<F>(call: F) -> impl Future<Output = Option<F::Output>>
where
    F: Future<Output: Send> + Send + 'static,
{
    let handle = tokio::spawn(call);
    async move { handle.await.ok() }
}

#[allow(clippy::cast_precision_loss, reason = "counts of one block")]
fn finish(
    parts: impl Iterator<Item = Histogram<u64>>,
    started: Instant,
    cpu_us: f64,
    failed: u64,
) -> anyhow::Result<Block> {
    let mut latency = histogram();
    for part in parts {
        latency.add(part).context("histograms of one shape")?;
    }
    let count = latency.len().max(1) as f64;
    let rate = count / started.elapsed().as_secs_f64();
    Ok(Block {
        rate,
        cpu_us: cpu_us / count,
        latency,
        failed,
    })
}

/// Up to a minute, to three digits.
#[allow(clippy::expect_used, reason = "constant bounds")]
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("valid bounds")
}

pub(crate) fn record(latency: &mut Histogram<u64>, took: Duration) {
    latency.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
}

/// CPU a process has used, in microseconds, from `/proc` (clock ticks of 10 ms).
#[allow(clippy::cast_precision_loss, reason = "microseconds of minutes")]
fn cpu_us(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit_once(") ").context("no /proc/stat line")?.1;
    let ticks = |field: usize| -> anyhow::Result<u64> {
        let text = after_name
            .split(' ')
            .nth(field)
            .context("a short /proc/stat line")?;
        Ok(text.parse()?)
    };
    Ok((ticks(11)? + ticks(12)?) as f64 * 10_000.0)
}
