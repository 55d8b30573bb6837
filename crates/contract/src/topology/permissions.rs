//! What each service may do on the broker, worked out from the table: publish its own subjects,
//! read the streams it reads, receive on its own inbox, and nothing else.

use super::{DURABLES, Service, Stream, Topology};

/// Subjects a service's NATS user may publish and subscribe to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// Allowed to publish.
    pub publish: Vec<String>,
    /// Allowed to subscribe.
    pub subscribe: Vec<String>,
    /// May answer the requests it receives, wherever their reply subject points.
    pub allow_responses: bool,
}

pub(super) fn of(topology: &Topology, service: Service) -> Permissions {
    let mut publish = Vec::new();
    for stream in Stream::ALL {
        let spec = topology.spec(stream);
        let own = spec.owners.iter().filter(|(owner, _)| *owner == service);
        let own: Vec<String> = own.flat_map(|(_, subjects)| subjects.clone()).collect();
        let reads = spec.readers.contains(&service);
        if reads || !own.is_empty() {
            publish.push(format!("$JS.API.STREAM.INFO.{}", spec.name));
        }
        if reads {
            publish.extend(reading(&spec.name));
        }
        publish.extend(own);
    }
    for durable in DURABLES.iter().filter(|d| d.service == service) {
        let stream = topology.stream_name(durable.stream);
        publish.extend(pulling(&stream, durable.name));
    }
    publish.push(topology.announcements(service));
    let mut subscribe = vec![format!("_INBOX_{}.>", service.name().replace('-', "_"))];
    if service == Service::Control {
        subscribe.push(topology.announcements(Service::Enforcement));
    }
    let answers = service == Service::Ingest;
    if answers {
        subscribe.push(format!("{}.in.trace.*", topology.prefix()));
    }
    Permissions {
        publish,
        subscribe,
        allow_responses: answers,
    }
}

/// An ephemeral ordered consumer that pushes to the service's own inbox, and direct reads. On the
/// subject that ends with the stream the server makes no durable consumer.
fn reading(stream: &str) -> [String; 4] {
    [
        format!("$JS.API.CONSUMER.CREATE.{stream}"),
        format!("$JS.API.STREAM.MSG.GET.{stream}"),
        format!("$JS.API.DIRECT.GET.{stream}.>"),
        format!("$JS.FC.{stream}.>"),
    ]
}

fn pulling(stream: &str, durable: &str) -> [String; 4] {
    [
        format!("$JS.API.CONSUMER.INFO.{stream}.{durable}"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"),
        format!("$JS.ACK.{stream}.{durable}.>"),
        format!("$JS.ACK.*.*.{stream}.{durable}.>"),
    ]
}
