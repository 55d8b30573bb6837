//! What nobody's message brings about: the end of a request's life, and of its agent.

use std::time::Duration;

use writ_contract::{ApprovalId, OrgId};

use crate::command::Desk;
use crate::domain::{Cancel, Cause, Event, Expire, Facts, Refusal, State};
use crate::error::Error;
use crate::facts::Actor;
use crate::store;

/// Requests ended in one round.
const ROUND: i64 = 200;

/// Ends requests until something goes wrong.
pub(super) async fn run(desk: &Desk, every: Duration) -> Result<(), Error> {
    loop {
        tokio::time::sleep(every).await;
        let mut tx = desk.pools.writer.begin().await?;
        let due = store::due(&mut tx, desk.now(), ROUND).await?;
        let archived = desk.pauses.archived();
        let orphaned = if archived.is_empty() {
            Vec::new()
        } else {
            store::pending_of(&mut tx, &archived).await?
        };
        drop(tx);
        for (org, id) in due {
            end(desk, org, id, |state, facts| Expire.decide(state, facts)).await?;
        }
        for (org, id) in orphaned {
            let cancel = Cancel(Cause::AgentArchived);
            end(desk, org, id, |state, facts| cancel.decide(state, facts)).await?;
        }
        desk.pauses.swept(&archived);
    }
}

/// Ends one request, if the domain agrees now that it is locked.
async fn end(
    desk: &Desk,
    org: OrgId,
    id: ApprovalId,
    decide: impl Fn(&State, &Facts) -> Result<Event, Refusal>,
) -> Result<(), Error> {
    let mut tx = desk.pools.writer.begin().await?;
    let Some(entry) = store::lock(&mut tx, org, id).await? else {
        return Ok(());
    };
    let Ok(event) = decide(&entry.state, &desk.facts()) else {
        return Ok(());
    };
    let (_, stated) = desk.apply(&mut tx, entry, &event, Actor::System).await?;
    drop(desk.outbox.commit_writer(tx, &stated).await?);
    Ok(())
}
