//! A log under a prefix of the test's own, seen by any service.

use std::time::Duration;

use async_nats::jetstream::stream::Stream as Handle;
use uuid::Uuid;
use writ_contract::{Audit, Envelope, EventId, Fact, Kind, OrgId, Service, Stream, Topology};
use writ_eventlog::{EventLog, Owners, Signer, StreamSettings, assert_streams};
use writ_testkit::{Nats, eventually};

pub(crate) const ORG: OrgId = OrgId(Uuid::from_u128(5));
pub(crate) const SOON: Duration = Duration::from_secs(5);

const BRIEF: Duration = Duration::from_millis(200);

pub(crate) struct Stage {
    pub(crate) nats: Nats,
    pub(crate) topology: Topology,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::on(Nats::shared().await).await
    }

    pub(crate) async fn on(nats: Nats) -> Self {
        let topology = Topology::new(&nats.prefix).unwrap();
        let settings = StreamSettings::default();
        let differences = assert_streams(&nats.client, &topology, settings)
            .await
            .unwrap();
        assert!(differences.is_empty(), "{differences:?}");
        Self { nats, topology }
    }

    pub(crate) fn log(&self, service: Service) -> EventLog {
        let owners = Owners::new(Service::ALL.map(|s| (s, signer(s).public_key())));
        let (client, topology) = (self.nats.client.clone(), self.topology.clone());
        EventLog::new(client, topology, signer(service), owners)
    }

    /// A stream is deleted and made again.
    pub(crate) async fn replace(&self, stream: Stream) {
        let js = async_nats::jetstream::new(self.nats.client.clone());
        let name = self.topology.stream_name(stream);
        js.delete_stream(name).await.unwrap();
        let settings = StreamSettings::default();
        assert_streams(&self.nats.client, &self.topology, settings)
            .await
            .unwrap();
    }

    /// A stream is made again without the guard against deletion, so that it can lose something.
    pub(crate) async fn deletable(&self, stream: Stream) -> Handle {
        let js = async_nats::jetstream::new(self.nats.client.clone());
        let name = self.topology.stream_name(stream);
        let kept = js.get_stream(&name).await.unwrap();
        let mut config = kept.cached_info().config.clone();
        js.delete_stream(&name).await.unwrap();
        config.deny_delete = false;
        js.create_stream(config).await.unwrap();
        js.get_stream(&name).await.unwrap()
    }

    /// Everything in a stream ages out; what comes later stays.
    pub(crate) async fn age(&self, stream: Stream) {
        let js = async_nats::jetstream::new(self.nats.client.clone());
        let name = self.topology.stream_name(stream);
        let kept = js.get_stream(&name).await.unwrap();
        let kept = kept.cached_info().config.clone();
        let mut short = kept.clone();
        (short.max_age, short.duplicate_window) = (BRIEF, BRIEF);
        js.update_stream(&short).await.unwrap();
        eventually(SOON, "the stream is empty", || async {
            let stream = js.get_stream(&name).await.unwrap();
            let left = stream.cached_info().state.messages;
            if left == 0 { Ok(()) } else { Err(left) }
        })
        .await;
        js.update_stream(&kept).await.unwrap();
    }
}

fn signer(service: Service) -> Signer {
    let number = Service::ALL.iter().position(|s| *s == service).unwrap();
    Signer::new(service, [u8::try_from(number).unwrap(); 32])
}

pub(crate) fn envelope<F: Fact>(version: u64, fact: &F) -> Envelope {
    Envelope {
        event_id: EventId(Uuid::now_v7()),
        kind: Kind::of::<F>("stated"),
        org: ORG,
        aggregate_id: "a".into(),
        version,
        occurred_at_us: 1,
        audit: Audit::default(),
        fact: fact.encode_to_vec(),
        traceparent: String::new(),
    }
}
