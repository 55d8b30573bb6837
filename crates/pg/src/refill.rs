//! A stream that is shorter than it was gets its facts again, from the table they were written to.
//!
//! What is looked at is the stream's own account of itself: when it was made, and how far it goes. A
//! fact that was stored before the stream was made, or beyond its end, is not there any more. Facts go
//! out again in the order they were written, under their old ids; readers apply them by version.

use chrono::{DateTime, Utc};

use crate::error::PgError;
use crate::pools::WriterTx;

/// Facts looked at to learn which streams there are; the newest of each decides.
const NEWEST: i64 = 256;

/// What a stream says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogState {
    /// When it was made.
    pub created: DateTime<Utc>,
    /// Its last sequence.
    pub last: u64,
    /// How long it keeps facts; none for ever.
    pub keeps: Option<std::time::Duration>,
}

/// A fact that was sent, the newest of its stream.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Sent {
    pub(crate) subject: String,
    pub(crate) stream_seq: i64,
    pub(crate) sent_at: DateTime<Utc>,
}

impl Sent {
    /// The tokens that facts of one stream have in common: `<prefix>.evt.<owner>.`.
    pub(crate) fn stream(&self) -> String {
        let tokens: Vec<&str> = self.subject.split('.').take(3).collect();
        format!("{}.", tokens.join("."))
    }

    /// Whether the stream cannot have it any more.
    pub(crate) fn is_lost(&self, state: &LogState) -> bool {
        let beyond = u64::try_from(self.stream_seq).is_ok_and(|seq| seq > state.last);
        beyond || self.sent_at < state.created
    }
}

/// The newest fact that was sent to each stream.
pub(crate) async fn newest(tx: &mut WriterTx) -> Result<Vec<Sent>, PgError> {
    let rows: Vec<Sent> = sqlx::query_as(
        "select subject, stream_seq, sent_at from events
         where sent_at is not null and stream_seq is not null order by id desc limit $1",
    )
    .bind(NEWEST)
    .fetch_all(&mut **tx)
    .await?;
    let mut newest: Vec<Sent> = Vec::new();
    for row in rows {
        if newest.iter().all(|other| other.stream() != row.stream()) {
            newest.push(row);
        }
    }
    Ok(newest)
}

/// Lets every fact that the stream has lost, and would still keep, go out again. How many.
pub(crate) async fn send_again(
    tx: &mut WriterTx,
    stream: &str,
    state: &LogState,
) -> Result<u64, PgError> {
    let keeps = state.keeps.map(|keeps| keeps.as_secs_f64());
    let again = sqlx::query(
        "update events set sent_at = null, stream_seq = null
         where starts_with(subject, $1) and sent_at is not null
           and (sent_at < $2 or stream_seq > $3)
           and ($4::float8 is null or occurred_at > now() - make_interval(secs => $4))",
    )
    .bind(stream)
    .bind(state.created)
    .bind(i64::try_from(state.last).unwrap_or(i64::MAX))
    .bind(keeps)
    .execute(&mut **tx)
    .await?;
    Ok(again.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn what_is_beyond_the_end_or_older_than_the_stream_is_lost() {
        let sent = Sent {
            subject: "writ.evt.control.policy.org_1.pol_1".to_owned(),
            stream_seq: 10,
            sent_at: at(100),
        };
        assert_eq!(sent.stream(), "writ.evt.control.");
        let state = |last, created| LogState {
            created: at(created),
            last,
            keeps: None,
        };
        assert!(!sent.is_lost(&state(10, 50)));
        assert!(sent.is_lost(&state(9, 50)));
        assert!(sent.is_lost(&state(10, 101)));
    }
}
