//! A stream that is shorter than it was gets its facts again, from the table they were written to.
//!
//! What is looked at is the stream's own account of itself: when it was made, how far it goes, and which
//! of its messages it lost. A fact that was stored before the stream was made, beyond its end or in a
//! hole is not there any more. Facts go out again in the order they were written, under their old ids;
//! readers apply them by version.
//!
//! The last message of a subject must stay its highest version. So what a stream lost from its middle
//! goes out again with everything that follows it on its subject, and only once the stream does not
//! take those for repetitions any more.

use std::ops::RangeInclusive;
use std::time::Duration;

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
    pub keeps: Option<Duration>,
    /// Sequences of messages it lost from its middle, or before its first.
    pub holes: Vec<RangeInclusive<u64>>,
    /// How long it takes a fact that comes again for a repetition.
    pub repeats_within: Duration,
}

/// What became of facts that were lost in holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Holes {
    /// Facts that go out again.
    pub(crate) again: i64,
    /// Subjects that have to wait.
    pub(crate) waiting: i64,
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

/// Lets the facts that were lost in holes go out again, with what follows them on their subjects.
pub(crate) async fn fill_holes(
    tx: &mut WriterTx,
    stream: &str,
    state: &LogState,
) -> Result<Holes, PgError> {
    let stored = |seq: &u64| i64::try_from(*seq).unwrap_or(i64::MAX);
    let (firsts, lasts): (Vec<i64>, Vec<i64>) = state
        .holes
        .iter()
        .map(|hole| (stored(hole.start()), stored(hole.end())))
        .unzip();
    let found = sqlx::query_as(
        "with holes as (select * from unnest($2::bigint[], $3::bigint[]) as h(first, last)),
         lost as (
             select e.subject, min(e.id) as id from events e join holes h
               on e.stream_seq between h.first and h.last
             where starts_with(e.subject, $1) and e.sent_at >= $4
               and ($5::float8 is null or e.occurred_at > now() - make_interval(secs => $5))
             group by e.subject),
         ready as (
             select l.subject, l.id from lost l join events e on e.subject = l.subject
             group by l.subject, l.id
             having max(e.sent_at) <= now() - make_interval(secs => $6)),
         again as (
             update events e set sent_at = null, stream_seq = null from ready r
             where e.subject = r.subject and e.id >= r.id and e.sent_at is not null
             returning 1)
         select (select count(*) from again) as again,
                (select count(*) from lost) - (select count(*) from ready) as waiting",
    )
    .bind(stream)
    .bind(firsts)
    .bind(lasts)
    .bind(state.created)
    .bind(state.keeps.map(|keeps| keeps.as_secs_f64()))
    .bind(state.repeats_within.as_secs_f64());
    Ok(found.fetch_one(&mut **tx).await?)
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
            holes: Vec::new(),
            repeats_within: Duration::ZERO,
        };
        assert!(!sent.is_lost(&state(10, 50)));
        assert!(sent.is_lost(&state(9, 50)));
        assert!(sent.is_lost(&state(10, 101)));
    }
}
