//! Prompts that somebody has to approve before they are deployed → requests.

use serde_json::json;
use writ_contract::{AgentId, ApprovalId, Envelope, KeyId, PromptId, Stream, Unreadable, wire};
use writ_eventlog::Content;
use writ_pg::PgError;

use super::feed::{Feed, Mark, time};
use crate::command::Desk;
use crate::domain::{Event, Party, State, Status};
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
        let asked = match &delivered.content {
            Content::Fact(envelope) => read(desk, envelope),
            Content::Packed(_) | Content::Unreadable(_) => Ok(None),
        };
        let asked = asked.unwrap_or_else(|error| {
            metrics::unreadable(FEED);
            tracing::error!(%error, "a prompt's request is not readable: nobody can approve it");
            None
        });
        if let Some(entry) = asked {
            make(desk, entry, feed.mark(&delivered)).await?;
        }
    }
}

/// The request of a version that waits for approval.
fn read(desk: &Desk, envelope: &Envelope) -> Result<Option<Entry>, Unreadable> {
    let fact: wire::PromptVersion = envelope.open()?;
    let Some(pending) = fact.pending else {
        return Ok(None);
    };
    let malformed = |field: &str| Unreadable::Malformed(format!("{field} of a prompt's request"));
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

/// Writes the request down, once.
async fn make(desk: &Desk, entry: Entry, mark: Mark) -> Result<(), Error> {
    let mut tx = desk.pools.writer.begin().await?;
    let mut stated = Vec::new();
    if store::insert(&mut tx, &entry).await? {
        let actor = entry.state.requesters.first().cloned();
        let stamp = Stamp {
            id: desk.new_event(),
            at: entry.state.requested_at,
            actor: actor.map_or(Actor::System, Actor::Key),
        };
        let requested = desk
            .state(&mut tx, &entry, &Event::Requested, &stamp)
            .await?;
        stated.extend(requested);
    }
    mark.save(&mut tx).await?;
    let committed: Result<_, PgError> = desk.outbox.commit_writer(tx, &stated).await;
    drop(committed?);
    Ok(())
}
