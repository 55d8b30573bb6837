//! Prompts that somebody has to approve before they are deployed → requests, and the end of those
//! that nobody waits for any more.

use serde_json::json;
use uuid::Uuid;
use writ_contract::{
    AgentId, ApprovalId, Envelope, KeyId, OrgId, PromptId, Stream, Unreadable, wire,
};
use writ_eventlog::Content;
use writ_pg::{PgError, WriterTx};

use super::feed::{Feed, Mark, time};
use crate::command::Desk;
use crate::domain::{Cancel, Cause, Event, Party, State, Status};
use crate::error::Error;
use crate::facts::{Actor, Stamp};
use crate::metrics;
use crate::store::{self, Card, Entry};

const FEED: &str = "approval_prompts";

/// Makes requests until something goes wrong.
pub(super) async fn run(desk: &Desk) -> Result<(), Error> {
    let filters = vec![desk.log.topology().facts::<wire::PromptVersion>()];
    let mut feed = Feed::open(desk, FEED, Stream::Control, filters).await?;
    loop {
        let Some(delivered) = feed.advance().await? else {
            continue;
        };
        let said = match &delivered.content {
            Content::Fact(envelope) => read(desk, envelope),
            Content::Packed(_) | Content::Unreadable(_) => Ok(Said::default()),
        };
        let said = said.unwrap_or_else(|error| {
            metrics::unreadable(FEED);
            tracing::error!(%error, "a prompt's request is not readable: nobody can approve it");
            Said::default()
        });
        if said.asked.is_some() || said.ended.is_some() {
            carry_out(desk, said, feed.mark(&delivered)).await?;
        }
    }
}

/// What a fact about a prompt says of requests.
#[derive(Debug, Default)]
struct Said {
    /// The one it waits for.
    asked: Option<Entry>,
    /// One that it no longer waits for.
    ended: Option<(OrgId, ApprovalId)>,
}

fn read(desk: &Desk, envelope: &Envelope) -> Result<Said, Unreadable> {
    let fact: wire::PromptVersion = envelope.open()?;
    let ended = match fact.cancelled_approval_id.as_slice() {
        [] => None,
        id => {
            let id = ApprovalId::from_bytes(id).map_err(|_| malformed("cancelled_approval_id"))?;
            Some((envelope.org, id))
        }
    };
    Ok(Said {
        asked: request(desk, envelope, fact)?,
        ended,
    })
}

fn malformed(field: &str) -> Unreadable {
    Unreadable::Malformed(format!("{field} of a prompt's request"))
}

/// The request of a version that waits for approval.
fn request(
    desk: &Desk,
    envelope: &Envelope,
    fact: wire::PromptVersion,
) -> Result<Option<Entry>, Unreadable> {
    let Some(pending) = fact.pending else {
        return Ok(None);
    };
    let id = ApprovalId::from_bytes(&pending.approval_id).map_err(|_| malformed("approval_id"))?;
    let prompt = PromptId::from_bytes(&fact.prompt_id).map_err(|_| malformed("prompt_id"))?;
    let agent = AgentId::from_bytes(&fact.agent_id).map_err(|_| malformed("agent_id"))?;
    let context = json!({
        "kind": "prompt_deployment",
        "promptVersionId": prompt,
        "versionNumber": fact.number,
        "environment": pending.environment,
    });
    let context = context.to_string();
    let key = desk.digest.for_org(envelope.org);
    let requested_at = time(pending.requested_at_us);
    let life = desk.lives.prompt;
    let state = State {
        id,
        org: envelope.org,
        agent,
        external_agent: fact.external_agent_id,
        environment: pending.environment,
        // Each request is one of its own: nothing joins it.
        action_digest: key.digest(format!("{id} {context}").as_bytes()),
        policies: Vec::new(),
        policy_set_hash: Vec::new(),
        decisions: Vec::new(),
        requesters: vec![Party {
            key: KeyId::from_bytes(&pending.key_id).map_err(|_| malformed("key_id"))?,
            person: Some(pending.person).filter(|person| !person.is_empty()),
        }],
        requested_at,
        expires_at: requested_at
            .checked_add_signed(life)
            .unwrap_or(requested_at),
        status: Status::Pending,
        decided: None,
        certified: None,
        used: None,
    };
    let card = Card {
        action_context: Some(context),
        violations: Some("[]".to_owned()),
        ..Card::default()
    };
    Ok(Some(Entry {
        state,
        version: 1,
        seq: 0,
        grant_event: None,
        certificate: None,
        reason_digest: None,
        card,
        traceparent: envelope.traceparent.clone(),
    }))
}

/// Ends one request and writes another down, each once.
async fn carry_out(desk: &Desk, said: Said, mark: Mark) -> Result<(), Error> {
    let mut tx = desk.pools.writer.begin().await?;
    let mut stated = Vec::new();
    if let Some((org, id)) = said.ended {
        stated.extend(cancel(desk, &mut tx, org, id).await?);
    }
    if let Some(entry) = &said.asked {
        stated.extend(make(desk, &mut tx, entry).await?);
    }
    mark.save(&mut tx).await?;
    let committed: Result<_, PgError> = desk.outbox.commit_writer(tx, &stated).await;
    drop(committed?);
    Ok(())
}

/// Ends a request that still waits; one that was decided stays as it was decided.
async fn cancel(
    desk: &Desk,
    tx: &mut WriterTx,
    org: OrgId,
    id: ApprovalId,
) -> Result<Vec<Uuid>, PgError> {
    let Some(entry) = store::lock(tx, org, id).await? else {
        return Ok(Vec::new());
    };
    let Ok(event) = Cancel(Cause::PromptMovedOn).decide(&entry.state, &desk.facts()) else {
        return Ok(Vec::new());
    };
    let (_, stated) = desk.apply(tx, entry, &event, Actor::System).await?;
    Ok(stated)
}

async fn make(desk: &Desk, tx: &mut WriterTx, entry: &Entry) -> Result<Vec<Uuid>, PgError> {
    if !store::insert(tx, entry).await? {
        return Ok(Vec::new());
    }
    let actor = entry.state.requesters.first().cloned();
    let stamp = Stamp {
        id: desk.new_event(),
        at: entry.state.requested_at,
        actor: actor.map_or(Actor::System, Actor::Key),
    };
    desk.state(tx, entry, &Event::Requested, &stamp).await
}
