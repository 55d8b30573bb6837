//! What requests do: one transaction each, in which rows change and facts are appended.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, Utc};
use writ_access::Caller;
use writ_contract::{OrgId, WebhookId};
use writ_egress::{Rules, Secret};
use writ_pg::{ApiPool, Claim, Outbox, TenantTx};
use writ_service_kit::routes::Once;
use writ_service_kit::{Clock, ids};

use crate::domain::Topic;
use crate::domain::endpoint::{Endpoint, Happened};
use crate::error::Error;
use crate::events::Events;
use crate::store::{self, DeliveryRow, EndpointRow, NewEndpoint};
use writ_seal::Sealer;

/// Digits of a second that the store keeps.
const MICROS: u16 = 6;

/// What requests work with.
#[derive(Debug, Clone)]
pub(crate) struct Commands {
    pub(crate) pool: ApiPool,
    pub(crate) outbox: Outbox,
    pub(crate) rules: Rules,
    pub(crate) sealer: Sealer,
    pub(crate) events: Events,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Who asks, whether it may be asked again, and the trace it is asked in.
#[derive(Debug)]
pub(crate) struct Asker {
    pub(crate) caller: Caller,
    pub(crate) once: Option<Once>,
    pub(crate) traceparent: String,
}

/// A request for an endpoint.
pub(crate) struct Create {
    pub(crate) url: String,
    pub(crate) description: String,
    pub(crate) topics: Vec<String>,
    pub(crate) secret: Option<String>,
}

/// A new endpoint and its secret, which is shown once: not when the same request comes again.
#[derive(Debug)]
pub(crate) struct Created {
    pub(crate) row: EndpointRow,
    pub(crate) secret: Option<ShownOnce>,
}

/// A request for a new secret.
pub(crate) struct Rotate {
    pub(crate) secret: Option<String>,
    pub(crate) overlap: Duration,
}

/// A new secret, which is shown once, and how long the former one signs beside it.
#[derive(Debug)]
pub(crate) struct Rotated {
    pub(crate) id: WebhookId,
    pub(crate) secret: Option<ShownOnce>,
    pub(crate) former_until: DateTime<Utc>,
}

/// The text of a secret on its way out; never in a log.
pub(crate) struct ShownOnce(pub(crate) String);

impl std::fmt::Debug for ShownOnce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShownOnce(redacted)")
    }
}

/// Part of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) before: Option<i64>,
    pub(crate) limit: i64,
}

impl Commands {
    /// Makes an endpoint. When this returns it is committed; events from now on are told.
    pub(crate) async fn create(&self, asker: &Asker, wish: Create) -> Result<Created, Error> {
        let url = self.rules.check(&wish.url)?;
        let topics: BTreeSet<Topic> = wish
            .topics
            .iter()
            .map(|topic| topic.parse())
            .collect::<Result<_, _>>()?;
        let text = secret_text(wish.secret)?;
        let (org, now) = (OrgId(asker.caller.org_id()), self.clock.now());
        let id = WebhookId(ids::new_v7(self.clock.as_ref()));
        let mut tx = self.pool.begin(org.0).await?;
        if let Some(earlier) = repeats(&mut tx, asker, id).await? {
            let row = found(&mut tx, earlier).await?;
            return Ok(Created { row, secret: None });
        }
        store::take_turns(&mut tx).await?;
        let endpoint = Endpoint::create(id, topics, store::count(&mut tx).await?)?;
        let description = &wish.description;
        let new = NewEndpoint {
            url: url.as_str(),
            description,
            created_at: now,
        };
        store::insert_endpoint(&mut tx, &endpoint, &new).await?;
        let sealed = self.sealer.seal(&text, &store::place(org, id), random()?)?;
        store::add_secret(&mut tx, id, &sealed, now).await?;
        let row = found(&mut tx, id).await?;
        self.commit(tx, asker, &endpoint, Happened::Created, now)
            .await?;
        Ok(Created {
            row,
            secret: Some(ShownOnce(text)),
        })
    }

    /// Gives an endpoint a new secret. Until `overlap` has passed the former one signs beside it.
    pub(crate) async fn rotate(
        &self,
        asker: &Asker,
        id: WebhookId,
        wish: Rotate,
    ) -> Result<Rotated, Error> {
        let text = secret_text(wish.secret)?;
        let now = self.clock.now();
        let former_until = (now + wish.overlap).trunc_subsecs(MICROS);
        let mut tx = self.pool.begin(asker.caller.org_id()).await?;
        let endpoint = found(&mut tx, id).await?.endpoint();
        if repeats(&mut tx, asker, id).await?.is_some() {
            let former_until = store::former_until(&mut tx, id).await?;
            return Ok(Rotated {
                id,
                secret: None,
                former_until: former_until.unwrap_or(now),
            });
        }
        let (endpoint, happened) = endpoint.rotate().ok_or(Error::NoSuchEndpoint(id))?;
        let org = OrgId(tx.org());
        store::save_endpoint(&mut tx, org, &endpoint).await?;
        let sealed = self.sealer.seal(&text, &store::place(org, id), random()?)?;
        store::add_secret(&mut tx, id, &sealed, former_until).await?;
        self.commit(tx, asker, &endpoint, happened, now).await?;
        Ok(Rotated {
            id,
            secret: Some(ShownOnce(text)),
            former_until,
        })
    }

    /// Removes an endpoint and gives up what it has not been told yet.
    pub(crate) async fn delete(&self, asker: &Asker, id: WebhookId) -> Result<(), Error> {
        let now = self.clock.now();
        let mut tx = self.pool.begin(asker.caller.org_id()).await?;
        if repeats(&mut tx, asker, id).await?.is_some() {
            return Ok(());
        }
        let endpoint = found(&mut tx, id).await?.endpoint();
        let (endpoint, happened) = endpoint.delete().ok_or(Error::NoSuchEndpoint(id))?;
        let org = OrgId(tx.org());
        store::save_endpoint(&mut tx, org, &endpoint).await?;
        store::cancel_pending(&mut tx, org, id, now).await?;
        self.commit(tx, asker, &endpoint, happened, now).await
    }

    /// One endpoint.
    pub(crate) async fn get(&self, caller: &Caller, id: WebhookId) -> Result<EndpointRow, Error> {
        let mut tx = self.pool.begin(caller.org_id()).await?;
        found(&mut tx, id).await
    }

    /// The endpoints, newest first.
    pub(crate) async fn list(
        &self,
        caller: &Caller,
        range: Range,
    ) -> Result<Vec<EndpointRow>, Error> {
        let mut tx = self.pool.begin(caller.org_id()).await?;
        Ok(store::list(&mut tx, range.before, range.limit).await?)
    }

    /// The deliveries of an endpoint, newest first.
    pub(crate) async fn deliveries(
        &self,
        caller: &Caller,
        id: WebhookId,
        range: Range,
    ) -> Result<Vec<DeliveryRow>, Error> {
        let mut tx = self.pool.begin(caller.org_id()).await?;
        found(&mut tx, id).await?;
        Ok(store::deliveries(&mut tx, id.0, range.before, range.limit).await?)
    }

    async fn commit(
        &self,
        mut tx: TenantTx,
        asker: &Asker,
        endpoint: &Endpoint,
        happened: Happened,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let event_id = ids::new_v7(self.clock.as_ref());
        let event = self
            .events
            .of_asker(asker, endpoint, happened, event_id, now);
        writ_pg::append(&mut tx, &[event]).await?;
        self.outbox.commit(tx, &[event_id]).await?;
        Ok(())
    }
}

/// Claims the request's `Idempotency-Key`, if it has one; returns the endpoint that the same request
/// was carried out on before.
async fn repeats(
    tx: &mut TenantTx,
    asker: &Asker,
    id: WebhookId,
) -> Result<Option<WebhookId>, Error> {
    let Some(once) = &asker.once else {
        return Ok(None);
    };
    match tx.claim(&once.key, &once.request, id.0).await? {
        Claim::First => Ok(None),
        Claim::Repeated(subject) => Ok(Some(WebhookId(subject))),
        Claim::Taken => Err(Error::KeyReused),
    }
}

async fn found(tx: &mut TenantTx, id: WebhookId) -> Result<EndpointRow, Error> {
    store::find(tx, id).await?.ok_or(Error::NoSuchEndpoint(id))
}

/// The secret that was given, or a new one; one that cannot sign is refused.
fn secret_text(given: Option<String>) -> Result<String, Error> {
    let text = match given {
        Some(given) => given,
        None => Secret::text_of(random()?),
    };
    Secret::decode(&text)?;
    Ok(text)
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.to_string()))?;
    Ok(bytes)
}
