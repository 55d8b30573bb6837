//! All SQL about requests of data subjects.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use writ_pg::{PgError, TenantTx, WriterTx};

use super::domain::{Due, Request, Stage, Wish};
use crate::error::{Error, PrivacyRefusal};
use crate::write::{signed, unsigned};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    request_id: Uuid,
    kind: String,
    names: Vec<String>,
    note: Option<String>,
    hold: Option<String>,
    person_id: Option<Uuid>,
    digests: Vec<Vec<u8>>,
    state: String,
    awaiting: Vec<String>,
    due: String,
    received_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
    version: i64,
}

impl TryFrom<Row> for Request {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let unknown = |word: &str| Error::Bug(format!("privacy request: {word}"));
        Ok(Self {
            id: row.request_id,
            wish: Wish::read(&row.kind).ok_or_else(|| unknown(&row.kind))?,
            names: row.names,
            note: row.note,
            hold: row.hold,
            person: row.person_id,
            digests: row.digests,
            stage: Stage::read(&row.state).ok_or_else(|| unknown(&row.state))?,
            awaiting: row.awaiting,
            due: Due::read(&row.due).ok_or_else(|| unknown(&row.due))?,
            received_at: row.received_at,
            due_at: row.due_at,
            closed_at: row.closed_at,
            version: unsigned(row.version),
        })
    }
}

/// Writes the row, new or changed.
pub(super) async fn save(tx: &mut TenantTx, request: &Request) -> Result<(), PgError> {
    let org = tx.org();
    sqlx::query(
        "insert into privacy_requests (org_id, request_id, kind, names, note, hold, person_id,
           digests, state, awaiting, due, received_at, due_at, closed_at, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         on conflict (org_id, request_id) do update set names = excluded.names,
           note = excluded.note, hold = excluded.hold, state = excluded.state,
           awaiting = excluded.awaiting, due = excluded.due, closed_at = excluded.closed_at,
           version = excluded.version",
    )
    .bind(org)
    .bind(request.id)
    .bind(request.wish.as_str())
    .bind(&request.names)
    .bind(&request.note)
    .bind(&request.hold)
    .bind(request.person)
    .bind(&request.digests)
    .bind(request.stage.as_str())
    .bind(&request.awaiting)
    .bind(request.due.as_str())
    .bind(request.received_at)
    .bind(request.due_at)
    .bind(request.closed_at)
    .bind(signed(request.version))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn lock(tx: &mut TenantTx, id: Uuid) -> Result<Request, Error> {
    let sql = "select * from privacy_requests where request_id = $1 for update";
    found(sqlx::query_as(sql).bind(id).fetch_optional(&mut **tx).await)
}

pub(super) async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Request, Error> {
    let sql = "select * from privacy_requests where request_id = $1";
    found(sqlx::query_as(sql).bind(id).fetch_optional(&mut **tx).await)
}

fn found(row: Result<Option<Row>, sqlx::Error>) -> Result<Request, Error> {
    let row = row.map_err(PgError::from)?;
    row.ok_or(PrivacyRefusal::NotFound)?.try_into()
}

/// In order of their ids, one more than `limit` when there are more.
pub(super) async fn list(
    tx: &mut TenantTx,
    stage: Option<Stage>,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Request>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select * from privacy_requests where request_id > $1 and ($2::text is null or state = $2)
         order by request_id limit $3",
    )
    .bind(after.unwrap_or(Uuid::nil()))
    .bind(stage.map(Stage::as_str))
    .bind(i64::from(limit) + 1)
    .fetch_all(&mut **tx)
    .await
    .map_err(PgError::from)?;
    rows.into_iter().map(Request::try_from).collect()
}

/// Open requests of all organisations whose end is before `until`.
pub(super) async fn due(
    tx: &mut WriterTx,
    until: DateTime<Utc>,
) -> Result<Vec<(Uuid, Uuid)>, PgError> {
    let sql = "select org_id, request_id from privacy_requests
         where state = 'open' and due <> 'overdue' and due_at < $1 order by due_at limit 1000";
    Ok(sqlx::query_as(sql).bind(until).fetch_all(&mut **tx).await?)
}

/// Erasures of all organisations that wait for somebody.
pub(super) async fn erasing(tx: &mut WriterTx) -> Result<Vec<(Uuid, Uuid)>, PgError> {
    let sql = "select org_id, request_id from privacy_requests where state = 'erasing'";
    Ok(sqlx::query_as(sql).fetch_all(&mut **tx).await?)
}

/// What the members' table says of a person.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Person {
    /// The member's id.
    pub person_id: Uuid,
    /// Its name.
    pub name: String,
    /// Its e-mail address.
    pub email: Option<String>,
    /// Its role.
    pub role: String,
    /// When it came.
    pub created_at: DateTime<Utc>,
    /// When it left.
    pub removed_at: Option<DateTime<Utc>>,
}

const PEOPLE: &str = "select p.person_id, p.name, p.email, m.role, p.created_at, m.removed_at
    from people p join members m using (org_id, person_id)";

/// The member with this id, removed or not.
pub(super) async fn person(tx: &mut TenantTx, id: Uuid) -> Result<Option<Person>, PgError> {
    let sql = format!("{PEOPLE} where p.person_id = $1");
    let sql = sqlx::AssertSqlSafe(sql);
    Ok(sqlx::query_as(sql)
        .bind(id)
        .fetch_optional(&mut **tx)
        .await?)
}

/// The member of this id, and those with one of these addresses.
pub(super) async fn people(tx: &mut TenantTx, request: &Request) -> Result<Vec<Person>, PgError> {
    let sql = format!(
        "{PEOPLE} where p.person_id = $1
           or lower(p.email) = any(select lower(name) from unnest($2::text[]) name)
         order by p.person_id"
    );
    let sql = sqlx::AssertSqlSafe(sql);
    Ok(sqlx::query_as(sql)
        .bind(request.person)
        .bind(&request.names)
        .fetch_all(&mut **tx)
        .await?)
}

/// Deletes what says who these people are, and these addresses where agents have them for owners.
pub(super) async fn forget(
    tx: &mut TenantTx,
    people: &[Uuid],
    names: &[String],
) -> Result<(), PgError> {
    sqlx::query("delete from people where person_id = any($1)")
        .bind(people)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "update agents set owner_email = null
         where lower(owner_email) = any(select lower(name) from unnest($1::text[]) name)",
    )
    .bind(names)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Deletes names and words of earlier requests of the same subject.
pub(super) async fn forget_requests(tx: &mut TenantTx, digests: &[Vec<u8>]) -> Result<(), PgError> {
    sqlx::query(
        "update privacy_requests set names = '{}', note = null
         where digests && $1 and state in ('completed', 'refused')",
    )
    .bind(digests)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
