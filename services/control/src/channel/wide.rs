//! Pauses beyond one agent's own switch: of the organisation, a tag, an environment, a tool, or an
//! agent beside its switch.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use writ_contract::{Envelope, Pause, PauseId, Scope};

use super::{Channel, Receipt};
use crate::error::{Error, Refusal};
use crate::write::{About, Actor};

/// How exactly the end of a pause is kept.
const EXPIRY_EVERY: Duration = Duration::from_millis(200);

/// A pause that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPause {
    /// Its id: the same for a request that is sent again.
    pub id: PauseId,
    /// What it is about.
    pub scope: Scope,
    /// Which one of that scope.
    pub value: String,
    /// The operator's words.
    pub reason: String,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// How a pause ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Somebody lifted it.
    Lifted,
    /// Its time is over.
    Expired,
}

impl NewPause {
    fn at(&self, now: DateTime<Utc>) -> Pause {
        Pause {
            id: self.id,
            scope: self.scope,
            value: self.value.clone(),
            reason: self.reason.clone(),
            since_us: now.timestamp_micros(),
            expires_at_us: self.expires_at.map(|at| at.timestamp_micros()),
        }
    }
}

impl Channel {
    /// Makes a pause, or finds that the same request made it before. When this returns it is on the
    /// gate: every ALLOW recorded from now on was evaluated under it. The receipt is absent only for
    /// one made long ago.
    ///
    /// # Errors
    /// [`Refusal::KeyReused`] when the same id stands for something else; else as for
    /// [`Channel::turn`].
    pub async fn pause(
        &self,
        actor: &Actor,
        new: &NewPause,
    ) -> Result<(Arc<Pause>, Option<Receipt>), Error> {
        let pause = Arc::new(new.at(self.writes.clock().now()));
        let draft = || match self.switches.pause_version(actor.org, new.id) {
            0 => Ok(self.stated(actor, &pause, 1, None)),
            _ => Err(Refusal::KeyReused.into()),
        };
        match self.append(actor.org, draft).await {
            Ok((_, receipt)) => Ok((pause, Some(receipt))),
            Err(Error::Refused(Refusal::KeyReused)) => {
                let found = self.switches.pause(actor.org, new.id);
                let same = found.filter(|(known, _)| {
                    let again =
                        new.at(DateTime::from_timestamp_micros(known.since_us).unwrap_or_default());
                    **known == again
                });
                same.ok_or_else(|| Refusal::KeyReused.into())
            }
            Err(error) => Err(error),
        }
    }

    /// Ends a pause; agents that nothing else pauses are active again.
    ///
    /// # Errors
    /// [`Refusal::PauseNotFound`] when none of that id stands; else as for [`Channel::turn`].
    pub async fn end(
        &self,
        actor: &Actor,
        id: PauseId,
        how: Ended,
    ) -> Result<(Arc<Pause>, Receipt), Error> {
        let standing = self.switches.pause(actor.org, id);
        let (pause, _) = standing.ok_or(Refusal::PauseNotFound)?;
        let draft = || {
            let version = self.switches.pause_version(actor.org, id);
            let standing = self.switches.pause(actor.org, id);
            standing.ok_or(Refusal::PauseNotFound)?;
            Ok(self.stated(actor, &pause, version + 1, Some(how)))
        };
        let (_, receipt) = self.append(actor.org, draft).await?;
        Ok((pause, receipt))
    }

    /// Ends pauses whose time is over. Every replica tries; the gate lets one of them.
    pub async fn end_expired(self) {
        loop {
            let now_us = self.writes.clock().now().timestamp_micros();
            for (org, id) in self.switches.expired(now_us) {
                self.expire(org, id).await;
            }
            tokio::time::sleep(EXPIRY_EVERY).await;
        }
    }

    async fn expire(&self, org: Uuid, id: PauseId) {
        match self.end(&Actor::system(org), id, Ended::Expired).await {
            Ok(_) | Err(Error::Refused(Refusal::PauseNotFound)) => {}
            Err(error) => tracing::warn!(%error, pause = %id, "a pause is over and not ended yet"),
        }
    }

    fn stated(&self, actor: &Actor, pause: &Pause, version: u64, how: Option<Ended>) -> Envelope {
        let (verb, action, reason_code) = match how {
            None => ("created", "pause.create", "PAUSE_CREATED"),
            Some(Ended::Lifted) => ("lifted", "pause.lift", "PAUSE_LIFTED"),
            Some(Ended::Expired) => ("expired", "pause.expire", "PAUSE_EXPIRED"),
        };
        let about = About {
            id: &pause.id.to_string(),
            version,
            verb,
            action,
            reason_code,
        };
        self.writes
            .envelope(actor, about, &pause.fact(how.is_some()))
    }
}
