//! Reserving from budgets: one increment of a shared counter, whose answer is the total. What goes
//! over is given back and becomes the policy's hit.

use writ_contract::{OrgId, PolicyId, wire};
use writ_eventlog::{CounterError, EventLog};
use writ_policy::{Decision, Reservation};

/// What was reserved for one decision.
#[derive(Debug, Default)]
pub struct Reserved {
    /// For the decision's record.
    pub marks: Vec<wire::BudgetMark>,
    taken: Vec<(String, i64, String)>,
}

/// Reserves what the decision asks for and adds a hit for each budget that is spent. `attempt` is
/// unique for each try of each decision.
///
/// # Errors
/// [`CounterError`] when a counter does not answer; what was taken stays counted until voided by
/// the sweep over recorded decisions, so that the error is on the safe side.
pub async fn reserve(
    log: &EventLog,
    org: OrgId,
    decision: &mut Decision,
    attempt: &str,
) -> Result<Reserved, CounterError> {
    let mut reserved = Reserved::default();
    for wanted in std::mem::take(&mut decision.reservations) {
        take(log, org, decision, attempt, &wanted, &mut reserved).await?;
    }
    Ok(reserved)
}

async fn take(
    log: &EventLog,
    org: OrgId,
    decision: &mut Decision,
    attempt: &str,
    wanted: &Reservation,
    reserved: &mut Reserved,
) -> Result<(), CounterError> {
    let policy = PolicyId(wanted.policy_id);
    let key = format!("budget_{policy}_{}", wanted.counter);
    let id = format!("{attempt}:{policy}");
    let amount = i64::try_from(wanted.amount).unwrap_or(i64::MAX);
    let total = log.count(org, &key, amount, &id).await?;
    let total_micros = u64::try_from(total).unwrap_or(0);
    let exceeded = total_micros > wanted.cap;
    reserved.marks.push(wire::BudgetMark {
        policy_id: policy.to_bytes(),
        period: wanted.period.clone(),
        reserved_micros: if exceeded { 0 } else { wanted.amount },
        total_micros,
        cap_micros: wanted.cap,
        exceeded,
    });
    if exceeded {
        log.count(org, &key, -amount, &format!("{id}:back")).await?;
        decision.add(wanted.violation.clone());
    } else {
        reserved.taken.push((key, amount, id));
    }
    Ok(())
}

impl Reserved {
    /// Gives everything back: the act does not take place.
    pub async fn void(&mut self, log: &EventLog, org: OrgId) {
        for (key, amount, id) in self.taken.drain(..) {
            if let Err(error) = log.count(org, &key, -amount, &format!("{id}:void")).await {
                tracing::warn!(%error, "a reservation could not be given back");
            }
        }
    }
}
