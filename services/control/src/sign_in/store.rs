//! All SQL about sign-ins.

use chrono::{DateTime, Utc};
use writ_contract::{Fact, wire};
use writ_pg::{PgError, TenantTx, WriterTx};

use crate::write::unsigned;

/// Whether the session is a new one; one that is known is remembered as long as its last token.
/// Others who see the same session wait for this transaction.
pub(super) async fn remember(
    tx: &mut TenantTx,
    session: &[u8; 32],
    believed_until: DateTime<Utc>,
) -> Result<bool, PgError> {
    Ok(sqlx::query_scalar(
        "insert into sign_ins (org_id, session, believed_until) values ($1, $2, $3)
         on conflict (org_id, session) do update
           set believed_until = greatest(sign_ins.believed_until, excluded.believed_until)
         returning xmax = 0",
    )
    .bind(tx.org())
    .bind(session.as_slice())
    .bind(believed_until)
    .fetch_one(&mut **tx)
    .await?)
}

/// The number of the next fact about this member or issuer; whoever else wants one waits.
pub(super) async fn next_version(tx: &mut TenantTx, id: &str) -> Result<u64, PgError> {
    sqlx::query("select pg_advisory_xact_lock(hashtext('control.sign_ins'), hashtext($1))")
        .bind(format!("{}{id}", tx.org()))
        .execute(&mut **tx)
        .await?;
    let last: i64 = sqlx::query_scalar(
        "select coalesce(max(version), 0) from events
         where org_id = $1 and aggregate = $2 and aggregate_id = $3",
    )
    .bind(tx.org())
    .bind(wire::Login::AGGREGATE)
    .bind(id)
    .fetch_one(&mut **tx)
    .await?;
    Ok(unsigned(last) + 1)
}

/// Deletes the codes of sessions that are over.
pub(super) async fn forget(tx: &mut WriterTx, now: DateTime<Utc>) -> Result<(), PgError> {
    sqlx::query("delete from sign_ins where believed_until < $1")
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
