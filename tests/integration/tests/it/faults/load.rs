//! Clients that go on whatever happens and remember what was acknowledged to them.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use writ_testkit::eventually;

use crate::stack::Stack;

/// What was acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    pub(crate) decisions: HashSet<String>,
    pub(crate) traces: HashSet<String>,
    pub(crate) unanswered: u64,
}

pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Acknowledged>>,
}

impl Load {
    /// `clients` clients, each deciding and tracing in turn for the agent `bot`.
    pub(crate) fn start(stack: &Stack, clients: usize) -> Self {
        let (stop, answered) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let client = |number| {
            let (stop, answered) = (stop.clone(), answered.clone());
            let (http, url) = (stack.http.clone(), stack.var("WRIT_URL").to_owned());
            let key = stack.var("WRIT_API_KEY").to_owned();
            tokio::spawn(async move {
                let client = Client {
                    http,
                    url,
                    key,
                    number,
                };
                client.run(&stop, &answered).await
            })
        };
        Self {
            clients: (0..clients).map(client).collect(),
            stop,
            answered,
        }
    }

    /// Waits until as many calls more were acknowledged: the stack works again.
    pub(crate) async fn goes_on(&self, calls: u64, after: &str) {
        let goal = self.answered.load(Ordering::SeqCst) + calls;
        eventually(
            Duration::from_secs(60),
            &format!("calls go on after {after}"),
            || async {
                let now = self.answered.load(Ordering::SeqCst);
                if now >= goal {
                    Ok(())
                } else {
                    Err(format!("{now} of {goal}"))
                }
            },
        )
        .await;
    }

    pub(crate) async fn finish(self) -> Acknowledged {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = Acknowledged::default();
        for client in self.clients {
            let one = client.await.unwrap();
            all.decisions.extend(one.decisions);
            all.traces.extend(one.traces);
            all.unanswered += one.unanswered;
        }
        all
    }
}

struct Client {
    http: reqwest::Client,
    url: String,
    key: String,
    number: usize,
}

impl Client {
    async fn run(&self, stop: &AtomicBool, answered: &AtomicU64) -> Acknowledged {
        let mut mine = Acknowledged::default();
        for round in 0_u64.. {
            if stop.load(Ordering::SeqCst) {
                break;
            }
            match self.decide(round).await {
                Some(id) => {
                    mine.decisions.insert(id);
                    answered.fetch_add(1, Ordering::SeqCst);
                }
                None => mine.unanswered += 1,
            }
            match self.trace(round).await {
                Some(id) => {
                    mine.traces.insert(id);
                    answered.fetch_add(1, Ordering::SeqCst);
                }
                None => mine.unanswered += 1,
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        mine
    }

    async fn decide(&self, round: u64) -> Option<String> {
        let body = json!({"agentId": "bot", "environment": "production",
                          "input": format!("client {} round {round}", self.number)});
        let (status, answer) = self.post("/policies/enforce", &body).await?;
        let decided = matches!(status, StatusCode::OK | StatusCode::FORBIDDEN);
        decided
            .then(|| answer["decisionId"].as_str().map(str::to_owned))
            .flatten()
    }

    async fn trace(&self, round: u64) -> Option<String> {
        let id = format!("tr_{}_{round}", self.number);
        let body = json!({"traces": [{"traceId": id, "agentId": "bot", "status": "success",
                                      "environment": "production", "durationMs": 1}]});
        let (status, answer) = self.post("/traces/ingest", &body).await?;
        let refused = answer["errors"]
            .as_array()
            .is_some_and(|errors| !errors.is_empty());
        (status.is_success() && !refused).then_some(id)
    }

    async fn post(&self, path: &str, body: &Value) -> Option<(StatusCode, Value)> {
        let request = self
            .http
            .post(format!("{}/api/v1{path}", self.url))
            .json(body);
        let answer = request.header("x-api-key", &self.key).send().await.ok()?;
        let status = answer.status();
        Some((status, answer.json().await.ok()?))
    }
}

/// Every acknowledged decision is a ledger entry and a row, every acknowledged trace is a row, each
/// once, and the chain verifies.
pub(crate) async fn nothing_was_lost(stack: &Stack, acknowledged: &Acknowledged) {
    assert!(
        acknowledged.decisions.len() > 20,
        "the load did something: {acknowledged:?}"
    );
    let within = Duration::from_secs(60);
    eventually(within, "every acknowledged decision is one row", || async {
        let rows = stack
            .rows("SELECT decision_id AS id, count() AS n FROM decisions GROUP BY id")
            .await;
        complete(&rows, &acknowledged.decisions)
    })
    .await;
    eventually(within, "every acknowledged trace is one row", || async {
        let rows = stack
            .rows("SELECT trace_id AS id, count() AS n FROM traces GROUP BY id")
            .await;
        complete(&rows, &acknowledged.traces)
    })
    .await;
    eventually(
        within,
        "every acknowledged decision is one ledger entry",
        || async { complete(&ledger_entries(stack).await, &acknowledged.decisions) },
    )
    .await;
    stack.writ(&["audit", "verify"]);
}

async fn ledger_entries(stack: &Stack) -> Vec<Value> {
    let pool = sqlx::PgPool::connect(stack.var("DATABASE_URL"))
        .await
        .unwrap();
    let sql = "SELECT decision_id, count(*) FROM ledger.entries \
               WHERE type LIKE 'decision.%' GROUP BY decision_id";
    let rows: Vec<(String, i64)> = sqlx::query_as(sql).fetch_all(&pool).await.unwrap();
    pool.close().await;
    rows.into_iter()
        .map(|(id, n)| json!({"id": id, "n": n}))
        .collect()
}

fn complete(rows: &[Value], ids: &HashSet<String>) -> Result<(), String> {
    let twice = rows
        .iter()
        .filter(|row| row["n"].to_string().replace('"', "") != "1")
        .count();
    let stored: HashSet<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
    let missing: Vec<&String> = ids
        .iter()
        .filter(|id| !stored.contains(id.as_str()))
        .collect();
    match (twice, missing.len()) {
        (0, 0) => Ok(()),
        _ => Err(format!(
            "{twice} twice, {} missing, such as {:?}",
            missing.len(),
            missing.first()
        )),
    }
}
