//! Incidents: what the loops count and what people change.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;
use writ_contract::{DecisionId, IncidentId, OrgId, PolicyId};
use writ_pg::{PgError, TenantTx, WriterTx};

use crate::domain::incident::{Group, Incident, What};

const COLUMNS: &str = "id, org_id, seq, kind, agent, agent_uuid, environment, policy_id, subject,
    decision_id, severity, state, occurrences, first_at, last_at, moved_at, moved_by, note, version";

/// An incident as it is stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct IncidentRow {
    pub(crate) id: Uuid,
    pub(crate) org_id: Uuid,
    pub(crate) seq: i64,
    pub(crate) kind: String,
    pub(crate) agent: String,
    pub(crate) agent_uuid: Option<Uuid>,
    pub(crate) environment: String,
    pub(crate) policy_id: Option<Uuid>,
    pub(crate) subject: String,
    pub(crate) decision_id: Option<Uuid>,
    pub(crate) severity: String,
    pub(crate) state: String,
    pub(crate) occurrences: i64,
    pub(crate) first_at: DateTime<Utc>,
    pub(crate) last_at: DateTime<Utc>,
    pub(crate) moved_at: Option<DateTime<Utc>>,
    pub(crate) moved_by: String,
    pub(crate) note: String,
    pub(crate) version: i64,
}

/// Which incidents to list.
#[derive(Debug, Default)]
pub(crate) struct Incidents {
    pub(crate) agent: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) severity: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) policy: Option<Uuid>,
    pub(crate) before: Option<i64>,
    pub(crate) limit: i64,
}

/// What a person changes.
#[derive(Debug)]
pub(crate) struct Moved<'a> {
    pub(crate) incident: &'a Incident,
    pub(crate) note: &'a str,
    pub(crate) by: &'a str,
    pub(crate) at: DateTime<Utc>,
}

impl IncidentRow {
    /// `None` for words that this version does not know.
    pub(crate) fn incident(&self) -> Option<Incident> {
        Some(Incident {
            id: IncidentId(self.id),
            group: Group {
                org: OrgId(self.org_id),
                what: self.kind.parse().ok()?,
                agent: self.agent.clone(),
                environment: self.environment.clone(),
                policy: self.policy_id.map(PolicyId),
                subject: self.subject.clone(),
            },
            agent_uuid: self.agent_uuid,
            decision: self.decision_id.map(DecisionId),
            gravity: self.severity.parse().ok()?,
            progress: self.state.parse().ok()?,
            occurrences: u64::try_from(self.occurrences).unwrap_or_default(),
            first_us: self.first_at.timestamp_micros(),
            last_us: self.last_at.timestamp_micros(),
            moved_us: self.moved_at.map_or(i64::MIN, |at| at.timestamp_micros()),
            version: u64::try_from(self.version).unwrap_or_default(),
        })
    }
}

/// The incidents among `ids` that are there, locked until the transaction ends.
pub(crate) async fn lock_incidents(
    tx: &mut WriterTx,
    ids: &[Uuid],
) -> Result<Vec<Incident>, PgError> {
    let sql = format!("select {COLUMNS} from incidents where id = any($1) order by id for update");
    let rows: Vec<IncidentRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(ids)
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows.iter().filter_map(IncidentRow::incident).collect())
}

/// Writes what the loops made of incidents; what people wrote beside them stays.
pub(crate) async fn save_incident(tx: &mut WriterTx, incident: &Incident) -> Result<(), PgError> {
    let time = |us: i64| DateTime::from_timestamp_micros(us).unwrap_or_default();
    let group = &incident.group;
    sqlx::query(
        "insert into incidents (id, org_id, kind, agent, agent_uuid, environment, policy_id, subject,
                                decision_id, severity, state, occurrences, first_at, last_at, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         on conflict (org_id, id) do update set
             agent_uuid = excluded.agent_uuid, decision_id = excluded.decision_id,
             severity = excluded.severity, state = excluded.state,
             occurrences = excluded.occurrences, first_at = excluded.first_at,
             last_at = excluded.last_at, version = excluded.version",
    )
    .bind(incident.id.0)
    .bind(group.org.0)
    .bind(group.what.as_str())
    .bind(&group.agent)
    .bind(incident.agent_uuid)
    .bind(&group.environment)
    .bind(group.policy.map(|id| id.0))
    .bind(&group.subject)
    .bind(incident.decision.map(|id| id.0))
    .bind(incident.gravity.as_str())
    .bind(incident.progress.as_str())
    .bind(i64::try_from(incident.occurrences).unwrap_or(i64::MAX))
    .bind(time(incident.first_us))
    .bind(time(incident.last_us))
    .bind(i64::try_from(incident.version).unwrap_or(i64::MAX))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Before a log is read anew: what it holds is counted again.
pub(crate) async fn recount(
    tx: &mut WriterTx,
    kinds: &[What],
    since: DateTime<Utc>,
) -> Result<(), PgError> {
    sqlx::query("update incidents set occurrences = 0 where kind = any($1) and first_at >= $2")
        .bind(kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>())
        .bind(since)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The organisation's incidents, newest first.
pub(crate) async fn list_incidents(
    tx: &mut TenantTx,
    listing: &Incidents,
) -> Result<Vec<IncidentRow>, PgError> {
    let sql = format!(
        "select {COLUMNS} from incidents
         where org_id = $1
           and ($2::text is null or agent = $2 or agent_uuid::text = $2)
           and ($3::text is null or state = $3)
           and ($4::text is null or severity = $4)
           and ($5::text is null or kind = $5)
           and ($6::uuid is null or policy_id = $6)
           and ($7::bigint is null or seq < $7)
         order by seq desc limit $8"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(tx.org())
        .bind(&listing.agent)
        .bind(&listing.state)
        .bind(&listing.severity)
        .bind(&listing.kind)
        .bind(listing.policy)
        .bind(listing.before)
        .bind(listing.limit)
        .fetch_all(&mut **tx)
        .await?)
}

/// One incident; locked when it is to be changed.
pub(crate) async fn incident(
    tx: &mut TenantTx,
    id: IncidentId,
    lock: bool,
) -> Result<Option<IncidentRow>, PgError> {
    let lock = if lock { " for update" } else { "" };
    let sql = format!("select {COLUMNS} from incidents where org_id = $1 and id = $2{lock}");
    let org = tx.org();
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(org)
        .bind(id.0)
        .fetch_optional(&mut **tx)
        .await?)
}

/// Writes what a person made of an incident.
pub(crate) async fn move_incident(
    connection: &mut PgConnection,
    moved: &Moved<'_>,
) -> Result<(), PgError> {
    sqlx::query(
        "update incidents set state = $3, note = $4, moved_at = $5, moved_by = $6, version = $7
         where org_id = $1 and id = $2",
    )
    .bind(moved.incident.group.org.0)
    .bind(moved.incident.id.0)
    .bind(moved.incident.progress.as_str())
    .bind(moved.note)
    .bind(moved.at)
    .bind(moved.by)
    .bind(i64::try_from(moved.incident.version).unwrap_or(i64::MAX))
    .execute(connection)
    .await?;
    Ok(())
}
