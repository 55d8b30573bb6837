//! Erasures that control has begun → cards without what they held of the subject.

use prost::Message as _;
use writ_contract::{
    Audit, Envelope, EventId, Fact as _, Kind, PrivacyRequestId, Stream, Unreadable, wire,
};
use writ_eventlog::Content;
use writ_pg::NewEvent;
use writ_service_kit::ids::new_v7;

use super::feed::Feed;
use crate::command::Desk;
use crate::error::Error;
use crate::{NAME, metrics, store};

const FEED: &str = "approval_erasures";

/// Erases until something goes wrong.
pub(super) async fn run(desk: &Desk) -> Result<(), Error> {
    let filters = vec![desk.log.topology().facts::<wire::PrivacyRequest>()];
    let mut feed = Feed::open(desk, FEED, Stream::Control, filters).await?;
    loop {
        let Some(delivered) = feed.advance().await? else {
            continue;
        };
        let begun = match &delivered.content {
            Content::Fact(envelope) => begun(envelope),
            Content::Packed(_) | Content::Unreadable(_) => Ok(None),
        };
        let begun = begun.unwrap_or_else(|error| {
            metrics::unreadable(FEED);
            tracing::error!(%error, "an erasure is not readable: control goes on waiting for it");
            None
        });
        let mut tx = desk.pools.writer.begin().await?;
        let mut stated = Vec::new();
        if let Some(erasure) = begun
            && !store::is_stated(&mut tx, &erasure.id.to_string()).await?
        {
            let cards = store::erase_cards(&mut tx, erasure.envelope.org, &erasure.digests).await?;
            let event = carried_out(desk, &erasure, cards);
            stated.push(event.envelope.event_id.0);
            writ_pg::append(&mut tx, &[event]).await?;
        }
        feed.mark(&delivered).save(&mut tx).await?;
        drop(desk.outbox.commit_writer(tx, &stated).await?);
    }
}

/// An erasure that is to be carried out.
struct Begun<'a> {
    envelope: &'a Envelope,
    id: PrivacyRequestId,
    digests: Vec<Vec<u8>>,
}

fn begun(envelope: &Envelope) -> Result<Option<Begun<'_>>, Unreadable> {
    let fact: wire::PrivacyRequest = envelope.open()?;
    if fact.state != "erasing" {
        return Ok(None);
    }
    let malformed = |_| Unreadable::Malformed("request_id of an erasure".to_owned());
    Ok(Some(Begun {
        envelope,
        id: PrivacyRequestId::from_bytes(&fact.request_id).map_err(malformed)?,
        digests: fact.subject_digests,
    }))
}

/// The fact that this service holds nothing more.
fn carried_out(desk: &Desk, erasure: &Begun<'_>, cards: u64) -> NewEvent {
    let key = erasure.id.to_string();
    let org = erasure.envelope.org;
    let fact = wire::CardErasure {
        request_id: erasure.id.to_bytes(),
        cards,
    };
    let topology = desk.log.topology();
    NewEvent {
        subject: topology.fact::<wire::CardErasure>(org, &key),
        envelope: Envelope {
            event_id: EventId(new_v7(desk.clock.as_ref())),
            kind: Kind::of::<wire::CardErasure>("carried_out"),
            org,
            version: 1,
            occurred_at_us: desk.now().timestamp_micros(),
            audit: Audit {
                actor: format!("system:{NAME}"),
                action: format!("{}.carry_out", wire::CardErasure::AGGREGATE),
                target: format!("{}:{key}", wire::PrivacyRequest::AGGREGATE),
                outcome: "succeeded".to_owned(),
                ..Audit::default()
            },
            fact: fact.encode_to_vec(),
            traceparent: erasure.envelope.traceparent.clone(),
            aggregate_id: key,
        },
    }
}
