//! The gate → requests, and uses written down.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;
use writ_contract::topology::GateLeaf;
use writ_contract::{ApprovalId, Envelope, Fact, OrgId, Stream, wire};
use writ_eventlog::{BodyError, Content};
use writ_pg::{PgError, WriterTx};
use writ_service_kit::Requirement;

use super::feed::{Feed, Mark, time};
use super::hold::{self, Held};
use crate::command::Desk;
use crate::domain::{Event, Expire, Join, Status, Used};
use crate::error::Error;
use crate::facts::{Actor, Stamp};
use crate::metrics;
use crate::store::{self, Card, Entry};

const FEED: &str = "approval_gate";
/// How often the resume point is saved while nothing concerns this service.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// Something on the gate that concerns this service.
#[derive(Debug)]
enum Item {
    Held(Box<Held>, Card),
    Consumed(OrgId, ApprovalId, Used),
}

/// Applies what the gate records until something goes wrong.
pub(super) async fn run(desk: &Desk, caught_up: &Requirement) -> Result<(), Error> {
    let topology = desk.log.topology();
    let filters = vec![
        topology.gate(GateLeaf::Decision),
        topology.gate(GateLeaf::Consumed),
    ];
    let mut feed = Feed::open(desk, FEED, Stream::Gate, filters).await?;
    let mut saved = Instant::now();
    loop {
        if feed.caught_up() {
            caught_up.met();
        }
        let Some(delivered) = feed.advance().await? else {
            continue;
        };
        let mut items = Vec::new();
        for envelope in envelopes(&delivered.content) {
            items.extend(read(desk, &envelope).await?);
        }
        if !items.is_empty() || saved.elapsed() >= SAVE_EVERY {
            apply_all(desk, items, feed.mark(&delivered)).await?;
            saved = Instant::now();
        }
    }
}

/// Applies the items of one message, each in a transaction of its own so that one the store cannot
/// take does not hold up the others; the last saves the resume point.
async fn apply_all(desk: &Desk, items: Vec<Item>, mark: Mark) -> Result<(), Error> {
    let mut items = items.into_iter().peekable();
    loop {
        let item = items.next();
        let last = items.peek().is_none();
        match apply_one(desk, item, last.then_some(&mark)).await {
            Ok(()) => {}
            Err(PgError::Refused(error)) => pass_over(&error),
            Err(error) => return Err(error.into()),
        }
        if last {
            return Ok(());
        }
    }
}

async fn apply_one(desk: &Desk, item: Option<Item>, mark: Option<&Mark>) -> Result<(), PgError> {
    let mut tx = desk.pools.writer.begin().await?;
    let stated = match item {
        Some(Item::Held(held, card)) => apply_hold(desk, &mut tx, *held, card).await?,
        Some(Item::Consumed(org, id, used)) => apply_use(desk, &mut tx, org, id, used).await?,
        None => Vec::new(),
    };
    if let Some(mark) = mark {
        mark.save(&mut tx).await?;
    }
    drop(desk.outbox.commit_writer(tx, &stated).await?);
    Ok(())
}

fn envelopes(content: &Content) -> Vec<Envelope> {
    let read = |record: &writ_contract::Record| match Envelope::decode(&record.envelope) {
        Ok(envelope) => Some(envelope),
        Err(error) => {
            pass_over(&error);
            None
        }
    };
    match content {
        Content::Fact(envelope) => vec![(**envelope).clone()],
        Content::Packed(packed) => packed.records.iter().filter_map(read).collect(),
        Content::Unreadable(error) => {
            pass_over(error);
            Vec::new()
        }
    }
}

/// Whoever waits for a decision that cannot be read gets no approval: it fails closed.
fn pass_over(error: &dyn std::fmt::Display) {
    metrics::unreadable(FEED);
    tracing::error!(%error, "record of the gate not readable");
}

async fn read(desk: &Desk, envelope: &Envelope) -> Result<Option<Item>, Error> {
    let item = match envelope.kind.aggregate() {
        wire::Decision::AGGREGATE => match hold::read(envelope) {
            Ok(None) => return Ok(None),
            Ok(Some(held)) => {
                let card = Card {
                    subject: held.subject.clone(),
                    ..card(desk, &held).await?
                };
                Ok(Item::Held(Box::new(held), card))
            }
            Err(error) => Err(error.to_string()),
        },
        wire::Consumed::AGGREGATE => consumed(envelope),
        _ => return Ok(None),
    };
    Ok(item.inspect_err(|error| pass_over(error)).ok())
}

fn consumed(envelope: &Envelope) -> Result<Item, String> {
    let fact: wire::Consumed = envelope.open().map_err(|e| e.to_string())?;
    let id = ApprovalId::from_bytes(&fact.approval_id).map_err(|e| e.to_string())?;
    let used = Used {
        event: envelope.event_id,
        at: time(envelope.occurred_at_us),
    };
    Ok(Item::Consumed(envelope.org, id, used))
}

/// What the approver will see. A body that is gone is not waited for.
async fn card(desk: &Desk, held: &Held) -> Result<Card, Error> {
    let Some(reference) = &held.body else {
        metrics::missing_body();
        return Ok(hold::card(None));
    };
    let key = desk.digest.for_org(held.hold.org);
    match desk.log.get_body(reference, &key).await {
        Ok(body) => Ok(hold::card(Some(&body))),
        Err(BodyError::Gone) => {
            metrics::missing_body();
            Ok(hold::card(None))
        }
        Err(away @ BodyError::Unavailable(_)) => Err(away.into()),
    }
}

/// Joins the open request about the same act, or makes one.
async fn apply_hold(
    desk: &Desk,
    tx: &mut WriterTx,
    Held {
        hold, traceparent, ..
    }: Held,
    card: Card,
) -> Result<Vec<Uuid>, PgError> {
    if store::is_known(tx, hold.org, hold.decision).await? {
        return Ok(Vec::new());
    }
    let actor = Actor::Key(hold.by.clone());
    let mut stated = Vec::new();
    if let Some(entry) = store::lock_equal(tx, &hold).await? {
        let id = entry.state.id;
        let join = Join {
            decision: hold.decision,
            by: hold.by.clone(),
        };
        match join.decide(&entry.state, &desk.facts()) {
            Ok(event) => {
                let (_, stated) = desk.apply(tx, entry, &event, actor).await?;
                store::remember(tx, hold.org, hold.decision, id).await?;
                return Ok(stated);
            }
            // Its life is over and the sweep has not been here yet: it makes room.
            Err(_) => {
                if let Ok(event) = Expire.decide(&entry.state, &desk.facts()) {
                    stated = desk.apply(tx, entry, &event, Actor::System).await?.1;
                }
            }
        }
    }
    let entry = Entry {
        traceparent,
        ..new_entry(desk, &hold, card)
    };
    if !store::insert(tx, &entry).await? {
        tracing::error!(id = %hold.approval, "approval id is taken: the decision stays held");
        return Ok(stated);
    }
    store::remember(tx, hold.org, hold.decision, hold.approval).await?;
    let stamp = Stamp {
        id: desk.new_event(),
        at: hold.at,
        actor,
    };
    let requested = desk.state(tx, &entry, &Event::Requested, &stamp).await?;
    stated.extend(requested);
    Ok(stated)
}

fn new_entry(desk: &Desk, hold: &crate::domain::Hold, card: Card) -> Entry {
    Entry {
        state: hold.request(desk.lives.request),
        version: 1,
        seq: 0,
        grant_event: None,
        certificate: None,
        reason_digest: None,
        card,
        traceparent: String::new(),
    }
}

/// Writes down a use that the gate recorded.
async fn apply_use(
    desk: &Desk,
    tx: &mut WriterTx,
    org: OrgId,
    id: ApprovalId,
    used: Used,
) -> Result<Vec<Uuid>, PgError> {
    match store::lock(tx, org, id).await? {
        Some(entry) if entry.state.status == Status::Approved => {
            let event = Event::Consumed(used);
            Ok(desk.apply(tx, entry, &event, Actor::System).await?.1)
        }
        Some(_) | None => Ok(Vec::new()),
    }
}
