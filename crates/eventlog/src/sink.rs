//! Work shared by the replicas of a service: a durable pull consumer whose messages may come again
//! and in any order. A handler must be idempotent by key.

use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::message::Message;
use futures::StreamExt as _;
use writ_contract::Service;
use writ_contract::topology::Durable;

use crate::log::EventLog;
use crate::publish::PublishError;
use crate::reader::{Delivered, read};

/// How often it is looked how far a durable is.
const LOOKED_AT: Duration = Duration::from_millis(100);

/// Why a sink cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("consumer {consumer}: {why}")]
pub struct SinkError {
    consumer: &'static str,
    why: String,
}

/// One message of a batch.
#[derive(Debug)]
pub struct Work {
    /// What it says.
    pub delivered: Delivered,
    message: Message,
}

/// What one pull brought: at least one message.
#[derive(Debug)]
pub struct Batch {
    /// The readable messages.
    pub work: Vec<Work>,
}

/// Pulls from a durable consumer.
#[derive(Debug)]
pub struct Sink {
    log: EventLog,
    name: &'static str,
    consumer: PullConsumer,
}

impl EventLog {
    /// Opens a durable consumer that the job has made.
    ///
    /// # Errors
    /// [`SinkError`] when it does not exist or the server does not answer.
    pub async fn sink(&self, durable: Durable) -> Result<Sink, SinkError> {
        let error = |why: String| SinkError {
            consumer: durable.name,
            why,
        };
        let stream = self.topology.stream_name(durable.stream);
        let consumer = self.js.get_consumer_from_stream(durable.name, stream).await;
        let consumer = consumer.map_err(|e| error(e.to_string()))?;
        Ok(Sink {
            log: self.clone(),
            name: durable.name,
            consumer,
        })
    }

    /// Returns once everything that was on the durable's stream when this was called is acknowledged,
    /// by whichever replica, or stands in the dead letters. It will not be delivered again.
    ///
    /// # Errors
    /// [`SinkError`] when the durable does not exist or the server does not answer.
    pub async fn handled(&self, durable: Durable) -> Result<(), SinkError> {
        let error = |why: String| SinkError {
            consumer: durable.name,
            why,
        };
        let stream = self.stream(durable.stream).await;
        let stream = stream.map_err(|e| error(e.to_string()))?;
        let last = stream.cached_info().state.last_sequence;
        let mut sink = self.sink(durable).await?;
        loop {
            let info = sink.consumer.info().await;
            let info = info.map_err(|e| error(e.to_string()))?;
            // The stream may end with messages that the durable does not want.
            let nothing_left = info.num_pending == 0 && info.num_ack_pending == 0;
            if nothing_left || info.ack_floor.stream_sequence >= last {
                return Ok(());
            }
            tokio::time::sleep(LOOKED_AT).await;
        }
    }

    /// Copies a message that cannot be handled to the dead-letter stream, with its headers and the
    /// reason. Returned = stored.
    ///
    /// # Errors
    /// [`PublishError`] when it is not known to be stored.
    pub async fn dead_letter(
        &self,
        consumer: &str,
        key: &str,
        why: &str,
        work: &Work,
    ) -> Result<(), PublishError> {
        self.dead_letter_raw(consumer, key, why, &work.message)
            .await
    }

    async fn dead_letter_raw(
        &self,
        consumer: &str,
        key: &str,
        why: &str,
        message: &Message,
    ) -> Result<(), PublishError> {
        let service: Service = self.service();
        let subject = self.topology.dead_letter(service, consumer, key);
        let mut headers = message.headers.clone().unwrap_or_default();
        let id = format!(
            "dlq:{consumer}:{}",
            message.info().map_or(0, |i| i.stream_sequence)
        );
        headers.insert(async_nats::header::NATS_MESSAGE_ID, id);
        headers.insert("Writ-Dead-Letter-Subject", message.subject.as_str());
        headers.insert("Writ-Dead-Letter-Reason", why.replace(['\r', '\n'], " "));
        metrics::counter!("writ_eventlog_dead_letters_total", "consumer" => consumer.to_owned())
            .increment(1);
        let payload = message.payload.clone();
        self.publish_until(&subject, headers, payload, Duration::from_secs(10))
            .await
            .map(drop)
    }
}

impl Sink {
    /// The next messages: up to `max`, as many as there are within `within` of the first. What is
    /// unsigned or undecodable is dead-lettered here. `None` when nothing came within `within`.
    ///
    /// # Errors
    /// [`SinkError`] when the server does not answer; open a new sink.
    pub async fn next(&self, max: usize, within: Duration) -> Result<Option<Batch>, SinkError> {
        let error = |why: String| SinkError {
            consumer: self.name,
            why,
        };
        let pulled = self
            .consumer
            .batch()
            .max_messages(max)
            .expires(within)
            .messages()
            .await;
        let mut messages = pulled.map_err(|e| error(e.to_string()))?;
        let mut work = Vec::new();
        while let Some(message) = messages.next().await {
            let message = message.map_err(|e| error(e.to_string()))?;
            match read(&self.log, &message) {
                Ok(delivered) => work.push(Work { delivered, message }),
                Err(why) => self.refuse(&message, &why).await,
            }
        }
        Ok((!work.is_empty()).then_some(Batch { work }))
    }

    async fn refuse(&self, message: &Message, why: &str) {
        let stored = self
            .log
            .dead_letter_raw(self.name, "unreadable", why, message)
            .await;
        if stored.is_ok() {
            settle(message, AckKind::Term).await;
        }
    }
}

impl Work {
    /// Says that it is done and will not be needed again.
    pub async fn done(&self) {
        settle(&self.message, AckKind::Ack).await;
    }

    /// Asks for it again after `delay`.
    pub async fn again(&self, delay: Duration) {
        settle(&self.message, AckKind::Nak(Some(delay))).await;
    }

    /// Says that it takes longer.
    pub async fn working(&self) {
        settle(&self.message, AckKind::Progress).await;
    }
}

/// A lost acknowledgement only brings the message again.
async fn settle(message: &Message, kind: AckKind) {
    if let Err(error) = message.ack_with(kind).await {
        tracing::debug!(%error, "acknowledgement not sent");
    }
}
