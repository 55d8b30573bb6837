//! Stating whose plan is spent, for who answers by it, and how much everybody used, for who shows it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use tokio::time::Instant;
use writ_contract::OrgId;
use writ_eventlog::{EventLog, PublishError};
use writ_service_kit::Clock;

use crate::consume::Registrar;
use crate::domain::{Month, Spent};
use crate::intake::Intake;
use crate::publish::{publish_counted, publish_spent};

/// A stated limit is stated again after this time: the stream keeps a fact for a week, and a limit
/// can be spent for a month.
const AGAIN: Duration = Duration::from_secs(3600);

/// The limit or the count that was stated last, and when.
type Stated = HashMap<OrgId, (Month, u64, Instant)>;

/// States each limit that is used up, as soon as that is known here, and each count that has
/// changed, at most every `every`.
///
/// # Errors
/// [`PublishError`]: start it again.
pub(crate) async fn run(
    log: &EventLog,
    registrar: &Registrar,
    intake: &Intake,
    clock: &dyn Clock,
    every: Duration,
) -> Result<Infallible, PublishError> {
    let mut orgs = registrar.watch_orgs();
    let (mut stated, mut counted) = (Stated::new(), Stated::new());
    loop {
        let month = Month::of(clock.now());
        for (org, state) in registrar.orgs() {
            let used = intake.used(org);
            if has_news(&counted, org, month, used, every) {
                publish_counted(log, clock, org, month, used).await?;
                counted.insert(org, (month, used, Instant::now()));
            }
            let Some(spent) = intake.spent(org, state) else {
                continue;
            };
            if is_due(&stated, org, month, spent) {
                publish_spent(log, clock, org, month, spent).await?;
                stated.insert(org, (month, spent.max, Instant::now()));
            }
        }
        tokio::select! {
            () = intake.spending() => {}
            // Ends with the registrar, as this does.
            _changed = orgs.changed() => {}
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// Nothing is said about an organisation that sends nothing.
fn has_news(counted: &Stated, org: OrgId, month: Month, used: u64, every: Duration) -> bool {
    match counted.get(&org) {
        Some((when, stated, at)) => (*when, *stated) != (month, used) && at.elapsed() >= every,
        None => used > 0,
    }
}

fn is_due(stated: &Stated, org: OrgId, month: Month, spent: Spent) -> bool {
    stated
        .get(&org)
        .is_none_or(|(when, max, at)| (*when, *max) != (month, spent.max) || at.elapsed() >= AGAIN)
}
