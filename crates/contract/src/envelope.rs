//! What a fact travels in. [`Envelope`] is checked: its ids are ids, its type has the form
//! `<aggregate>.<past tense>.v<major>`. [`wire::Envelope`] is the form on the log.

use prost::Message;

use crate::fact::{Fact, Kind};
use crate::ids::{EventId, IncarnationId, InvalidId, OrgId};
use crate::wire;

/// Header that names the type of a single-fact message.
pub const TYPE_HEADER: &str = "Writ-Type";
/// Header that carries the owner's signature: `<key id>:<base64 Ed25519>` over subject ‖ LF ‖ payload.
pub const SIGNATURE_HEADER: &str = "Writ-Signature";
/// `Writ-Type` of a packed message.
pub const PACKED_TYPE: &str = "packed.v1";

/// Bytes on a subject that are not what the contract promises.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not the Protobuf message it should be.
    #[error("not a readable message: {0}")]
    Malformed(String),
    /// A field that must be an id is none.
    #[error("field {field}: {source}")]
    Id {
        /// The field's name.
        field: &'static str,
        /// What was expected.
        source: InvalidId,
    },
    /// A type that is not `<aggregate>.<past tense>.v<major>`.
    #[error("\"{0}\" is not a fact type")]
    Type(String),
    /// A newer major version than this build reads: the organisation must fail closed.
    #[error("{found} has a newer major version than v{known}, which is what this build reads")]
    NewerMajor {
        /// The type met.
        found: String,
        /// The major version that is read.
        known: u32,
    },
    /// A fact of another aggregate than the reader asked for.
    #[error("expected a fact of {expected}, found {found}")]
    OtherAggregate {
        /// The aggregate asked for.
        expected: &'static str,
        /// The type met.
        found: String,
    },
}

impl From<prost::DecodeError> for Unreadable {
    fn from(error: prost::DecodeError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// Who did what to what. The ledger, the notifier and timelines are generic over it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// `key:<id>`, `person:<id>`, `agent:<id>` or `system:<service>`.
    pub actor: String,
    /// `<aggregate>.<verb>`.
    pub action: String,
    /// `<kind>:<id>`.
    pub target: String,
    /// Pseudonymous ids of those the actor stands for, nearest first.
    pub on_behalf_of: Vec<String>,
    /// `allowed`, `held`, `denied`, `succeeded` or `failed`.
    pub outcome: String,
    /// A stable word such as `AGENT_PAUSED`; empty when there is nothing to explain.
    pub reason_code: String,
}

/// A fact with who, when and which version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Identity of the fact; a retry keeps it.
    pub event_id: EventId,
    /// What the fact says.
    pub kind: Kind,
    /// Whose fact it is.
    pub org: OrgId,
    /// Wire id of the aggregate.
    pub aggregate_id: String,
    /// Dense from 1 for each aggregate; 0 for packed records.
    pub version: u64,
    /// Microseconds since the Unix epoch.
    pub occurred_at_us: i64,
    /// Who did what.
    pub audit: Audit,
    /// The encoded fact message.
    pub fact: Vec<u8>,
    /// W3C traceparent; empty when there was none.
    pub traceparent: String,
}

impl Envelope {
    /// Encodes for the log. Equal envelopes have equal bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let audit = &self.audit;
        wire::Envelope {
            event_id: self.event_id.to_bytes(),
            r#type: self.kind.to_string(),
            org_id: self.org.to_bytes(),
            aggregate_id: self.aggregate_id.clone(),
            version: self.version,
            occurred_at_us: self.occurred_at_us,
            audit: Some(wire::Audit {
                actor: audit.actor.clone(),
                action: audit.action.clone(),
                target: audit.target.clone(),
                on_behalf_of: audit.on_behalf_of.clone(),
                outcome: audit.outcome.clone(),
                reason_code: audit.reason_code.clone(),
            }),
            fact: self.fact.clone(),
            traceparent: self.traceparent.clone(),
        }
        .encode_to_vec()
    }

    /// Reads what [`Envelope::encode`] wrote.
    ///
    /// # Errors
    /// [`Unreadable`] when the bytes are no envelope, an id is malformed or the type has no major
    /// version. The fact inside is not looked at.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let wire = wire::Envelope::decode(bytes)?;
        let audit = wire.audit.unwrap_or_default();
        Ok(Self {
            event_id: id("event_id", EventId::from_bytes(&wire.event_id))?,
            kind: wire.r#type.parse()?,
            org: id("org_id", OrgId::from_bytes(&wire.org_id))?,
            aggregate_id: wire.aggregate_id,
            version: wire.version,
            occurred_at_us: wire.occurred_at_us,
            audit: Audit {
                actor: audit.actor,
                action: audit.action,
                target: audit.target,
                on_behalf_of: audit.on_behalf_of,
                outcome: audit.outcome,
                reason_code: audit.reason_code,
            },
            fact: wire.fact,
            traceparent: wire.traceparent,
        })
    }

    /// Reads the fact inside as an `F`.
    ///
    /// # Errors
    /// [`Unreadable`] when it is of another aggregate, of a newer major version, or malformed.
    pub fn open<F: Fact>(&self) -> Result<F, Unreadable> {
        if self.kind.aggregate() != F::AGGREGATE {
            return Err(Unreadable::OtherAggregate {
                expected: F::AGGREGATE,
                found: self.kind.to_string(),
            });
        }
        if self.kind.major() > F::MAJOR {
            return Err(Unreadable::NewerMajor {
                found: self.kind.to_string(),
                known: F::MAJOR,
            });
        }
        Ok(F::decode(self.fact.as_slice())?)
    }
}

/// One record of a packed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Whose record it is.
    pub org: OrgId,
    /// Identity of the record.
    pub event_id: EventId,
    /// Dense from 1 for each organisation in one incarnation.
    pub emitter_seq: u64,
    /// The encoded envelope.
    pub envelope: Vec<u8>,
}

/// A message of the gate or of an input stream: many records of one emitter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Which life of which replica numbered the records.
    pub incarnation: IncarnationId,
    /// The emitting service.
    pub service: String,
    /// In the order of their numbers.
    pub records: Vec<Record>,
    /// The incarnation ended in order with this message.
    pub closes: bool,
}

impl Packed {
    /// Encodes for the log.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::Packed {
            incarnation: self.incarnation.to_bytes(),
            service: self.service.clone(),
            records: self
                .records
                .iter()
                .map(|r| wire::Record {
                    org_id: r.org.to_bytes(),
                    event_id: r.event_id.to_bytes(),
                    emitter_seq: r.emitter_seq,
                    envelope: r.envelope.clone(),
                })
                .collect(),
            closes: self.closes,
        }
        .encode_to_vec()
    }

    /// Reads what [`Packed::encode`] wrote.
    ///
    /// # Errors
    /// [`Unreadable`] when the bytes are no packed message or an id is malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let wire = wire::Packed::decode(bytes)?;
        let records = wire
            .records
            .into_iter()
            .map(record)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            incarnation: id("incarnation", IncarnationId::from_bytes(&wire.incarnation))?,
            service: wire.service,
            records,
            closes: wire.closes,
        })
    }
}

fn record(wire: wire::Record) -> Result<Record, Unreadable> {
    Ok(Record {
        org: id("org_id", OrgId::from_bytes(&wire.org_id))?,
        event_id: id("event_id", EventId::from_bytes(&wire.event_id))?,
        emitter_seq: wire.emitter_seq,
        envelope: wire.envelope,
    })
}

fn id<T>(field: &'static str, read: Result<T, InvalidId>) -> Result<T, Unreadable> {
    read.map_err(|source| Unreadable::Id { field, source })
}
