//! What people do with incidents: one transaction for the row and its fact.

use std::sync::Arc;

use writ_access::Caller;
use writ_contract::{IncidentId, KeyId, Topology};
use writ_pg::{Claim, Outbox, Pools, append};
use writ_service_kit::Clock;
use writ_service_kit::routes::Once;

use crate::domain::incident::Progress;
use crate::error::{Error, Refusal};
use crate::facts::{self, By};
use crate::store::{self, IncidentRow, Incidents, Moved};

/// What is written with.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) pools: Pools,
    pub(crate) outbox: Outbox,
    pub(crate) topology: Topology,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Who asks, and whether it may be asked again.
#[derive(Debug)]
pub(crate) struct Asker {
    pub(crate) caller: Caller,
    pub(crate) traceparent: String,
    pub(crate) once: Option<Once>,
    /// The version it has seen.
    pub(crate) if_match: Option<u64>,
}

/// A change that is asked for; what is absent stays.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) progress: Option<Progress>,
    pub(crate) note: Option<String>,
}

impl Desk {
    /// The incidents of an organisation.
    ///
    /// # Errors
    /// The store's trouble.
    pub(crate) async fn list(
        &self,
        org: uuid::Uuid,
        listing: &Incidents,
    ) -> Result<Vec<IncidentRow>, Error> {
        let mut tx = self.pools.api.begin(org).await?;
        Ok(store::list_incidents(&mut tx, listing).await?)
    }

    /// One incident.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], or the store's trouble.
    pub(crate) async fn get(&self, org: uuid::Uuid, id: IncidentId) -> Result<IncidentRow, Error> {
        let mut tx = self.pools.api.begin(org).await?;
        let found = store::incident(&mut tx, id, false).await?;
        Ok(found.ok_or(Refusal::NotFound)?)
    }

    /// Changes the state of an incident, or the note beside it; asked for what it is already, it
    /// stays as it is.
    ///
    /// # Errors
    /// [`Refusal`], or the store's trouble.
    pub(crate) async fn change(
        &self,
        asker: &Asker,
        id: IncidentId,
        wanted: &Wanted,
    ) -> Result<IncidentRow, Error> {
        let org = asker.caller.org_id();
        let mut tx = self.pools.api.begin(org).await?;
        if let Some(once) = &asker.once {
            match tx.claim(&once.key, &once.request, id.0).await? {
                Claim::First => {}
                Claim::Repeated(_) => {
                    let found = store::incident(&mut tx, id, false).await?;
                    return Ok(found.ok_or(Refusal::NotFound)?);
                }
                Claim::Taken => return Err(Refusal::KeyReused.into()),
            }
        }
        let row = store::incident(&mut tx, id, true).await?;
        let row = row.ok_or(Refusal::NotFound)?;
        let known = row.incident().ok_or(Refusal::NotFound)?;
        let environment = &known.group.environment;
        if !environment.is_empty() && !asker.caller.allows_environment(environment) {
            return Err(Refusal::Environment.into());
        }
        if asker.if_match.is_some_and(|seen| seen != known.version) {
            return Err(Refusal::VersionMismatch(known.version).into());
        }
        let note = wanted.note.as_deref().unwrap_or(&row.note);
        let moved = wanted
            .progress
            .and_then(|progress| known.clone().moved(progress));
        if moved.is_none() && note == row.note {
            tx.commit().await?;
            return Ok(row);
        }
        let (incident, change) = moved.unwrap_or_else(|| known.noted());
        let by = self.by(asker);
        let at = self.clock.now();
        let moved = Moved {
            incident: &incident,
            note,
            by: &by.actor,
            at,
        };
        store::move_incident(&mut tx, &moved).await?;
        let event = facts::event(&self.topology, &incident, change, by);
        append(&mut tx, std::slice::from_ref(&event)).await?;
        let changed = store::incident(&mut tx, id, false).await?;
        let ids = [event.envelope.event_id.0];
        self.outbox.commit(tx, &ids).await.map(drop)?;
        Ok(changed.ok_or(Refusal::NotFound)?)
    }

    fn by(&self, asker: &Asker) -> By {
        let caller = &asker.caller;
        By {
            actor: match (caller.key_id(), caller.person()) {
                (Some(key), _) => format!("key:{}", KeyId(key)),
                (None, Some(person)) => format!("person:{person}"),
                (None, None) => format!("system:{}", crate::NAME),
            },
            person: asker.caller.person().map(str::to_owned),
            traceparent: asker.traceparent.clone(),
            at_us: self.clock.now().timestamp_micros(),
        }
    }
}
