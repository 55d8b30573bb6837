//! Deliveries → calls of endpoints.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use writ_egress::{Client, Message, Secret, sign};
use writ_pg::{NewEvent, Outbox, WriterPool, WriterTx};
use writ_service_kit::{Clock, ids};

use crate::config::DeliveryConfig;
use crate::domain::endpoint::Reason;
use crate::domain::schedule::{Attempted, FAILING_AT_MOST, Next, after};
use crate::error::Error;
use crate::events::Events;
use crate::metrics;
use crate::store::{self, Due, Outcome};
use writ_seal::Sealer;

/// Longer than the longest call: who dies with a delivery gives it back after this.
const LEASE: Duration = Duration::from_secs(30);
/// How often the queue is looked at without being woken.
const POLL: Duration = Duration::from_millis(500);

/// A claimed delivery and the slot it occupies.
type Work = (Due, OwnedSemaphorePermit);

/// Works the queue off.
#[derive(Debug)]
pub(crate) struct Courier {
    pub(crate) pool: WriterPool,
    pub(crate) outbox: Outbox,
    pub(crate) client: Client,
    pub(crate) sealer: Sealer,
    pub(crate) events: Events,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) due: Arc<Notify>,
    pub(crate) limits: DeliveryConfig,
}

impl Courier {
    /// Works until the store fails.
    pub(crate) async fn run(self: Arc<Self>) -> Result<(), Error> {
        let slots = usize::try_from(self.limits.concurrency).unwrap_or(Semaphore::MAX_PERMITS);
        let (work, claimed) = mpsc::unbounded_channel();
        let claim = self.claim(
            Arc::new(Semaphore::new(slots.min(Semaphore::MAX_PERMITS))),
            work,
        );
        tokio::try_join!(claim, self.call(claimed)).map(|((), ())| ())
    }

    /// Claims what is due whenever there are free slots; a delivery keeps its slot to its end.
    async fn claim(&self, slots: Arc<Semaphore>, work: UnboundedSender<Work>) -> Result<(), Error> {
        loop {
            let mut free = vec![
                slots
                    .clone()
                    .acquire_owned()
                    .await
                    .map_err(|_| Error::Stopped)?,
            ];
            free.extend(std::iter::from_fn(|| {
                slots.clone().try_acquire_owned().ok()
            }));
            let n = u32::try_from(free.len()).unwrap_or(u32::MAX);
            let per_endpoint = self.limits.per_endpoint;
            let due = store::claim(&self.pool, n, per_endpoint, self.clock.now(), LEASE).await?;
            let idle = due.is_empty();
            for claimed in due.into_iter().zip(free) {
                work.send(claimed).map_err(|_| Error::Stopped)?;
            }
            if idle {
                // Woken by new deliveries and by calls that ended.
                tokio::time::timeout(POLL, self.due.notified()).await.ok();
            }
        }
    }

    /// Makes the calls, all at the same time.
    async fn call(&self, mut claimed: UnboundedReceiver<Work>) -> Result<(), Error> {
        let mut calls = FuturesUnordered::new();
        loop {
            tokio::select! {
                Some((due, slot)) = claimed.recv() => {
                    calls.push(async move {
                        let ended = self.deliver(due).await;
                        drop(slot);
                        ended
                    });
                }
                Some(ended) = calls.next() => {
                    ended?;
                    self.due.notify_one();
                }
            }
        }
    }

    /// One attempt and its record.
    async fn deliver(&self, due: Due) -> Result<(), Error> {
        let (attempted, error) = self.attempt(&due).await?;
        let mut random = [0; 4];
        getrandom::fill(&mut random).map_err(|error| Error::Random(error.to_string()))?;
        let attempt = u32::try_from(due.work.attempt).unwrap_or(u32::MAX);
        let next = after(attempted, attempt, u32::from_ne_bytes(random));
        let status = match attempted {
            Attempted::Answered(status) => Some(status),
            Attempted::Failed => None,
        };
        self.record(
            &due,
            Outcome {
                next,
                status,
                error,
            },
        )
        .await
    }

    /// Signs and calls; the error is a stable word, never what the other side said.
    async fn attempt(&self, due: &Due) -> Result<(Attempted, Option<&'static str>), Error> {
        let secrets = match self.secrets(due).await {
            Ok(secrets) => secrets,
            Err(error @ Error::Store(_)) => return Err(error),
            Err(error) => {
                tracing::error!(webhook = %due.endpoint, %error, "secret not usable");
                return Ok((Attempted::Failed, Some("unsignable")));
            }
        };
        let message = Message {
            id: &due.event_id,
            timestamp_s: self.clock.now().timestamp(),
            body: &due.body,
        };
        let Ok(headers) = sign(message, &secrets) else {
            return Ok((Attempted::Failed, Some("unsignable")));
        };
        match self.client.post(&due.url, headers, due.body.clone()).await {
            Ok(answer) => {
                let result = if answer.is_success() {
                    "delivered"
                } else {
                    "status"
                };
                metrics::attempt(result, Some(answer.elapsed));
                let error = (!answer.is_success()).then_some("status");
                Ok((Attempted::Answered(answer.status), error))
            }
            Err(error) => {
                metrics::attempt(error.code(), None);
                Ok((Attempted::Failed, Some(error.code())))
            }
        }
    }

    /// The endpoint's secrets, newest first.
    async fn secrets(&self, due: &Due) -> Result<Vec<Secret>, Error> {
        let sealed = store::secrets(&self.pool, due.org, due.endpoint, self.clock.now()).await?;
        let place = store::place(due.org, due.endpoint);
        let open = |sealed| Ok(Secret::decode(&self.sealer.open(&sealed, &place)?)?);
        sealed.into_iter().map(open).collect()
    }

    /// Records what came of an attempt, unless the lease was lost to somebody else.
    async fn record(&self, due: &Due, outcome: Outcome) -> Result<(), Error> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        // The endpoint before the delivery, as everybody who locks both.
        let delivered = outcome.next == Next::Delivered;
        let failing_since = store::health(&mut tx, due, delivered, now).await?;
        if !store::settle(&self.pool, &mut tx, due, &outcome, now).await? {
            return Ok(());
        }
        let reason = match outcome.next {
            Next::Gone => Some(Reason::Gone),
            Next::Retry(_) | Next::GiveUp if too_long(failing_since, now) => Some(Reason::Failing),
            Next::Delivered | Next::Retry(_) | Next::GiveUp => None,
        };
        let event = match reason {
            Some(reason) => self.disable(&mut tx, due, reason, now).await?,
            None => None,
        };
        match event {
            Some(event) => {
                let ids = [event.envelope.event_id.0];
                self.outbox.commit_writer(tx, &ids).await.map(drop)?;
            }
            None => tx.commit().await?,
        }
        Ok(())
    }

    async fn disable(
        &self,
        tx: &mut WriterTx,
        due: &Due,
        reason: Reason,
        now: DateTime<Utc>,
    ) -> Result<Option<NewEvent>, Error> {
        let Some(endpoint) = store::lock_endpoint(tx, due.org, due.endpoint).await? else {
            return Ok(None);
        };
        let Some((endpoint, happened)) = endpoint.disable(reason) else {
            return Ok(None);
        };
        store::save_endpoint(tx, due.org, &endpoint).await?;
        store::cancel_pending(tx, due.org, due.endpoint, now).await?;
        let event_id = ids::new_v7(self.clock.as_ref());
        let event = self
            .events
            .of_system(due.org, &endpoint, happened, event_id, now);
        writ_pg::append(tx, std::slice::from_ref(&event)).await?;
        metrics::disabled(reason.as_str());
        tracing::warn!(webhook = %due.endpoint, reason = reason.as_str(), "endpoint disabled");
        Ok(Some(event))
    }
}

fn too_long(failing_since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    failing_since.is_some_and(|since| {
        (now - since)
            .to_std()
            .is_ok_and(|failing| failing > FAILING_AT_MOST)
    })
}
