//! What a statement of coverage is counted from. Only sealed entries count.

use chrono::{DateTime, Duration, Utc};
use sqlx::FromRow;
use writ_pg::TenantTx;

use super::{number, stored};
use crate::domain::agent::Known;
use crate::error::Error;

/// What is asked about.
#[derive(Debug, Clone)]
pub(crate) struct Period {
    pub(crate) agent: Known,
    pub(crate) from: DateTime<Utc>,
    pub(crate) to: DateTime<Utc>,
    /// How many entries are sealed.
    pub(crate) size: u64,
}

/// One life of one recorder, as far as the period goes.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct EmitterRow {
    pub(crate) source: String,
    pub(crate) closed: bool,
    /// When it was last heard of, by any organisation.
    pub(crate) last_at: DateTime<Utc>,
    /// When it last said that everything it had numbered is in the log.
    pub(crate) alive_at: Option<DateTime<Utc>>,
    /// The last number before the period.
    pub(crate) before: Option<i64>,
    /// The first number after it.
    pub(crate) after: Option<i64>,
    /// The last number of all.
    pub(crate) last: Option<i64>,
}

/// How many decisions of the agent ended in which word, and whether their entries name it. Those from
/// before it was registered name nobody: they are its if nobody else has the name.
pub(crate) async fn outcomes(
    tx: &mut TenantTx,
    period: &Period,
) -> Result<Vec<(Option<String>, bool, u64)>, Error> {
    let rows: Vec<(Option<String>, bool, i64)> = sqlx::query_as(
        "select outcome, coalesce(actor = any($5), false) as named, count(*) from entries
         where type like 'decision.%' and occurred_at >= $1 and occurred_at < $2 and seq < $3
           and (agent_id = $4 or actor = any($5)
                or (agent_id is null and agent_external_id = any($6)))
         group by outcome, named",
    )
    .bind(period.from)
    .bind(period.to)
    .bind(stored(period.size))
    .bind(&period.agent.id)
    .bind(said(&period.agent))
    .bind(period.agent.alone())
    .fetch_all(&mut **tx)
    .await?;
    let count = |(outcome, named, count)| (outcome, named, number(count));
    Ok(rows.into_iter().map(count).collect())
}

/// An agent's names as entries say them.
fn said(agent: &Known) -> Vec<String> {
    let names = agent.names.iter();
    names.map(|name| format!("agent:{name}")).collect()
}

/// Reported times of the agent that touch the period, of one kind (`bypass`, `presence`): begin, end,
/// acts or signs of life.
pub(crate) async fn windows(
    tx: &mut TenantTx,
    period: &Period,
    kind: &str,
) -> Result<Vec<(i64, i64, u64)>, Error> {
    let rows: Vec<(DateTime<Utc>, DateTime<Utc>, i64)> = sqlx::query_as(
        "select window_from, window_to, window_count from entries
         where window_to >= $1 and window_from < $2 and seq < $3 and split_part(type, '.', 1) = $4
           and target = any($5)",
    )
    .bind(period.from)
    .bind(period.to)
    .bind(stored(period.size))
    .bind(kind)
    .bind(said(&period.agent))
    .fetch_all(&mut **tx)
    .await?;
    let micros = |(from, to, count): (DateTime<Utc>, DateTime<Utc>, i64)| {
        (
            from.timestamp_micros(),
            to.timestamp_micros(),
            number(count),
        )
    };
    Ok(rows.into_iter().map(micros).collect())
}

/// What entries say was taken out of the organisation's ledger, a month each.
pub(crate) async fn months_taken_out(tx: &mut TenantTx) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar(
        "select target from entries
         where action = 'ledger.detach' and type = 'ledger.month_detached.v1'",
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// How many reports clients of the organisation say they lost, of times that touch the period.
pub(crate) async fn lost_reports(tx: &mut TenantTx, period: &Period) -> Result<u64, Error> {
    let lost: i64 = sqlx::query_scalar(
        "select least(coalesce(sum(window_count), 0), 9223372036854775807)::bigint from entries
         where window_to >= $1 and window_from < $2 and seq < $3 and type like 'bypass_drop.%'",
    )
    .bind(period.from)
    .bind(period.to)
    .bind(stored(period.size))
    .fetch_one(&mut **tx)
    .await?;
    Ok(number(lost))
}

/// Everybody who numbered records of the organisation. Numbers follow time closely and not exactly,
/// so an edge of the period is looked for among the records nearest to it.
pub(crate) async fn emitters(tx: &mut TenantTx, period: &Period) -> Result<Vec<EmitterRow>, Error> {
    Ok(sqlx::query_as(
        "select n.source, n.closed, e.last_at, e.alive_at, edge.before, edge.after, edge.last
         from numbering n join emitters e on e.source = n.source,
         lateral (select
             (select max(near.emitter_seq) from (
                 select emitter_seq from entries where emitter = n.source and occurred_at < $1
                   and seq < $3 order by occurred_at desc limit 5000) near) as before,
             (select min(near.emitter_seq) from (
                 select emitter_seq from entries where emitter = n.source and occurred_at >= $2
                   and seq < $3 order by occurred_at limit 5000) near) as after,
             (select max(near.emitter_seq) from (
                 select emitter_seq from entries where emitter = n.source
                   and seq < $3 order by occurred_at desc limit 5000) near) as last) edge
         where n.source like 'incarnation:%' order by n.source",
    )
    .bind(period.from)
    .bind(period.to)
    .bind(stored(period.size))
    .fetch_all(&mut **tx)
    .await?)
}

/// How many of an emitter's numbers `after < n <= last` are there, in or near the period.
pub(crate) async fn present(
    tx: &mut TenantTx,
    period: &Period,
    source: &str,
    after: u64,
    last: u64,
) -> Result<u64, Error> {
    let near = Duration::microseconds(writ_chain::coverage::NEAR);
    let count: i64 = sqlx::query_scalar(
        "select count(distinct emitter_seq) from entries
         where emitter = $1 and emitter_seq > $2 and emitter_seq <= $3 and seq < $4
           and occurred_at >= $5 and occurred_at < $6",
    )
    .bind(source)
    .bind(stored(after))
    .bind(stored(last))
    .bind(stored(period.size))
    .bind(period.from - near)
    .bind(period.to + near)
    .fetch_one(&mut **tx)
    .await?;
    Ok(number(count))
}
