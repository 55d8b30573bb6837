//! Witnesses: each new head of the global log is sent to those the operator listed, and what they
//! sign is kept.
//!
//! Beside sealing, never in its way: a witness that is slow or away only means that the newest
//! heads are not witnessed yet.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use http::{HeaderMap, HeaderValue, header};
use tokio::time::{MissedTickBehavior, interval};
use writ_chain::cosignature::{WitnessKey, cosigned_lines};
use writ_chain::note;
use writ_egress::{Client, Limits, Rules};
use writ_pg::WriterPool;

use crate::config::WitnessConfig;
use crate::error::Error;
use crate::metrics;
use crate::store::{self, GLOBAL};

/// How often a new head is sent to who has answered about the one before.
const EVERY: Duration = Duration::from_secs(1);
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(2),
    total: Duration::from_secs(5),
    response_bytes: 16 * 1024,
    idle: 1,
};

/// The witnesses, and how they are reached.
#[derive(Debug)]
pub(crate) struct Witnesses {
    pool: WriterPool,
    client: Client,
    all: Vec<Witness>,
}

#[derive(Debug)]
struct Witness {
    key: WitnessKey,
    /// Of `add-checkpoint`.
    url: String,
}

/// A head of the global log that is to be cosigned.
#[derive(Debug)]
struct Head {
    size: u64,
    note: String,
}

/// What came of asking a witness once.
enum Answer {
    /// Kept, or said why not.
    Done,
    /// It cosigned this size last.
    Knows(u64),
}

impl Witnesses {
    /// `None` when none are listed.
    ///
    /// # Errors
    /// What is wrong with a witness's settings.
    pub(crate) fn new(
        listed: &[WitnessConfig],
        pool: WriterPool,
    ) -> Result<Option<Arc<Self>>, String> {
        if listed.is_empty() {
            return Ok(None);
        }
        let witness = |one: &WitnessConfig| {
            let url = format!("{}/add-checkpoint", one.url.trim_end_matches('/'));
            Ok::<_, String>(Witness {
                key: one.key()?,
                url,
            })
        };
        let hosts = listed.iter().map(WitnessConfig::host);
        let rules = Rules {
            allow_http: true,
            ..Rules::listed(hosts.collect::<Result<Vec<_>, _>>()?)
        };
        let client = Client::new(rules, LIMITS).map_err(|error| error.to_string())?;
        Ok(Some(Arc::new(Self {
            pool,
            client,
            all: listed.iter().map(witness).collect::<Result<_, _>>()?,
        })))
    }

    /// Waits until this replica leads, then sends heads until something goes wrong.
    pub(crate) async fn run(self: Arc<Self>) -> Result<(), Error> {
        let leading = self
            .pool
            .lead_eventually(store::SCHEMA, "witnesses", || ())
            .await;
        let _leading = leading?;
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut asked, mut busy) = (FuturesUnordered::new(), HashSet::new());
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    for (index, head, old) in self.due(&busy).await? {
                        busy.insert(index);
                        asked.push(self.bring_up(index, head, old));
                    }
                }
                Some(done) = asked.next() => {
                    busy.remove(&done?);
                }
            }
        }
    }

    /// The latest head for every witness that did not cosign it and is not `busy` with one: to all at
    /// once, so that they sign the same one, and a slow one keeps nobody waiting. With each, the size
    /// it cosigned last.
    async fn due(&self, busy: &HashSet<usize>) -> Result<Vec<(usize, Head, u64)>, Error> {
        let mut tx = self.pool.begin().await?;
        let head = store::global_signed(&mut tx).await?;
        let cosigned: HashMap<String, u64> = store::cosigned_sizes(&mut tx).await?;
        drop(tx);
        let Some((size, note)) = head else {
            return Ok(Vec::new());
        };
        let due = |(index, witness): (usize, &Witness)| {
            let old = cosigned.get(witness.key.name()).copied().unwrap_or(0);
            let head = || Head {
                size,
                note: note.clone(),
            };
            (old != size && !busy.contains(&index)).then(|| (index, head(), old))
        };
        Ok(self.all.iter().enumerate().filter_map(due).collect())
    }

    /// Asks once from what we believe it knows, and once more from what it says it knows. Which it
    /// was.
    async fn bring_up(&self, index: usize, head: Head, old: u64) -> Result<usize, Error> {
        if let Some(witness) = self.all.get(index) {
            self.cosign(witness, &head, old).await?;
        }
        Ok(index)
    }

    async fn cosign(&self, witness: &Witness, head: &Head, old: u64) -> Result<(), Error> {
        let Answer::Knows(known) = self.ask(witness, head, old).await? else {
            return Ok(());
        };
        if known > head.size {
            metrics::witness_ahead();
            tracing::error!(
                witness = witness.key.name(),
                known,
                size = head.size,
                "a witness saw a longer global log than there is: this ledger was set back"
            );
            return Ok(());
        }
        if let Answer::Knows(other) = self.ask(witness, head, known).await? {
            tracing::warn!(
                witness = witness.key.name(),
                other,
                "cosigned for somebody else"
            );
        }
        Ok(())
    }

    async fn ask(&self, witness: &Witness, head: &Head, old: u64) -> Result<Answer, Error> {
        let name = witness.key.name();
        let old = old.min(head.size);
        let body = self.request(old, head).await?;
        let mut headers = HeaderMap::new();
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, text);
        let answer = match self.client.post(&witness.url, headers, body).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(witness = name, %error, "witness not reached");
                return Ok(Answer::Done);
            }
        };
        let said = answer
            .body()
            .and_then(|body| std::str::from_utf8(body).ok());
        let said = said.unwrap_or_default();
        match answer.status {
            200 => self.keep(witness, head, said).await?,
            409 => {
                if let Ok(known) = said.trim_end().parse() {
                    return Ok(Answer::Knows(known));
                }
            }
            422 => {
                metrics::witness_ahead();
                tracing::error!(
                    witness = name,
                    "a witness saw another history of the global log"
                );
            }
            status => tracing::warn!(witness = name, status, "witness refused a head"),
        }
        Ok(Answer::Done)
    }

    /// `old <size>`, the proof that the log grew from there, a blank line, the signed head.
    async fn request(&self, old: u64, head: &Head) -> Result<String, Error> {
        let mut body = format!("old {old}\n");
        let mut tx = self.pool.begin().await?;
        let proof = store::consistency(&mut tx, GLOBAL, old, head.size).await?;
        for hash in proof {
            body.push_str(&BASE64.encode(hash));
            body.push('\n');
        }
        Ok(format!("{body}\n{}", head.note))
    }

    async fn keep(&self, witness: &Witness, head: &Head, lines: &str) -> Result<(), Error> {
        let name = witness.key.name();
        let text = note::text_of(&head.note).unwrap_or_default();
        let found = cosigned_lines(text, lines, std::slice::from_ref(&witness.key));
        let Some(cosigned) = found.ok().and_then(|found| found.into_iter().next()) else {
            tracing::error!(
                witness = name,
                "what the witness signed is not the head it was sent"
            );
            return Ok(());
        };
        let mut tx = self.pool.begin().await?;
        store::keep_cosignature(&mut tx, head.size, &cosigned).await?;
        tx.commit().await?;
        metrics::cosignatures();
        Ok(())
    }
}
