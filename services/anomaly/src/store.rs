//! All SQL of the service.

mod incidents;

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sqlx::migrate::Migrator;
use uuid::Uuid;
use writ_contract::OrgId;
use writ_pg::{PgError, TenantTx, WriterTx};

use crate::consume::{Finding, Subject};
use crate::domain::{Baseline, Stored, StoredMetric, Summary};

pub(crate) use incidents::{
    IncidentRow, Incidents, Moved, incident, list_incidents, lock_incidents, move_incident,
    recount, save_incident,
};

/// The service's schema.
pub(crate) const SCHEMA: &str = "anomaly";
/// The projection whose resume point is kept.
pub(crate) const PROJECTION: &str = "agent_baseline";

/// What makes the schema what the code expects.
pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!();

#[derive(sqlx::FromRow)]
struct BaselineRow {
    org_id: Uuid,
    agent: String,
    environment: String,
    mean: Vec<f64>,
    variance: Vec<f64>,
    seen: Vec<i64>,
    alerting: Vec<bool>,
    open_window: Option<Vec<i64>>,
}

/// The baselines of these agents; one that has none yet is absent.
pub(crate) async fn load(
    tx: &mut WriterTx,
    subjects: impl Iterator<Item = &Subject>,
) -> Result<HashMap<Subject, Baseline>, PgError> {
    let subjects: BTreeSet<&Subject> = subjects.collect();
    let rows: Vec<BaselineRow> = sqlx::query_as(
        "select b.org_id, b.agent, b.environment, b.mean, b.variance, b.seen, b.alerting,
                b.open_window
         from agent_baseline b
         join unnest($1::uuid[], $2::text[], $3::text[]) as s(org_id, agent, environment)
           using (org_id, agent, environment)",
    )
    .bind(subjects.iter().map(|s| s.org.0).collect::<Vec<_>>())
    .bind(subjects.iter().map(|s| s.agent.clone()).collect::<Vec<_>>())
    .bind(
        subjects
            .iter()
            .map(|s| s.environment.clone())
            .collect::<Vec<_>>(),
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().filter_map(BaselineRow::read).collect())
}

impl BaselineRow {
    /// `None` for arrays of another length: the agent then starts anew.
    fn read(self) -> Option<(Subject, Baseline)> {
        let metrics: Vec<StoredMetric> = self
            .mean
            .into_iter()
            .zip(self.variance)
            .zip(self.seen.into_iter().zip(self.alerting))
            .map(|((mean, variance), (seen, alerting))| {
                let seen = u32::try_from(seen).unwrap_or(u32::MAX);
                StoredMetric {
                    mean,
                    variance,
                    seen,
                    alerting,
                }
            })
            .collect();
        let stored = Stored {
            metrics: metrics.try_into().ok()?,
            open: self.open_window.as_deref().and_then(open_window),
        };
        let (org, agent, environment) = (OrgId(self.org_id), self.agent, self.environment);
        Some((
            Subject {
                org,
                agent,
                environment,
            },
            Baseline::from_stored(stored),
        ))
    }
}

/// The open window as a row has it.
fn open_window(stored: &[i64]) -> Option<Summary> {
    let [start_us, rest @ ..] = stored else {
        return None;
    };
    let sums: Vec<u64> = rest.iter().map(|sum| sum.cast_unsigned()).collect();
    let [length_us, traces, errors, cost_micros, duration_ms_sum] = *sums.as_slice() else {
        return None;
    };
    let start_us = *start_us;
    Some(Summary {
        start_us,
        length_us,
        traces,
        errors,
        cost_micros,
        duration_ms_sum,
    })
}

/// The open window as a row takes it; the bits of a sum are kept.
fn open_columns(open: Summary) -> Vec<i64> {
    let Summary {
        start_us,
        length_us,
        traces,
        errors,
        cost_micros,
        duration_ms_sum,
    } = open;
    let sums = [length_us, traces, errors, cost_micros, duration_ms_sum].map(u64::cast_signed);
    std::iter::once(start_us).chain(sums).collect()
}

/// Writes the baselines.
pub(crate) async fn save(
    tx: &mut WriterTx,
    baselines: &HashMap<Subject, Baseline>,
    at: DateTime<Utc>,
) -> Result<(), PgError> {
    for (subject, baseline) in baselines {
        let stored = baseline.stored();
        sqlx::query(
            "insert into agent_baseline
               (org_id, agent, environment, mean, variance, seen, alerting, updated_at,
                open_window)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             on conflict (org_id, agent, environment) do update
               set mean = excluded.mean, variance = excluded.variance, seen = excluded.seen,
                   alerting = excluded.alerting, updated_at = excluded.updated_at,
                   open_window = excluded.open_window",
        )
        .bind(subject.org.0)
        .bind(&subject.agent)
        .bind(&subject.environment)
        .bind(stored.metrics.map(|metric| metric.mean).to_vec())
        .bind(stored.metrics.map(|metric| metric.variance).to_vec())
        .bind(stored.metrics.map(|metric| i64::from(metric.seen)).to_vec())
        .bind(stored.metrics.map(|metric| metric.alerting).to_vec())
        .bind(at)
        .bind(stored.open.map(open_columns))
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Empties the projection before a rebuild; findings stay, their ids follow from their facts.
pub(crate) async fn forget_baselines(tx: &mut WriterTx) -> Result<(), PgError> {
    sqlx::query("delete from agent_baseline")
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Writes a finding; false when it was there already.
pub(crate) async fn insert_finding(tx: &mut WriterTx, finding: &Finding) -> Result<bool, PgError> {
    let Finding {
        id,
        subject,
        deviation,
        start,
        end,
        ..
    } = finding;
    let done = sqlx::query(
        "insert into findings (id, org_id, agent, environment, metric, value, expected, score,
                               severity, window_start, window_end)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (org_id, id) do nothing",
    )
    .bind(id.0)
    .bind(subject.org.0)
    .bind(&subject.agent)
    .bind(&subject.environment)
    .bind(deviation.metric.as_str())
    .bind(deviation.value)
    .bind(deviation.expected)
    .bind(deviation.score)
    .bind(deviation.severity.as_str())
    .bind(start)
    .bind(end)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A finding as listed.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct FindingRow {
    pub(crate) id: Uuid,
    pub(crate) seq: i64,
    pub(crate) agent: String,
    pub(crate) environment: String,
    pub(crate) metric: String,
    pub(crate) value: f64,
    pub(crate) expected: f64,
    pub(crate) score: f64,
    pub(crate) severity: String,
    pub(crate) window_start: DateTime<Utc>,
    pub(crate) window_end: DateTime<Utc>,
}

/// Which findings to list.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) agent: Option<String>,
    pub(crate) metric: Option<String>,
    pub(crate) severity: Option<String>,
    pub(crate) before: Option<i64>,
    pub(crate) limit: i64,
}

/// The organisation's findings, newest first.
pub(crate) async fn list(tx: &mut TenantTx, listing: &Listing) -> Result<Vec<FindingRow>, PgError> {
    Ok(sqlx::query_as(
        "select id, seq, agent, environment, metric, value, expected, score, severity,
                window_start, window_end
         from findings
         where org_id = $1
           and ($2::text is null or agent = $2)
           and ($3::text is null or metric = $3)
           and ($4::text is null or severity = $4)
           and ($5::bigint is null or seq < $5)
         order by seq desc limit $6",
    )
    .bind(tx.org())
    .bind(&listing.agent)
    .bind(&listing.metric)
    .bind(&listing.severity)
    .bind(listing.before)
    .bind(listing.limit)
    .fetch_all(&mut **tx)
    .await?)
}
