//! The ledger's own facts become entries like all others.

use std::collections::BTreeSet;

use uuid::Uuid;
use writ_chain::leaf::{EntryBody, Source};
use writ_contract::{EventId, OrgId};
use writ_pg::WriterPool;

use super::append;
use super::sources::{Batch, Marks};
use crate::domain::compliance::Bearing;
use crate::domain::{Arrival, Index, trace_id, unreadable};
use crate::error::Error;
use crate::store::{self, OwnFact};

/// Records what waits, at most `most`; returned = recorded. The organisations whose chains grew.
///
/// # Errors
/// [`Error`]; what was not recorded waits on.
pub(super) async fn record(
    pool: &WriterPool,
    marks: &mut Marks,
    most: usize,
) -> Result<BTreeSet<Uuid>, Error> {
    let mut tx = pool.begin().await?;
    let waiting = store::waiting(&mut tx, most).await?;
    tx.commit().await?;
    if waiting.is_empty() {
        return Ok(BTreeSet::new());
    }
    let ids = waiting.iter().map(|fact| fact.event_id).collect();
    let batch = Batch::own(ids, waiting.into_iter().map(arrival).collect());
    append::append(pool, marks, batch).await
}

fn arrival(fact: OwnFact) -> Arrival {
    let at = fact.occurred_at.timestamp_micros();
    let source = Source {
        stream: "ledger".to_owned(),
        subject: "ledger".to_owned(),
        emitter: crate::NAME.to_owned(),
        emitter_seq: None,
        version: None,
    };
    // There is no envelope: the digest is over what the entry says, in an order that is final.
    let said = [
        &fact.r#type,
        &fact.actor,
        &fact.action,
        &fact.target,
        &fact.outcome,
        &at.to_string(),
    ];
    let bearing = Bearing::own(&fact.r#type);
    Arrival {
        org: OrgId(fact.org_id),
        event_id: EventId(fact.event_id),
        single: false,
        envelope: said.map(|field| format!("{field}\n")).concat().into_bytes(),
        body: EntryBody {
            kind: fact.r#type,
            actor: Some(fact.actor),
            action: Some(fact.action),
            target: Some(fact.target),
            aggregate_id: fact.aggregate_id,
            on_behalf_of: fact.on_behalf_of,
            outcome: Some(fact.outcome),
            reason_code: fact.reason_code,
            trace_id: trace_id(&fact.traceparent),
            ..unreadable(source, at)
        },
        index: Index::default(),
        bearing,
        number: None,
    }
}
