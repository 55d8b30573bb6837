//! Requests that may be sent again under an `Idempotency-Key`, and are carried out once.

use uuid::Uuid;

use crate::error::PgError;
use crate::pools::TenantTx;

/// What a transaction learns about the request it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It is the first under its key: carry it out.
    First,
    /// It was carried out before and wrote this subject: answer, and change nothing.
    Repeated(Uuid),
    /// Its key was used for a request that asked for something else: refuse it.
    Taken,
}

impl TenantTx {
    /// Claims `key` for a request with this digest that writes `subject`. The claim is part of the
    /// transaction: it holds once the write is committed, and a second request under the same key
    /// waits here until the first has ended. A key is forgotten after a day.
    ///
    /// # Errors
    /// The store's trouble; [`PgError::Conflict`] when the key was forgotten at this moment.
    pub async fn claim(
        &mut self,
        key: &str,
        request: &[u8],
        subject: Uuid,
    ) -> Result<Claim, PgError> {
        let org = self.org();
        sqlx::query(
            "delete from claims where org_id = $1 and claimed_at < now() - interval '1 day'",
        )
        .bind(org)
        .execute(&mut **self)
        .await?;
        let claimed = sqlx::query(
            "insert into claims (org_id, key, request, subject) values ($1, $2, $3, $4)
             on conflict (org_id, key) do nothing",
        )
        .bind(org)
        .bind(key)
        .bind(request)
        .bind(subject)
        .execute(&mut **self)
        .await?;
        if claimed.rows_affected() == 1 {
            return Ok(Claim::First);
        }
        let earlier: Option<(Vec<u8>, Uuid)> =
            sqlx::query_as("select request, subject from claims where org_id = $1 and key = $2")
                .bind(org)
                .bind(key)
                .fetch_optional(&mut **self)
                .await?;
        match earlier {
            Some((known, subject)) if known == request => Ok(Claim::Repeated(subject)),
            Some(_) => Ok(Claim::Taken),
            None => Err(PgError::Conflict {
                constraint: "claims".to_owned(),
            }),
        }
    }
}
