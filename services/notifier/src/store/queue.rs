//! Deliveries: the queue and the record.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Row};
use uuid::Uuid;
use writ_contract::{OrgId, WebhookId};
use writ_pg::{Leased, PgError, Queue, TenantTx, WriterPool, WriterTx};

use crate::domain::Notice;
use crate::domain::schedule::Next;

const TABLE: &str = "deliveries";

/// A delivery to attempt now.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) work: Leased,
    pub(crate) org: OrgId,
    pub(crate) endpoint: WebhookId,
    pub(crate) event_id: String,
    pub(crate) body: String,
    pub(crate) url: String,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) next: Next,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<&'static str>,
}

/// Makes a delivery of each notice for each endpoint that subscribed before it happened; an event
/// an endpoint has already is passed over. Returns how many were made.
///
/// Five seconds are allowed for, between the clock that dated the fact and ours.
pub(crate) async fn insert_deliveries(
    tx: &mut WriterTx,
    notices: &[Notice],
    now: DateTime<Utc>,
) -> Result<u64, PgError> {
    if notices.is_empty() {
        return Ok(0);
    }
    let done = sqlx::query(
        "insert into deliveries (org_id, endpoint_id, event_id, topic, body, due_at, created_at)
         select n.org_id, e.id, n.event_id, n.topic, n.body, $6, $6
         from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
              as n(org_id, event_id, topic, body, at)
         join endpoints e on e.org_id = n.org_id and e.state = 'enabled'
              and n.topic = any(e.topics) and e.created_at <= n.at + interval '5 seconds'
         on conflict (org_id, endpoint_id, event_id) do nothing",
    )
    .bind(notices.iter().map(|n| n.org.0).collect::<Vec<_>>())
    .bind(notices.iter().map(|n| n.id.clone()).collect::<Vec<_>>())
    .bind(notices.iter().map(|n| n.topic.as_str()).collect::<Vec<_>>())
    .bind(notices.iter().map(Notice::body).collect::<Vec<_>>())
    .bind(notices.iter().map(|n| n.at).collect::<Vec<_>>())
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Leases up to `n` deliveries that are due, of each endpoint at most `per_endpoint` at a time and
/// of one that is failing only one: a slow endpoint takes no other's place.
pub(crate) async fn claim(
    pool: &WriterPool,
    n: u32,
    per_endpoint: u32,
    now: DateTime<Utc>,
    lease: Duration,
) -> Result<Vec<Due>, PgError> {
    let mut tx = pool.begin().await?;
    let rows = sqlx::query(
        "with waiting as (
           select e.org_id, e.id, e.url,
             case when e.failing_since is null then $4 else 1 end
               - (select count(*) from deliveries busy
                  where busy.endpoint_id = e.id and busy.done_at is null
                    and busy.leased_until > $1) as free
           from endpoints e where e.state = 'enabled' and exists (
             select from deliveries d
             where d.endpoint_id = e.id and d.done_at is null and d.due_at <= $1
               and (d.leased_until is null or d.leased_until <= $1))),
         picked as (
           select d.id, w.url from waiting w cross join lateral (
             select id, due_at from deliveries
             where endpoint_id = w.id and done_at is null and due_at <= $1
               and (leased_until is null or leased_until <= $1)
             order by due_at limit greatest(w.free, 0) for update skip locked) d
           order by d.due_at limit $3)
         update deliveries set leased_until = $2, attempts = attempts + 1
         from picked where deliveries.id = picked.id
         returning deliveries.*, picked.url",
    )
    .bind(now)
    .bind(now + lease)
    .bind(i64::from(n))
    .bind(i64::from(per_endpoint))
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let read = |row: sqlx::postgres::PgRow| {
        Ok(Due {
            org: OrgId(row.try_get("org_id")?),
            endpoint: WebhookId(row.try_get("endpoint_id")?),
            event_id: row.try_get("event_id")?,
            body: row.try_get("body")?,
            url: row.try_get("url")?,
            work: Leased {
                id: row.try_get("id")?,
                attempt: row.try_get("attempts")?,
                row,
            },
        })
    };
    rows.into_iter()
        .map(read)
        .collect::<Result<_, sqlx::Error>>()
        .map_err(PgError::from)
}

/// Records an attempt; false when the lease was lost and somebody else's result counts.
pub(crate) async fn settle(
    pool: &WriterPool,
    tx: &mut WriterTx,
    due: &Due,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<bool, PgError> {
    let queue = Queue::new(pool.clone(), TABLE);
    let (held, status) = match outcome.next {
        Next::Retry(rest) => (queue.retry_at(tx, &due.work, now + rest).await?, "pending"),
        Next::Delivered => (queue.complete(tx, &due.work, now).await?, "delivered"),
        Next::GiveUp | Next::Gone => (queue.complete(tx, &due.work, now).await?, "failed"),
    };
    if held {
        sqlx::query(
            "update deliveries set status = $2, last_status = $3, last_error = $4 where id = $1",
        )
        .bind(due.work.id)
        .bind(status)
        .bind(outcome.status.map(i32::from))
        .bind(outcome.error)
        .execute(&mut **tx)
        .await?;
    }
    Ok(held)
}

/// Notes whether the endpoint answered and returns since when it has been failing.
pub(crate) async fn health(
    tx: &mut WriterTx,
    due: &Due,
    delivered: bool,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, PgError> {
    let sql = if delivered {
        "update endpoints set failing_since = null
         where org_id = $1 and id = $2 and failing_since is not null and $3 is not null
         returning failing_since"
    } else {
        "update endpoints set failing_since = coalesce(failing_since, $3)
         where org_id = $1 and id = $2 returning failing_since"
    };
    let since: Option<Option<DateTime<Utc>>> = sqlx::query_scalar(sql)
        .bind(due.org.0)
        .bind(due.endpoint.0)
        .bind(now)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(since.flatten())
}

/// Gives up what an endpoint has not been told yet.
pub(crate) async fn cancel_pending(
    connection: &mut PgConnection,
    org: OrgId,
    endpoint: WebhookId,
    now: DateTime<Utc>,
) -> Result<(), PgError> {
    sqlx::query(
        "update deliveries set done_at = $3, status = 'cancelled', leased_until = null
         where org_id = $1 and endpoint_id = $2 and done_at is null",
    )
    .bind(org.0)
    .bind(endpoint.0)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// A delivery as listed.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct DeliveryRow {
    pub(crate) id: i64,
    pub(crate) event_id: String,
    pub(crate) topic: String,
    pub(crate) status: String,
    pub(crate) attempts: i32,
    pub(crate) last_status: Option<i32>,
    pub(crate) last_error: Option<String>,
    pub(crate) due_at: DateTime<Utc>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) done_at: Option<DateTime<Utc>>,
}

/// An endpoint's deliveries, newest first.
pub(crate) async fn deliveries(
    tx: &mut TenantTx,
    endpoint: Uuid,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<DeliveryRow>, PgError> {
    Ok(sqlx::query_as(
        "select id, event_id, topic, status, attempts, last_status, last_error, due_at,
                created_at, done_at
         from deliveries
         where org_id = $1 and endpoint_id = $2 and ($3::bigint is null or id < $3)
         order by id desc limit $4",
    )
    .bind(tx.org())
    .bind(endpoint)
    .bind(before)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?)
}
