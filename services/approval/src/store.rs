//! All SQL of the service.

mod row;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::migrate::Migrator;
use uuid::Uuid;
use writ_contract::{AgentId, ApprovalId, DecisionId, EventId, Fact as _, OrgId, wire};
use writ_pg::{PgError, TenantTx, WriterTx};

use crate::domain::Hold;

use row::{COLUMNS, Row, parties};
pub(crate) use row::{Card, Entry};

/// The service's schema.
pub(crate) const SCHEMA: &str = "approval";

/// What makes the schema what the code expects.
pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!();

/// A request, to look at.
pub(crate) async fn find(
    connection: &mut PgConnection,
    org: OrgId,
    id: ApprovalId,
) -> Result<Option<Entry>, PgError> {
    one(connection, "org_id = $1 and approval_id = $2", org, id.0).await
}

/// A request, locked until the transaction ends.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    org: OrgId,
    id: ApprovalId,
) -> Result<Option<Entry>, PgError> {
    let by = "org_id = $1 and approval_id = $2 for update";
    one(connection, by, org, id.0).await
}

/// The granted request whose grant is this event and which has no certificate yet, locked.
pub(crate) async fn lock_unsealed(
    tx: &mut WriterTx,
    org: OrgId,
    grant: EventId,
) -> Result<Option<Entry>, PgError> {
    let by = "org_id = $1 and grant_event = $2 and status = 'approved' and certificate is null
              for update";
    one(tx, by, org, grant.0).await
}

/// The pending request about the same act, locked; its life may be over.
pub(crate) async fn lock_equal(tx: &mut WriterTx, hold: &Hold) -> Result<Option<Entry>, PgError> {
    let sql = format!(
        "select {COLUMNS} from approvals
         where org_id = $1 and agent_id = $2 and external_agent_id = $3 and environment = $4
           and action_digest = $5 and status = 'pending' for update"
    );
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(hold.org.0)
        .bind(hold.agent.0)
        .bind(&hold.external_agent)
        .bind(&hold.environment)
        .bind(hold.action_digest.as_slice())
        .fetch_optional(&mut **tx)
        .await?;
    row.map(Row::read).transpose()
}

async fn one(
    connection: &mut PgConnection,
    by: &str,
    org: OrgId,
    id: Uuid,
) -> Result<Option<Entry>, PgError> {
    let sql = format!("select {COLUMNS} from approvals where {by}");
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(org.0)
        .bind(id)
        .fetch_optional(connection)
        .await?;
    row.map(Row::read).transpose()
}

/// Whether this held decision has been read before.
pub(crate) async fn is_known(
    tx: &mut WriterTx,
    org: OrgId,
    decision: DecisionId,
) -> Result<bool, PgError> {
    Ok(sqlx::query_scalar(
        "select exists (select from held_decisions where org_id = $1 and decision_id = $2)",
    )
    .bind(org.0)
    .bind(decision.0)
    .fetch_one(&mut **tx)
    .await?)
}

/// Remembers which request a held decision waits for.
pub(crate) async fn remember(
    tx: &mut WriterTx,
    org: OrgId,
    decision: DecisionId,
    approval: ApprovalId,
) -> Result<(), PgError> {
    sqlx::query(
        "insert into held_decisions (org_id, decision_id, approval_id) values ($1, $2, $3)",
    )
    .bind(org.0)
    .bind(decision.0)
    .bind(approval.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes a new request at version 1; false when its id is taken.
pub(crate) async fn insert(tx: &mut WriterTx, entry: &Entry) -> Result<bool, PgError> {
    let (state, card) = (&entry.state, &entry.card);
    let (keys, persons) = parties(&state.requesters);
    let done = sqlx::query(
        "insert into approvals (org_id, approval_id, agent_id, external_agent_id, environment,
            action_digest, policy_ids, policy_set_hash, decision_ids, requester_keys,
            requester_persons, requested_at, expires_at, status, version, action_context,
            violations, context_missing, subject, traceparent)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1, $15, $16, $17, $18,
            $19)
         on conflict (org_id, approval_id) do nothing",
    )
    .bind(state.org.0)
    .bind(state.id.0)
    .bind(state.agent.0)
    .bind(&state.external_agent)
    .bind(&state.environment)
    .bind(state.action_digest.as_slice())
    .bind(state.policies.iter().map(|p| p.0).collect::<Vec<_>>())
    .bind(&state.policy_set_hash)
    .bind(state.decisions.iter().map(|d| d.0).collect::<Vec<_>>())
    .bind(keys)
    .bind(persons)
    .bind(state.requested_at)
    .bind(state.expires_at)
    .bind(state.status.as_str())
    .bind(&card.action_context)
    .bind(&card.violations)
    .bind(card.context_missing)
    .bind(&card.subject)
    .bind(&entry.traceparent)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Erases the words of every card about an act for one of these people; how many there were. What
/// the facts say stays.
pub(crate) async fn erase_cards(
    tx: &mut WriterTx,
    org: OrgId,
    subjects: &[Vec<u8>],
) -> Result<u64, PgError> {
    let done = sqlx::query(
        "update approvals set action_context = null, violations = null, reason = null,
            context_missing = true, subject = null
         where org_id = $1 and subject = any($2)",
    )
    .bind(org.0)
    .bind(subjects)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Whether this erasure was stated as carried out.
pub(crate) async fn is_stated(tx: &mut WriterTx, request: &str) -> Result<bool, PgError> {
    let sql = "select exists (select from events where aggregate = $1 and aggregate_id = $2)";
    Ok(sqlx::query_scalar(sql)
        .bind(wire::CardErasure::AGGREGATE)
        .bind(request)
        .fetch_one(&mut **tx)
        .await?)
}

/// Writes everything of a locked request that an event can change.
pub(crate) async fn save(connection: &mut PgConnection, entry: &Entry) -> Result<(), PgError> {
    let state = &entry.state;
    let (keys, persons) = parties(&state.requesters);
    let decided = state.decided.as_ref();
    sqlx::query(
        "update approvals set decision_ids = $3, requester_keys = $4, requester_persons = $5,
            status = $6, version = $7, decided_by_key = $8, decided_by_person = $9,
            decided_at = $10, reason_digest = $11, grant_event = $12, certificate = $13,
            certified_at = $14, certificate_expires_at = $15, use_event = $16, used_at = $17,
            reason = $18
         where org_id = $1 and approval_id = $2",
    )
    .bind(state.org.0)
    .bind(state.id.0)
    .bind(state.decisions.iter().map(|d| d.0).collect::<Vec<_>>())
    .bind(keys)
    .bind(persons)
    .bind(state.status.as_str())
    .bind(i64::try_from(entry.version).unwrap_or(i64::MAX))
    .bind(decided.map(|d| d.by.key.0))
    .bind(decided.and_then(|d| d.by.person.clone()))
    .bind(decided.map(|d| d.at))
    .bind(&entry.reason_digest)
    .bind(entry.grant_event.map(|e| e.0))
    .bind(&entry.certificate)
    .bind(state.certified.map(|c| c.not_before))
    .bind(state.certified.map(|c| c.expires_at))
    .bind(state.used.map(|u| u.event.0))
    .bind(state.used.map(|u| u.at))
    .bind(&entry.card.reason)
    .execute(connection)
    .await?;
    Ok(())
}

/// Claims the one use; false when somebody else has it or the time is over. Of any number of
/// callers at once one gets true.
pub(crate) async fn claim(
    tx: &mut TenantTx,
    id: ApprovalId,
    event: EventId,
    now: DateTime<Utc>,
) -> Result<bool, PgError> {
    let claimed: Option<Uuid> = sqlx::query_scalar(
        "update approvals set use_event = $3, used_at = $4
         where org_id = $1 and approval_id = $2 and status = 'approved'
           and used_at is null and $4 >= certified_at and $4 < certificate_expires_at
         returning use_event",
    )
    .bind(tx.org())
    .bind(id.0)
    .bind(event.0)
    .bind(now)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(claimed == Some(event.0))
}

/// Gives a claim back, if it is still this one.
pub(crate) async fn release(
    tx: &mut TenantTx,
    id: ApprovalId,
    event: EventId,
) -> Result<(), PgError> {
    sqlx::query(
        "update approvals set use_event = null, used_at = null
         where org_id = $1 and approval_id = $2 and use_event = $3 and status = 'approved'",
    )
    .bind(tx.org())
    .bind(id.0)
    .bind(event.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Pending requests whose life is over at `now`, oldest first.
pub(crate) async fn due(
    tx: &mut WriterTx,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(OrgId, ApprovalId)>, PgError> {
    let found: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "select org_id, approval_id from approvals
         where status = 'pending' and expires_at <= $1 order by expires_at limit $2",
    )
    .bind(now)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids(found))
}

/// Pending requests of these agents.
pub(crate) async fn pending_of(
    tx: &mut WriterTx,
    agents: &[(OrgId, AgentId)],
) -> Result<Vec<(OrgId, ApprovalId)>, PgError> {
    let found: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "select a.org_id, a.approval_id from approvals a
         join unnest($1::uuid[], $2::uuid[]) as gone(org_id, agent_id) using (org_id, agent_id)
         where a.status = 'pending'",
    )
    .bind(agents.iter().map(|(org, _)| org.0).collect::<Vec<_>>())
    .bind(agents.iter().map(|(_, agent)| agent.0).collect::<Vec<_>>())
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids(found))
}

fn ids(rows: Vec<(Uuid, Uuid)>) -> Vec<(OrgId, ApprovalId)> {
    rows.into_iter()
        .map(|(org, id)| (OrgId(org), ApprovalId(id)))
        .collect()
}

/// Which requests to list.
#[derive(Debug)]
pub(crate) struct Listing {
    /// The name of a status.
    pub(crate) status: Option<&'static str>,
    /// Only those this key asked for.
    pub(crate) asked_by: Option<Uuid>,
    /// Older than this one.
    pub(crate) before: Option<i64>,
    /// At most so many.
    pub(crate) limit: i64,
    /// A request past its life counts as expired, written down or not.
    pub(crate) now: DateTime<Utc>,
}

/// The organisation's requests, newest first.
pub(crate) async fn list(tx: &mut TenantTx, listing: &Listing) -> Result<Vec<Entry>, PgError> {
    let sql = format!(
        "select {COLUMNS} from approvals
         where org_id = $1
           and ($2::text is null or $2 = case when status = 'pending' and expires_at <= $6
                                              then 'expired' else status end)
           and ($3::uuid is null or $3 = any(requester_keys))
           and ($4::bigint is null or seq < $4)
         order by seq desc limit $5"
    );
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(tx.org())
        .bind(listing.status)
        .bind(listing.asked_by)
        .bind(listing.before)
        .bind(listing.limit)
        .bind(listing.now)
        .fetch_all(&mut **tx)
        .await?;
    rows.into_iter().map(Row::read).collect()
}
