//! The month's counts, taken over from the table.

use std::convert::Infallible;
use std::time::Duration;

use crate::consume::Registrar;
use crate::domain::Month;
use crate::error::Error;
use crate::intake::Intake;
use crate::store::Store;
use writ_service_kit::Clock;

/// Takes over the counts of the organisations that have a limit, at once and then every `every`.
pub(crate) async fn refresh(
    registrar: &Registrar,
    intake: &Intake,
    store: &Store,
    clock: &dyn Clock,
    every: Duration,
) -> Result<Infallible, Error> {
    let mut orgs = registrar.watch_orgs();
    loop {
        let month = Month::of(clock.now());
        let limited = registrar.orgs();
        let limited = limited
            .iter()
            .filter(|(_, org)| org.max_traces_per_month.is_some());
        for (org, _) in limited {
            let counted = store.count_since(*org, month.start_us()).await?;
            intake.observe_usage(month, *org, counted);
        }
        // A new organisation may have a limit, and a past.
        let changed = tokio::time::timeout(every, orgs.changed());
        drop(changed.await);
    }
}
