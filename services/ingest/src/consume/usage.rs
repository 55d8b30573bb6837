//! The month's counts, taken over from the table.

use std::convert::Infallible;
use std::time::Duration;

use crate::consume::Registrar;
use crate::domain::Month;
use crate::error::Error;
use crate::intake::Intake;
use crate::store::Store;
use writ_service_kit::Clock;

/// The counts of organisations without a limit are taken over every so many rounds.
const UNLIMITED: u64 = 15;

/// Takes over the counts of the organisations that have a limit, at once and then every `every`, and
/// less often those of the others.
pub(crate) async fn refresh(
    registrar: &Registrar,
    intake: &Intake,
    store: &Store,
    clock: &dyn Clock,
    every: Duration,
) -> Result<Infallible, Error> {
    let mut orgs = registrar.watch_orgs();
    let mut round = 0_u64;
    loop {
        let month = Month::of(clock.now());
        let all = registrar.orgs();
        let due = all.iter().filter(|(_, org)| {
            org.max_traces_per_month.is_some() || round.is_multiple_of(UNLIMITED)
        });
        for (org, _) in due {
            let counted = store.count_since(*org, month.start_us()).await?;
            intake.observe_usage(month, *org, counted);
        }
        round = round.wrapping_add(1);
        // A new organisation may have a limit, and a past.
        let changed = tokio::time::timeout(every, orgs.changed());
        drop(changed.await);
    }
}
