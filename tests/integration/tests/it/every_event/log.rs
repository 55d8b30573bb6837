//! The log under the ledger: what was stated on it, byte for byte, and a number that is left out.

use std::collections::HashMap;

use async_nats::HeaderMap;
use serde_json::Value;
use uuid::Uuid;
use writ_contract::envelope::{PACKED_TYPE, SIGNATURE_HEADER, TYPE_HEADER};
use writ_contract::{Envelope, IncarnationId, OrgId, Packed, Record, Service, Shard, Topology};
use writ_eventlog::Signer;

use crate::stack::Stack;

/// The streams the ledger is made from.
const STREAMS: [&str; 7] = [
    "EVT_CONTROL",
    "EVT_GATE",
    "EVT_APPROVAL",
    "EVT_ANOMALY",
    "EVT_NOTIFIER",
    "EVT_INGEST",
    "EVT_PRESENCE",
];

/// Who leaves a number out.
pub(super) const INCARNATION: Uuid = Uuid::from_u128(0x57a1);

/// Every fact, as it was stated, by the event's id.
pub(super) async fn facts(stack: &Stack) -> HashMap<Uuid, Vec<u8>> {
    let mut facts = HashMap::new();
    for stream in STREAMS {
        for message in stack.messages(stream).await {
            let is_packed = message
                .headers
                .as_ref()
                .and_then(|it| it.get(TYPE_HEADER))
                .is_some_and(|kind| kind.as_str() == PACKED_TYPE);
            if is_packed {
                let records = Packed::decode(&message.payload).unwrap().records;
                facts.extend(records.into_iter().map(|it| (it.event_id.0, it.envelope)));
            } else {
                let envelope = Envelope::decode(&message.payload).unwrap();
                facts.insert(envelope.event_id.0, message.payload.to_vec());
            }
        }
    }
    facts
}

/// A secret of the stack: 32 bytes.
pub(super) fn secret(stack: &Stack, name: &str) -> [u8; 32] {
    let file = std::fs::read(stack.data().join("secrets.json")).unwrap();
    let secrets: Value = serde_json::from_slice(&file).unwrap();
    let bytes = hex::decode(secrets[name].as_str().unwrap()).unwrap();
    bytes.try_into().unwrap()
}

/// A replica of enforcement states its second decision and never its first.
pub(super) async fn leave_a_number_out(stack: &Stack) {
    let org: OrgId = stack.var("WRIT_ORG").parse().unwrap();
    let decided = stack.messages("EVT_GATE").await.into_iter();
    let mut records = decided.filter_map(|it| Packed::decode(&it.payload).ok());
    let stated = records.find_map(|it| it.records.into_iter().find(|it| it.org == org));
    let packed = Packed {
        incarnation: IncarnationId(INCARNATION),
        service: Service::Enforcement.name().to_owned(),
        records: vec![Record {
            emitter_seq: 2,
            ..stated.unwrap()
        }],
        closes: false,
    };
    let (subject, payload) = (
        Topology::default().decision(Shard::of(org)),
        packed.encode(),
    );
    let signer = Signer::new(Service::Enforcement, secret(stack, "log_enforcement"));
    let mut headers = HeaderMap::new();
    headers.insert(TYPE_HEADER, PACKED_TYPE);
    headers.insert(SIGNATURE_HEADER, signer.sign(&subject, &payload));
    let jetstream = async_nats::jetstream::new(stack.nats("NATS_URL").await);
    let published = jetstream.publish_with_headers(subject, headers, payload.into());
    published.await.unwrap().await.unwrap();
}
