//! One list of ids. Each is a UUIDv7 in a type of its own; on the wire it wears a prefix, except
//! agents and events, which clients expect as bare UUIDs.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// A text or byte string that is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, as in \"{example}\"")]
pub struct InvalidId {
    expected: &'static str,
    example: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal, $example:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// What the id wears on the wire; empty for a bare UUID.
            pub const PREFIX: &'static str = $prefix;

            /// The 16 bytes a fact carries.
            #[must_use]
            pub fn to_bytes(self) -> Vec<u8> {
                self.0.as_bytes().to_vec()
            }

            /// Reads the 16 bytes of a fact.
            ///
            /// # Errors
            /// [`InvalidId`] when the slice is not 16 bytes long.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidId> {
                Uuid::from_slice(bytes).map(Self).map_err(|_| Self::invalid())
            }

            fn invalid() -> InvalidId {
                InvalidId { expected: $what, example: $example }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                if Self::PREFIX.is_empty() {
                    write!(f, "{}", self.0.as_hyphenated())
                } else {
                    write!(f, "{}{}", Self::PREFIX, self.0.as_simple())
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Reads the prefixed form, and a bare UUID in any spelling.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let bare = text.strip_prefix(Self::PREFIX).unwrap_or(text);
                Uuid::try_parse(bare).map(Self).map_err(|_| Self::invalid())
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $what, "examples": [$example] })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A tenant.
    OrgId, "org_", "an organisation id", "org_01980c5e7d4b7c2e9f3a5b6c7d8e9f00"
);
id!(
    /// An agent as registered. Bare on the wire: clients put it into paths.
    AgentId, "", "an agent id (UUID)", "01980c5e-7d4b-7c2e-9f3a-5b6c7d8e9f00"
);
id!(
    /// An API key, not its text.
    KeyId, "key_", "a key id", "key_01980c5e7d4b7c2e9f3a5b6c7d8e9f00"
);
id!(
    /// A policy.
    PolicyId, "pol_", "a policy id", "pol_01980c5e7d4b7c2e9f3a5b6c7d8e9f00"
);
id!(
    /// One enforcement decision.
    DecisionId, "dec_", "a decision id", "dec_01980c5e7d4b7c2e9f3a5b6c7d8e9f00"
);
id!(
    /// A request that somebody approve a held action.
    ApprovalId, "apr_", "an approval id", "apr_01980c5e7d4b7c2e9f3a5b6c7d8e9f00"
);
id!(
    /// What became of an act, learnt after its trace.
    ResolutionId, "res_", "a resolution id", "res_01980c5e7d4b7c2e9f3a5b6c7d8e9f00"
);
id!(
    /// Something that a person has to look at.
    IncidentId, "inc_", "an incident id", "inc_01980c5e7d4b7c2e9f3a5b6c7d8e9f00"
);
id!(
    /// A webhook endpoint.
    WebhookId, "whk_", "a webhook id", "whk_01980c5e7d4b7c2e9f3a5b6c7d8e9f00"
);
id!(
    /// A validator: a customer's HTTP service that policies may ask.
    ValidatorId, "val_", "a validator id", "val_01980c5e7d4b7c2e9f3a5b6c7d8e9f00"
);
id!(
    /// A grant: what one agent may ask of another.
    GrantId, "grt_", "a grant id", "grt_01980c5e7d4b7c2e9f3a5b6c7d8e9f00"
);
id!(
    /// A version of an agent's prompt.
    PromptId, "prv_", "a prompt version id", "prv_01980c5e7d4b7c2e9f3a5b6c7d8e9f00"
);
id!(
    /// An identity provider of an organisation.
    IssuerId, "iss_", "an issuer id", "iss_01980c5e7d4b7c2e9f3a5b6c7d8e9f00"
);
id!(
    /// A pause beyond one agent's own switch.
    PauseId, "pau_", "a pause id", "pau_01980c5e7d4b7c2e9f3a5b6c7d8e9f00"
);
id!(
    /// A delegation: what one agent handed down to another.
    DelegationId, "dlg_", "a delegation id", "dlg_01980c5e7d4b7c2e9f3a5b6c7d8e9f00"
);
id!(
    /// A request of a data subject.
    PrivacyRequestId, "prq_", "a privacy request id", "prq_01980c5e7d4b7c2e9f3a5b6c7d8e9f00"
);
id!(
    /// The pseudonym of a person; whose it is stands only in control's `person` table.
    PersonId, "per_", "a person id", "per_01980c5e7d4b7c2e9f3a5b6c7d8e9f00"
);
id!(
    /// A finding of the anomaly service.
    FindingId, "fnd_", "a finding id", "fnd_01980c5e7d4b7c2e9f3a5b6c7d8e9f00"
);
id!(
    /// A fact or record; also the `Nats-Msg-Id` of a single-fact message.
    EventId, "", "an event id (UUID)", "01980c5e-7d4b-7c2e-9f3a-5b6c7d8e9f00"
);
id!(
    /// A body kept beside the facts.
    BodyId, "", "a body id (UUID)", "01980c5e-7d4b-7c2e-9f3a-5b6c7d8e9f00"
);
id!(
    /// One life of one replica.
    IncarnationId, "", "an incarnation id (UUID)", "01980c5e-7d4b-7c2e-9f3a-5b6c7d8e9f00"
);

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: Uuid = Uuid::from_u128(0x0198_0c5e_7d4b_7c2e_9f3a_5b6c_7d8e_9f00);

    #[test]
    fn an_id_reads_back_what_it_shows() {
        assert_eq!(OrgId(RAW).to_string().parse(), Ok(OrgId(RAW)));
        assert_eq!(AgentId(RAW).to_string().parse(), Ok(AgentId(RAW)));
        assert_eq!(OrgId::from_bytes(&OrgId(RAW).to_bytes()), Ok(OrgId(RAW)));
    }

    #[test]
    fn a_bare_uuid_is_accepted_where_a_prefixed_id_is_expected() {
        assert_eq!(
            "01980c5e-7d4b-7c2e-9f3a-5b6c7d8e9f00".parse(),
            Ok(PolicyId(RAW))
        );
    }

    #[test]
    fn another_kinds_prefix_is_refused_with_an_example() {
        let refused = KeyId(RAW).to_string().parse::<PolicyId>();
        let text = refused.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(text.contains("pol_"), "{text}");
    }
}
