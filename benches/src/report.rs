//! The run: blocks of echo and enforce in turns, and the ratios of their medians.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::load::{Block, Grpc, Rest, Target, closed, open};

/// Share of the echo's saturation at which latencies are compared.
const OPEN_LOAD: f64 = 0.3;

/// The server process.
pub(crate) struct Server {
    /// It ends with this.
    pub(crate) child: Child,
    pid: u32,
    /// Its addresses and its key.
    pub(crate) facts: Value,
}

impl Server {
    /// Starts this program in another role and waits for what it says.
    pub(crate) async fn start(role: &[&str]) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(role)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().context("the server process ended")?;
        let stdout = child.stdout.take().context("no stdout")?;
        let line = BufReader::new(stdout).lines().next_line().await?;
        let facts = serde_json::from_str(&line.context("the server process said nothing")?)?;
        Ok(Self { child, pid, facts })
    }

    /// One of its facts.
    pub(crate) fn fact(&self, name: &str) -> &str {
        self.facts
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

/// Runs everything and prints the table.
pub(crate) async fn run(blocks: usize, length: Duration, policies: usize) -> anyhow::Result<()> {
    let mut server = Server::start(&["serve", &policies.to_string()]).await?;
    println!(
        "{policies} policies, 1 KB inputs, {blocks} blocks of {length:?} each; every decision recorded"
    );
    println!("(fsync before its answer). Ratios are enforce / echo, median of blocks [min–max].\n");
    let key = server.fact("key").to_owned();
    let grpc: [Arc<dyn Target>; 2] = [
        Arc::new(Grpc::connect(server.fact("grpcEcho"), &key).await?),
        Arc::new(Grpc::connect(server.fact("writ"), &key).await?),
    ];
    compare("gRPC", grpc, server.pid, blocks, length).await?;
    let rest: [Arc<dyn Target>; 2] = [
        Arc::new(Rest::new(server.fact("restEcho"), &key)?),
        Arc::new(Rest::new(server.fact("writ"), &key)?),
    ];
    compare("REST", rest, server.pid, blocks, length).await?;
    server.child.kill().await?;
    Ok(())
}

async fn compare(
    name: &str,
    targets: [Arc<dyn Target>; 2],
    pid: u32,
    blocks: usize,
    length: Duration,
) -> anyhow::Result<()> {
    for target in &targets {
        closed(target.clone(), pid, Duration::from_secs(1)).await?;
    }
    let full = pairs(&targets, blocks, |target| closed(target, pid, length)).await?;
    println!("{name}, closed loop, 64 callers");
    row("requests/s", &full, |b| b.rate, 0);
    row("server CPU per request, us", &full, |b| b.cpu_us, 1);
    let rate = median(full.iter().map(|[echo, _]| echo.rate)) * OPEN_LOAD;
    let opened = pairs(&targets, blocks, |target| open(target, pid, length, rate)).await?;
    println!("{name}, open loop at {rate:.0}/s (30 % of the echo's saturation)");
    row("reached, requests/s", &opened, |b| b.rate, 0);
    row("p50, us", &opened, |b| quantile(b, 0.5), 0);
    row("p99, us", &opened, |b| quantile(b, 0.99), 0);
    let failed: u64 = full.iter().chain(&opened).flatten().map(|b| b.failed).sum();
    println!("  without a decision: {failed}\n");
    Ok(())
}

/// Blocks of the two targets in the order A B B A A B …
async fn pairs<F, R>(
    targets: &[Arc<dyn Target>; 2],
    blocks: usize,
    measure: F,
) -> anyhow::Result<Vec<[Block; 2]>>
where
    F: Fn(Arc<dyn Target>) -> R,
    R: Future<Output = anyhow::Result<Block>>,
{
    let [echo, writ] = targets;
    let mut all = Vec::new();
    for number in 0..blocks {
        all.push(if number % 2 == 0 {
            let first = measure(echo.clone()).await?;
            [first, measure(writ.clone()).await?]
        } else {
            let first = measure(writ.clone()).await?;
            [measure(echo.clone()).await?, first]
        });
    }
    Ok(all)
}

fn row(what: &str, blocks: &[[Block; 2]], of: impl Fn(&Block) -> f64, digits: usize) {
    let echo = median(blocks.iter().map(|[echo, _]| of(echo)));
    let writ = median(blocks.iter().map(|[_, writ]| of(writ)));
    let ratios: Vec<f64> = blocks
        .iter()
        .map(|[echo, writ]| of(writ) / of(echo))
        .collect();
    let (low, high) = ratios
        .iter()
        .fold((f64::MAX, 0.0_f64), |(l, h), r| (l.min(*r), h.max(*r)));
    println!(
        "  {what:<28} echo {echo:>9.digits$}  enforce {writ:>9.digits$}  ratio {:>5.2} [{low:.2}–{high:.2}]",
        median(ratios.into_iter()),
    );
}

#[allow(clippy::cast_precision_loss, reason = "microseconds")]
fn quantile(block: &Block, q: f64) -> f64 {
    block.latency.value_at_quantile(q) as f64
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
