//! Rows whose time is over are deleted.

use std::convert::Infallible;
use std::time::Duration;

use chrono::{DateTime, Days, NaiveTime, Utc};
use writ_service_kit::Clock;

use crate::consume::Registrar;
use crate::error::Error;
use crate::store::Store;

/// Deletes what is older than its organisation keeps, at once and then every `every`.
///
/// # Errors
/// When ClickHouse does not answer or refuses.
pub(crate) async fn run(
    registrar: &Registrar,
    store: &Store,
    clock: &dyn Clock,
    every: Duration,
) -> Result<Infallible, Error> {
    let mut orgs = registrar.watch_orgs();
    loop {
        for (org, settings) in registrar.orgs() {
            let kept_from = settings
                .retention_days
                .and_then(|days| first_kept(clock.now(), days));
            if let Some(kept_from) = kept_from {
                store.forget(org, kept_from.timestamp_micros()).await?;
            }
        }
        let changed = tokio::time::timeout(every, orgs.changed());
        drop(changed.await);
    }
}

/// Whole days are deleted: the first instant of the oldest day that is kept (UTC).
fn first_kept(now: DateTime<Utc>, days: u32) -> Option<DateTime<Utc>> {
    let day = now.date_naive().checked_sub_days(Days::new(days.into()))?;
    Some(day.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_deleted_once_all_of_it_is_older_than_what_is_kept() {
        let now: DateTime<Utc> = "2026-11-20T23:59:59Z".parse().unwrap();
        let kept_from = first_kept(now, 7).unwrap();
        assert_eq!(kept_from.to_rfc3339(), "2026-11-13T00:00:00+00:00");
    }
}
