//! All SQL about members and what is known of them as people.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use writ_contract::IssuerId;
use writ_pg::{PgError, TenantTx};

use super::{Member, SignIn};
use crate::error::{Error, Refusal};
use crate::write::{signed, unsigned};

const SELECT: &str =
    "select m.person_id, p.name, p.email, p.issuer_id, p.subject, m.role, m.approver, m.teams, m.removed_at,
    m.version, m.created_at, m.updated_at
    from members m join people p using (org_id, person_id)";

#[derive(Debug, sqlx::FromRow)]
struct Row {
    person_id: Uuid,
    name: String,
    email: Option<String>,
    issuer_id: Option<Uuid>,
    subject: Option<String>,
    role: String,
    approver: bool,
    teams: Vec<String>,
    removed_at: Option<DateTime<Utc>>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Member {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let role = row
            .role
            .parse()
            .map_err(|_| Error::Bug(format!("role {}", row.role)))?;
        Ok(Self {
            id: row.person_id,
            name: row.name,
            email: row.email,
            sign_in: row
                .issuer_id
                .zip(row.subject)
                .map(|(issuer, subject)| SignIn {
                    issuer: IssuerId(issuer),
                    subject,
                }),
            role,
            approver: row.approver,
            teams: row.teams,
            removed_at: row.removed_at,
            version: unsigned(row.version),
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// False when this person is one already.
pub(in super::super) async fn insert(tx: &mut TenantTx, member: &Member) -> Result<bool, PgError> {
    let org = tx.org();
    let (issuer, subject) = linked(member);
    sqlx::query(
        "insert into people (org_id, person_id, name, email, created_at, issuer_id, subject)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (org_id, person_id) do nothing",
    )
    .bind(org)
    .bind(member.id)
    .bind(&member.name)
    .bind(&member.email)
    .bind(member.created_at)
    .bind(issuer)
    .bind(subject)
    .execute(&mut **tx)
    .await?;
    let done = sqlx::query(
        "insert into members (org_id, person_id, role, approver, version, created_at, updated_at,
           teams)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (org_id, person_id) do nothing",
    )
    .bind(org)
    .bind(member.id)
    .bind(member.role.as_str())
    .bind(member.approver)
    .bind(signed(member.version))
    .bind(member.created_at)
    .bind(member.updated_at)
    .bind(&member.teams)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn update(tx: &mut TenantTx, member: &Member) -> Result<(), PgError> {
    let (issuer, subject) = linked(member);
    sqlx::query(
        "update people set name = $2, email = $3, issuer_id = $4, subject = $5
         where person_id = $1",
    )
    .bind(member.id)
    .bind(&member.name)
    .bind(&member.email)
    .bind(issuer)
    .bind(subject)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "update members set role = $2, approver = $3, removed_at = $4, version = $5,
           updated_at = $6, teams = $7
         where person_id = $1",
    )
    .bind(member.id)
    .bind(member.role.as_str())
    .bind(member.approver)
    .bind(member.removed_at)
    .bind(signed(member.version))
    .bind(member.updated_at)
    .bind(&member.teams)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The member, locked: nobody issues a key for who is being removed.
pub(in super::super) async fn lock(tx: &mut TenantTx, id: Uuid) -> Result<Member, Error> {
    present(ever(tx, id, " for update of m").await?)
}

/// The member.
pub(super) async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Member, Error> {
    present(ever(tx, id, "").await?)
}

/// The member, removed or not.
pub(super) async fn even_removed(tx: &mut TenantTx, id: Uuid) -> Result<Member, Error> {
    let found = ever(tx, id, "").await?;
    found.ok_or_else(|| Refusal::MemberNotFound.into())
}

async fn ever(tx: &mut TenantTx, id: Uuid, how: &str) -> Result<Option<Member>, Error> {
    let sql = format!("{SELECT} where m.person_id = $1{how}");
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(&mut **tx)
        .await
        .map_err(PgError::from)?;
    row.map(Member::try_from).transpose()
}

fn present(found: Option<Member>) -> Result<Member, Error> {
    let present = found.filter(|member| member.removed_at.is_none());
    present.ok_or_else(|| Refusal::MemberNotFound.into())
}

/// How many there are.
pub(in super::super) async fn count(tx: &mut TenantTx) -> Result<u64, PgError> {
    let count = sqlx::query_scalar("select count(*) from members where removed_at is null")
        .fetch_one(&mut **tx)
        .await?;
    Ok(unsigned(count))
}

/// Whether another member is an Owner.
pub(super) async fn has_other_owner(tx: &mut TenantTx, id: Uuid) -> Result<bool, PgError> {
    Ok(sqlx::query_scalar(
        "select exists (select from members
           where removed_at is null and role = 'owner' and person_id <> $1)",
    )
    .bind(id)
    .fetch_one(&mut **tx)
    .await?)
}

/// Whether another member has this address, or signs in as this subject.
pub(super) async fn is_taken(tx: &mut TenantTx, member: &Member) -> Result<bool, PgError> {
    let (issuer, subject) = linked(member);
    Ok(sqlx::query_scalar(
        "select exists (select from members m join people p using (org_id, person_id)
           where m.removed_at is null and m.person_id <> $2
             and (lower(p.email) = lower($1) or (p.issuer_id = $3 and p.subject = $4)))",
    )
    .bind(&member.email)
    .bind(member.id)
    .bind(issuer)
    .bind(subject)
    .fetch_one(&mut **tx)
    .await?)
}

/// A link as two columns; who was removed signs in no more, so that somebody else can.
fn linked(member: &Member) -> (Option<Uuid>, Option<&str>) {
    let link = member.sign_in.as_ref();
    let link = link.filter(|_| member.removed_at.is_none());
    let link = link.map(|link| (link.issuer.0, link.subject.as_str()));
    link.unzip()
}

/// Those after `after`, in the order of their ids, and the id the next ones follow.
pub(super) async fn list(
    tx: &mut TenantTx,
    after: Option<Uuid>,
    limit: u32,
) -> Result<(Vec<Member>, Option<Uuid>), Error> {
    let sql = format!(
        "{SELECT} where m.removed_at is null and m.person_id > $1 order by m.person_id limit $2"
    );
    let mut rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(after.unwrap_or(Uuid::nil()))
        .bind(i64::from(limit) + 1)
        .fetch_all(&mut **tx)
        .await
        .map_err(PgError::from)?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|row| row.person_id);
    let members = rows
        .into_iter()
        .map(Member::try_from)
        .collect::<Result<_, _>>()?;
    Ok((members, next))
}
