//! What the other services state.

use uuid::Uuid;
use writ_access::{ApiKey, Pepper, Prefix, key};
use writ_contract::{
    Audit, DecisionId, Envelope, EventId, Fact, IncarnationId, KeyId, Kind, OrgId, Packed, Record,
    Service, Shard, wire,
};

use super::{PEPPER, SOON, Stage};

impl Stage {
    /// Publishes a fact of its owner; its event id.
    pub(crate) async fn publish<F: Fact>(
        &self,
        org: OrgId,
        key: &str,
        version: u64,
        fact: &F,
    ) -> EventId {
        let envelope = envelope(org, key, version, fact);
        self.publish_again::<F>(key, &envelope).await;
        envelope.event_id
    }

    pub(crate) async fn publish_again<F: Fact>(&self, key: &str, envelope: &Envelope) {
        let log = self.log(F::OWNER);
        let subject = log.topology().fact::<F>(envelope.org, key);
        log.publish_fact(&subject, envelope, None, SOON)
            .await
            .unwrap();
    }

    /// Policies `1..=count`, one version each.
    pub(crate) async fn policies(&self, org: OrgId, from: u64, count: u64) -> Vec<EventId> {
        let mut ids = Vec::new();
        for n in from..from + count {
            ids.push(
                self.publish(org, &format!("pol_{n}"), 1, &wire::Policy::default())
                    .await,
            );
        }
        ids
    }

    /// A packed message of decisions with these numbers.
    pub(crate) async fn decisions(&self, org: OrgId, incarnation: u128, numbers: &[u64]) -> Packed {
        let record = |number: &u64| {
            let id = DecisionId(Uuid::now_v7());
            let fact = wire::Decision {
                decision_id: id.to_bytes(),
                agent_id: Uuid::from_u128(4).as_bytes().to_vec(),
                external_agent_id: "support".into(),
                ..wire::Decision::default()
            };
            let envelope = envelope(org, &id.to_string(), 0, &fact);
            Record {
                org,
                event_id: envelope.event_id,
                emitter_seq: *number,
                envelope: envelope.encode(),
            }
        };
        let packed = Packed {
            incarnation: IncarnationId(Uuid::from_u128(incarnation)),
            service: "enforcement".into(),
            records: numbers.iter().map(record).collect(),
            closes: false,
        };
        self.append(org, &packed).await;
        packed
    }

    /// Appends a packed message under an id of its own.
    pub(crate) async fn append(&self, org: OrgId, packed: &Packed) {
        let log = self.log(Service::Enforcement);
        let subject = log.topology().decision(Shard::of(org));
        let id = Uuid::now_v7().to_string();
        log.append_packed(&subject, &id, packed, SOON)
            .await
            .unwrap();
    }

    /// A key of an organisation; one more fact.
    pub(crate) async fn key(&self, org: OrgId, role: &str) -> String {
        let key = ApiKey::generate(Prefix::Live, rand_bytes());
        let fact = wire::ApiKey {
            key_id: KeyId(Uuid::now_v7()).to_bytes(),
            public_id: key.public_id().to_owned(),
            mac: key::mac(&Pepper::new(PEPPER).unwrap(), key.expose()).to_vec(),
            role: role.to_owned(),
            ..wire::ApiKey::default()
        };
        self.publish(org, key.public_id(), 1, &fact).await;
        key.expose().to_owned()
    }
}

pub(crate) fn org() -> OrgId {
    OrgId(Uuid::now_v7())
}

pub(crate) fn envelope<F: Fact>(org: OrgId, key: &str, version: u64, fact: &F) -> Envelope {
    Envelope {
        event_id: EventId(Uuid::now_v7()),
        kind: Kind::of::<F>("updated"),
        org,
        aggregate_id: key.to_owned(),
        version,
        occurred_at_us: 1_790_000_000_000_000,
        audit: Audit {
            actor: "key:key_1".into(),
            action: format!("{}.update", F::AGGREGATE),
            target: format!("{}:{key}", F::AGGREGATE),
            outcome: "succeeded".into(),
            ..Audit::default()
        },
        fact: fact.encode_to_vec(),
        traceparent: String::new(),
    }
}

fn rand_bytes() -> [u8; 32] {
    let (one, two) = (Uuid::now_v7(), Uuid::now_v7());
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(one.as_bytes());
    bytes[16..].copy_from_slice(two.as_bytes());
    bytes
}
