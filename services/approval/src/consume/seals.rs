//! Seals of the ledger → certificates.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;
use writ_chain::canonical::NotCanonical;
use writ_chain::certificate::{self, Approver, Certificate};
use writ_contract::{EventId, OrgId, Stream, Unreadable, wire};
use writ_eventlog::Content;
use writ_pg::WriterTx;

use super::feed::{Feed, time};
use crate::command::Desk;
use crate::domain::{Certified, Event, Seal, State};
use crate::error::Error;
use crate::facts::Actor;
use crate::{metrics, store};

const FEED: &str = "approval_seals";
/// How often the resume point is saved while no grant is sealed.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// Certifies grants as the ledger seals them, until something goes wrong.
pub(super) async fn run(desk: &Desk) -> Result<(), Error> {
    let filters = vec![desk.log.topology().facts::<wire::Sealed>()];
    let mut feed = Feed::open(desk, FEED, Stream::Audit, filters).await?;
    let mut saved = Instant::now();
    loop {
        let Some(delivered) = feed.advance().await? else {
            continue;
        };
        let sealed = read(&delivered.content, desk.lives.certificate).unwrap_or_else(|error| {
            metrics::unreadable(FEED);
            tracing::error!(%error, "seal not readable: its grants stay pending");
            Vec::new()
        });
        if sealed.is_empty() && saved.elapsed() < SAVE_EVERY {
            continue;
        }
        let mut tx = desk.pools.writer.begin().await?;
        for (grant, seal) in sealed {
            certify(desk, &mut tx, grant, seal).await?;
        }
        feed.mark(&delivered).save(&mut tx).await?;
        tx.commit().await?;
        saved = Instant::now();
    }
}

/// A sealed event: whose, and which.
type Grant = (OrgId, EventId);

/// The sealed single-fact events and when they were sealed; those that are no event ids are
/// nobody's grant.
fn read(content: &Content, life: TimeDelta) -> Result<Vec<(Grant, Seal)>, Unreadable> {
    let envelope = match content {
        Content::Fact(envelope) => envelope,
        Content::Unreadable(error) => return Err(error.clone()),
        Content::Packed(_) => return Ok(Vec::new()),
    };
    let sealed: wire::Sealed = envelope.open()?;
    let at = time(envelope.occurred_at_us);
    let grants = sealed
        .event_ids
        .iter()
        .filter_map(|id| EventId::from_bytes(id).ok());
    Ok(grants
        .map(|event| ((envelope.org, event), Seal { at, life }))
        .collect())
}

/// Signs the certificate of the request whose grant this is; most sealed events are none.
async fn certify(
    desk: &Desk,
    tx: &mut WriterTx,
    (org, grant): Grant,
    seal: Seal,
) -> Result<(), Error> {
    let Some(mut entry) = store::lock_unsealed(tx, org, grant).await? else {
        return Ok(());
    };
    if let Ok(event @ Event::Certified(certified)) = seal.decide(&entry.state) {
        let signed = certificate::sign(statement(&entry.state, certified), &desk.signer)?;
        let text = serde_json::to_string(&signed).map_err(|_| NotCanonical::NotSerializable)?;
        entry.certificate = Some(text);
        desk.apply(tx, entry, &event, Actor::System).await?;
    }
    Ok(())
}

fn statement(state: &State, certified: Certified) -> Certificate {
    let approvers = state.decided.iter().map(|decided| Approver {
        person: name(&decided.by),
        approved_at: decided.at.timestamp_micros(),
    });
    Certificate {
        id: state.id.to_string(),
        org: state.org.to_string(),
        environment: state.environment.clone(),
        agent: state.external_agent.clone(),
        action_digest: hex::encode(state.action_digest),
        policy_ids: state.policies.iter().map(ToString::to_string).collect(),
        policy_set_hash: hex::encode(&state.policy_set_hash),
        requester: state.requesters.first().map(name).unwrap_or_default(),
        approvers: approvers.collect(),
        not_before: certified.not_before.timestamp_micros(),
        expires_at: certified.expires_at.timestamp_micros(),
        max_uses: 1,
    }
}

/// The person where one is known, else the key.
fn name(party: &crate::domain::Party) -> String {
    let key = || party.key.to_string();
    party.person.clone().unwrap_or_else(key)
}
