//! `make bench-kill`: how long a pause takes until it is acknowledged, until the last of three
//! replicas refuses, and until a socket hears of it, while decisions go on.
//!
//! Postgres is not there at all: none of this waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures::{SinkExt, StreamExt};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::documents;
use crate::load::{histogram, record, spawn};
use crate::report::Server;
use crate::stage::PROBE;

/// Replicas of enforcement.
pub(crate) const REPLICAS: usize = 3;
/// How long any step of a round may take.
const WITHIN: Duration = Duration::from_secs(10);
const REST: Duration = Duration::from_millis(20);

/// Rounds of pause and resume, and how hard the replicas work meanwhile.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Plan {
    /// Rounds of pause and resume.
    #[arg(long, default_value_t = 200)]
    rounds: usize,
    /// Callers of the load at each replica; 0 for a quiet system.
    #[arg(long, default_value_t = 8)]
    callers: usize,
    /// Active policies of the organisation.
    #[arg(long, default_value_t = 100)]
    policies: usize,
}

struct Bench {
    http: reqwest::Client,
    key: String,
    control: String,
    replicas: Vec<String>,
}

/// Times of all rounds, each from the moment before the pause was sent.
struct Times {
    acknowledged: Histogram<u64>,
    applied: Histogram<u64>,
    seen: Histogram<u64>,
}

/// Runs everything and prints the table.
pub(crate) async fn run(plan: Plan) -> anyhow::Result<()> {
    let mut server = Server::start(&["serve-kill", &plan.policies.to_string()]).await?;
    let replicas = server.facts.get("replicas").and_then(Value::as_array);
    let replicas = replicas.into_iter().flatten().filter_map(Value::as_str);
    let bench = Arc::new(Bench {
        http: reqwest::Client::builder()
            .pool_max_idle_per_host(64)
            .build()?,
        key: server.fact("key").to_owned(),
        control: server.fact("control").to_owned(),
        replicas: replicas.map(str::to_owned).collect(),
    });
    let (stop, decisions) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let load: Vec<_> = (0..REPLICAS * plan.callers)
        .map(|n| spawn(work(bench.clone(), n, stop.clone(), decisions.clone())))
        .collect();
    let started = Instant::now();
    let times = rounds(&bench, plan.rounds).await;
    let took = started.elapsed();
    stop.store(true, Ordering::Relaxed);
    futures::future::join_all(load).await;
    server.child.kill().await?;
    print(plan, &times?, decisions.load(Ordering::Relaxed), took);
    Ok(())
}

#[allow(
    clippy::cast_precision_loss,
    reason = "counts and microseconds of one run"
)]
fn print(plan: Plan, times: &Times, decisions: u64, took: Duration) {
    let rate = decisions as f64 / took.as_secs_f64();
    println!(
        "{} pauses, {REPLICAS} replicas, {} policies, {rate:.0} decisions/s beside them\n",
        plan.rounds, plan.policies
    );
    println!("from the call of pause until …          p50 ms   p99 ms   max ms");
    for (what, times) in [
        ("the gate has acknowledged it", &times.acknowledged),
        ("the last replica has refused", &times.applied),
        ("a socket has heard of it", &times.seen),
    ] {
        let ms = |us: u64| us as f64 / 1_000.0;
        let quantile = |q| ms(times.value_at_quantile(q));
        println!(
            "  {what:<36} {:>8.2} {:>8.2} {:>8.2}",
            quantile(0.5),
            quantile(0.99),
            ms(times.max())
        );
    }
}

/// One caller of the load: it asks one replica for another agent, as fast as it is answered.
async fn work(bench: Arc<Bench>, number: usize, stop: Arc<AtomicBool>, decisions: Arc<AtomicU64>) {
    let inputs = documents::inputs();
    let mut texts = inputs.iter().cycle().skip(number * 7);
    let Some(replica) = bench.replicas.get(number % REPLICAS) else {
        return;
    };
    while let (false, Some(text)) = (stop.load(Ordering::Relaxed), texts.next()) {
        if bench.decide(replica, documents::rest(text)).await.is_ok() {
            decisions.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn rounds(bench: &Arc<Bench>, rounds: usize) -> anyhow::Result<Times> {
    let mut socket = bench.socket().await?;
    let mut times = Times {
        acknowledged: histogram(),
        applied: histogram(),
        seen: histogram(),
    };
    for _ in 0..rounds {
        bench.until(true).await?;
        let probes = bench.replicas.iter().map(|replica| {
            let (bench, replica) = (bench.clone(), replica.clone());
            spawn(async move { bench.probe(&replica, false).await })
        });
        let probes: Vec<_> = probes.collect();
        tokio::time::sleep(REST).await;
        let started = Instant::now();
        let hearing = async {
            heard(&mut socket, "paused")
                .await
                .map(|()| started.elapsed())
        };
        let acknowledged = async { bench.turn("pause").await.map(|()| started.elapsed()) };
        let refused = async {
            let ended = futures::future::join_all(probes).await;
            let ended: Option<Vec<_>> = ended.into_iter().collect();
            let ended = ended.context("a probe ended early")?;
            let ended: Vec<Instant> = ended.into_iter().collect::<anyhow::Result<_>>()?;
            let last = ended.into_iter().max().context("no replica")?;
            anyhow::Ok(last.saturating_duration_since(started))
        };
        let round = async { tokio::try_join!(acknowledged, refused, hearing) };
        let round = tokio::time::timeout(WITHIN, round).await;
        let (acknowledged, applied, seen) = round.context("a pause went missing")??;
        record(&mut times.acknowledged, acknowledged);
        record(&mut times.applied, applied);
        record(&mut times.seen, seen);
        bench.turn("resume").await?;
        heard(&mut socket, "active").await?;
    }
    Ok(times)
}

type Socket = WebSocketStream<TcpStream>;

impl Bench {
    async fn decide(&self, replica: &str, act: Value) -> anyhow::Result<bool> {
        let url = format!("http://{replica}/api/v1/policies/enforce");
        let request = self.http.post(url).header("x-api-key", &self.key);
        let answer = request.json(&act).send().await?;
        let allowed = answer.status().is_success();
        anyhow::ensure!(allowed || answer.status() == 403, "{}", answer.status());
        answer.bytes().await?;
        Ok(allowed)
    }

    /// Asks until the answer is `allowed`; when it was.
    async fn probe(&self, replica: &str, allowed: bool) -> anyhow::Result<Instant> {
        let act = json!({"agentId": PROBE, "environment": "production", "input": "hello"});
        while self.decide(replica, act.clone()).await? != allowed {}
        Ok(Instant::now())
    }

    async fn until(&self, allowed: bool) -> anyhow::Result<()> {
        for replica in &self.replicas {
            let probing = tokio::time::timeout(WITHIN, self.probe(replica, allowed));
            probing.await.context("a replica does not follow")??;
        }
        Ok(())
    }

    async fn turn(&self, verb: &str) -> anyhow::Result<()> {
        let url = format!("http://{}/api/v1/agents/{PROBE}/{verb}", self.control);
        let request = self.http.patch(url).header("x-api-key", &self.key);
        let answer = request.send().await?;
        let status = answer.status();
        anyhow::ensure!(status.is_success(), "{status}: {}", answer.text().await?);
        Ok(())
    }

    /// A socket that has joined, as the SDK's.
    async fn socket(&self) -> anyhow::Result<Socket> {
        let stream = TcpStream::connect(&self.control).await?;
        let url = format!("ws://{}/socket.io/?transport=websocket&EIO=4", self.control);
        let (mut socket, _) = client_async(url, stream).await?;
        socket.next().await.context("no OPEN")??;
        let connect = format!("40/sdk,{}", json!({"apiKey": self.key}));
        socket.send(Message::text(connect)).await?;
        loop {
            let answer = socket.next().await.context("no CONNECT")??;
            match answer.to_text()? {
                "2" => socket.send(Message::text("3")).await?,
                joined if joined.starts_with("40/sdk,") => return Ok(socket),
                refused => anyhow::bail!("{refused}"),
            }
        }
    }
}

/// Returns when the socket has told this status.
async fn heard(socket: &mut Socket, status: &str) -> anyhow::Result<()> {
    loop {
        let message = socket.next().await.context("the socket was closed")??;
        let text = message.to_text()?;
        if text == "2" {
            socket.send(Message::text("3")).await?;
        } else if text.contains(&format!("\"status\":\"{status}\"")) {
            return Ok(());
        }
    }
}
