//! What is on the log.

use std::time::Duration;

use writ_contract::{ApprovalId, Envelope, Fact, Service, Shard, Stream, wire};
use writ_eventlog::{Content, Start};
use writ_testkit::{Signal, eventually};

use super::{Held, SOON, World};

impl World {
    /// Everything that was said about requests so far.
    pub(crate) async fn facts(&self) -> Vec<(Envelope, wire::Approval)> {
        self.all(Stream::Approval, Vec::new()).await
    }

    /// What the gate recorded as used.
    pub(crate) async fn uses(&self) -> Vec<(Envelope, wire::Consumed)> {
        let filters = vec![self.topology.consumed(Shard::of(self.org))];
        self.all(Stream::Gate, filters).await
    }

    async fn all<F: Fact>(&self, stream: Stream, filters: Vec<String>) -> Vec<(Envelope, F)> {
        let log = self.log(Service::Enforcement);
        let mut reader = log.read(stream, filters, Start::First).await.unwrap();
        let mut facts = Vec::new();
        for _ in 0..reader.behind() {
            if let Content::Fact(envelope) = reader.next().await.unwrap().content {
                let fact = envelope.open().unwrap();
                facts.push((*envelope, fact));
            }
        }
        facts
    }

    /// The log stands still: nothing is refused, nothing is answered.
    pub(crate) async fn stop_log(&self) {
        self.nats.signal(Signal::Stop);
        let jetstream = async_nats::jetstream::new(self.nats.client.clone());
        let name = self.topology.stream_name(Stream::Gate);
        eventually(SOON, "the log has stopped", || async {
            let asked = jetstream.get_stream(&name);
            let answered = tokio::time::timeout(Duration::from_millis(200), asked).await;
            if answered.is_err() {
                Ok(())
            } else {
                Err("it answers")
            }
        })
        .await;
    }

    /// Everything on the gate ages out.
    pub(crate) async fn forget_gate(&self) {
        let jetstream = async_nats::jetstream::new(self.nats.client.clone());
        let name = self.topology.stream_name(Stream::Gate);
        let mut stream = jetstream.get_stream(&name).await.unwrap();
        let mut config = stream.info().await.unwrap().config.clone();
        config.max_age = Duration::from_millis(500);
        config.duplicate_window = Duration::from_millis(500);
        jetstream.update_stream(&config).await.unwrap();
        eventually(SOON, "the gate is empty", || async {
            let mut stream = jetstream.get_stream(&name).await.unwrap();
            let left = stream.info().await.unwrap().state.messages;
            if left == 0 { Ok(()) } else { Err(left) }
        })
        .await;
    }

    /// The first fact that names this decision: what enforcement waits for.
    pub(crate) async fn fact_of(&self, held: &Held) -> wire::Approval {
        let wanted = held.decision.to_bytes();
        eventually(SOON, "a fact that names the decision", || async {
            let facts = self.facts().await;
            let found = facts
                .into_iter()
                .find(|(_, f)| f.decision_ids.contains(&wanted));
            found.map(|(_, fact)| fact).ok_or("none")
        })
        .await
    }

    /// The fact with this verb about a request.
    pub(crate) async fn stated_of(&self, verb: &str, id: ApprovalId) -> Envelope {
        let wanted = id.to_bytes();
        eventually(SOON, verb, || async {
            let mut facts = self.facts().await.into_iter();
            let found = facts.find(|(e, f)| e.kind.verb() == verb && f.approval_id == wanted);
            found.map(|(envelope, _)| envelope).ok_or("not stated")
        })
        .await
    }

    /// The envelope of the first fact with this verb.
    pub(crate) async fn stated(&self, verb: &str) -> (Envelope, wire::Approval) {
        eventually(SOON, verb, || async {
            let facts = self.facts().await;
            let found = facts.into_iter().find(|(e, _)| e.kind.verb() == verb);
            found.ok_or("not stated")
        })
        .await
    }
}
