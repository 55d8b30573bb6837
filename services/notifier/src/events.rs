//! Changes of endpoints as facts.

use chrono::{DateTime, Utc};
use prost::Message;
use uuid::Uuid;
use writ_contract::{Audit, Envelope, EventId, KeyId, Kind, OrgId, Topology, wire};
use writ_pg::NewEvent;

use crate::command::Asker;
use crate::domain::endpoint::{Endpoint, Happened};

/// Who changes something, for whom, and in which trace.
struct By {
    actor: String,
    behind: Vec<String>,
    traceparent: String,
}

/// Makes facts for one subject prefix.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    pub(crate) topology: Topology,
}

impl Events {
    /// A change somebody asked for.
    pub(crate) fn of_asker(
        &self,
        asker: &Asker,
        endpoint: &Endpoint,
        happened: Happened,
        id: Uuid,
        at: DateTime<Utc>,
    ) -> NewEvent {
        let caller = &asker.caller;
        let actor = match (caller.key_id(), caller.person()) {
            (Some(key), _) => format!("key:{}", KeyId(key)),
            (None, Some(person)) => format!("person:{person}"),
            (None, None) => system(),
        };
        let by = By {
            actor,
            behind: caller.person().map(str::to_owned).into_iter().collect(),
            traceparent: asker.traceparent.clone(),
        };
        self.event(OrgId(caller.org_id()), endpoint, happened, (id, at), by)
    }

    /// A change the service made by itself.
    pub(crate) fn of_system(
        &self,
        org: OrgId,
        endpoint: &Endpoint,
        happened: Happened,
        id: Uuid,
        at: DateTime<Utc>,
    ) -> NewEvent {
        let by = By {
            actor: system(),
            behind: Vec::new(),
            traceparent: String::new(),
        };
        self.event(org, endpoint, happened, (id, at), by)
    }

    fn event(
        &self,
        org: OrgId,
        endpoint: &Endpoint,
        happened: Happened,
        (id, at): (Uuid, DateTime<Utc>),
        by: By,
    ) -> NewEvent {
        let webhook = endpoint.id.to_string();
        let reason_code = match happened {
            Happened::Disabled(reason) => format!("WEBHOOK_{}", reason.as_str().to_uppercase()),
            Happened::Created | Happened::Rotated | Happened::Deleted => String::new(),
        };
        let envelope = Envelope {
            event_id: EventId(id),
            kind: Kind::of::<wire::WebhookEndpoint>(happened.verb()),
            org,
            aggregate_id: webhook.clone(),
            version: endpoint.version,
            occurred_at_us: at.timestamp_micros(),
            audit: Audit {
                actor: by.actor,
                action: format!("webhook.{}", action(happened)),
                target: format!("webhook:{webhook}"),
                on_behalf_of: by.behind,
                outcome: "succeeded".to_owned(),
                reason_code,
            },
            fact: endpoint.fact().encode_to_vec(),
            traceparent: by.traceparent,
        };
        NewEvent {
            subject: self.topology.fact::<wire::WebhookEndpoint>(org, &webhook),
            envelope,
        }
    }
}

fn system() -> String {
    format!("system:{}", crate::NAME)
}

/// The present tense of a change.
const fn action(happened: Happened) -> &'static str {
    match happened {
        Happened::Created => "create",
        Happened::Disabled(_) => "disable",
        Happened::Rotated => "rotate",
        Happened::Deleted => "delete",
    }
}
