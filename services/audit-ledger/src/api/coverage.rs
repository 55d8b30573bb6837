//! `GET /audit/coverage`: how much of an agent's time was governed, and whether anything is missing.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Shared};
use chrono::{DateTime, Duration, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;
use writ_chain::coverage::{Coverage, EXCLUDES, Emitter, FORMAT, Outcomes, Tail, union_within};
use writ_chain::statement::{Signed, sign};
use writ_contract::{Fact as _, wire};
use writ_pg::TenantTx;
use writ_service_kit::ApiError;
use writ_service_kit::json::Data;
use writ_service_kit::routes::Authed;

use super::signed::SignedDto;
use super::{State, status};
use crate::error::Error;
use crate::store::{self, EmitterRow, Period};

const SECOND: u64 = 1_000_000;
const DAY: Duration = Duration::days(1);
/// How long a decision that was made may be on its way to the log.
const ON_ITS_WAY: Duration = Duration::seconds(10);
/// How long ago everybody alive has been heard of, with room.
const HEARD: Duration = Duration::minutes(2);
const LONGEST: Duration = Duration::days(366);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CoverageQuery {
    /// UUID or external id.
    agent_id: String,
    /// Begin of the period; a day before its end when absent.
    from: Option<DateTime<Utc>>,
    /// End of the period; two minutes ago when absent. Of later times it is not known yet whether
    /// anything is missing.
    to: Option<DateTime<Utc>>,
}

pub(super) async fn show(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    query: Result<Query<CoverageQuery>, QueryRejection>,
) -> Result<Json<Data<SignedDto>>, ApiError> {
    let Query(query) = query.map_err(|refused| ApiError::invalid(refused.body_text()))?;
    let now = state.clock.now();
    let to = query.to.unwrap_or(now - HEARD);
    let from = query.from.unwrap_or(to - DAY);
    if query.agent_id.is_empty() {
        return Err(ApiError::invalid("agentId must name an agent"));
    }
    if from >= to || to - from > LONGEST {
        return Err(ApiError::invalid(
            "from must be before to, by at most 366 days",
        ));
    }
    if to > now {
        return Err(ApiError::invalid("to must not be in the future"));
    }
    let asked = (query.agent_id, from, to);
    let found = state_coverage(&state, caller.org_id(), asked).await;
    let signed = found.map_err(status::answer)?;
    let signed = signed.ok_or_else(status::nothing_sealed)?;
    let data = SignedDto::of(signed)?;
    Ok(Json(Data { data }))
}

/// The statement over what is sealed; `None` when nothing is.
async fn state_coverage(
    state: &State,
    org: Uuid,
    (agent, from, to): (String, DateTime<Utc>, DateTime<Utc>),
) -> Result<Option<Signed<Coverage>>, Error> {
    let mut tx = state.pool.begin(org).await?;
    let Some(head) = store::signed(&mut tx).await? else {
        return Ok(None);
    };
    let size = head.size;
    let period = Period {
        agent,
        from,
        to,
        size,
    };
    let names = store::agent_names(&mut tx, &period).await?;
    let (outcomes, unnamed) = outcomes(store::outcomes(&mut tx, &period, &names).await?);
    let ungoverned =
        store::windows(&mut tx, &period, &names, wire::BypassWindow::AGGREGATE).await?;
    let heard = store::windows(&mut tx, &period, &names, wire::Presence::AGGREGATE).await?;
    let (from, to) = (from.timestamp_micros(), to.timestamp_micros());
    let heard_seconds = micros(&heard, from, to) / SECOND;
    let (emitters, silent_emitters) = followed(&mut tx, &period).await?;
    let coverage = Coverage {
        format: FORMAT.to_owned(),
        org,
        decisions: outcomes.allowed + outcomes.held + outcomes.denied,
        outcomes,
        names: names.into_iter().collect(),
        unnamed: Some(unnamed),
        heard_seconds: Some(heard_seconds),
        silent_seconds: Some(Coverage::period_seconds(from, to).saturating_sub(heard_seconds)),
        ungoverned_seconds: micros(&ungoverned, from, to).div_ceil(SECOND),
        ungoverned_acts: ungoverned.iter().map(|(_, _, acts)| acts).sum(),
        lost_reports: store::lost_reports(&mut tx, &period).await?,
        missing: Coverage::missing_of(&emitters),
        emitters,
        silent_emitters,
        excludes: EXCLUDES.map(str::to_owned).to_vec(),
        checkpoint: head.note,
        issued_at: state.clock.now().timestamp_micros(),
        agent: period.agent,
        from,
        to,
    };
    let signed = sign(coverage, &state.keys.export);
    signed
        .map(Some)
        .map_err(|wrong| Error::Damaged(wrong.to_string()))
}

/// How much of a period reported times cover, overlaps once.
fn micros(windows: &[(i64, i64, u64)], from: i64, to: i64) -> u64 {
    let spans: Vec<(i64, i64)> = windows.iter().map(|(from, to, _)| (*from, *to)).collect();
    u64::try_from(union_within(&spans, from, to)).unwrap_or_default()
}

/// The outcomes, and how many decisions' entries do not name the agent.
fn outcomes(counts: Vec<(Option<String>, bool, u64)>) -> (Outcomes, u64) {
    let (mut outcomes, mut unnamed) = (Outcomes::default(), 0);
    for (word, named, count) in counts {
        unnamed += if named { 0 } else { count };
        outcomes.count(word.as_deref(), count);
    }
    (outcomes, unnamed)
}

/// The emitters that may have recorded something in the period, and how many are taken to have ended
/// before it.
async fn followed(tx: &mut TenantTx, period: &Period) -> Result<(Vec<Emitter>, u64), Error> {
    let (mut emitters, mut silent) = (Vec::new(), 0);
    for row in store::emitters(tx, period).await? {
        let alive = row.alive_at.is_some_and(|at| at >= period.to + ON_ITS_WAY);
        if row.last_at < period.from && row.after.is_none() {
            if row.closed {
                continue;
            }
            if !alive && row.last_at < period.from - DAY {
                silent += 1;
                continue;
            }
        }
        let Some(followed) = follow(&row, alive) else {
            continue;
        };
        let (after, last) = (followed.after, followed.last);
        let present = store::present(tx, period, &row.source, after, last).await?;
        emitters.push(Emitter {
            present,
            ..followed
        });
    }
    Ok((emitters, silent))
}

/// What is known of an emitter's numbers, `alive` if it was after the period; `None` for one whose first
/// record is after the period.
fn follow(row: &EmitterRow, alive: bool) -> Option<Emitter> {
    let number = |stored: i64| u64::try_from(stored).unwrap_or_default();
    let after = row.before.map_or(0, number);
    let (last, tail) = match (row.after, row.closed) {
        (Some(next), _) => (number(next).saturating_sub(1), Tail::Continued),
        (None, true) => (row.last.map_or(0, number), Tail::Closed),
        (None, false) if alive => (row.last.map_or(0, number), Tail::Continued),
        (None, false) => (row.last.map_or(0, number), Tail::Unknown),
    };
    let begins_later = tail == Tail::Continued && row.before.is_none() && last == 0;
    (!begins_later).then(|| Emitter {
        emitter: row.source.trim_start_matches("incarnation:").to_owned(),
        after,
        last: last.max(after),
        present: 0,
        tail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(before: Option<i64>, after: Option<i64>, last: i64, closed: bool) -> EmitterRow {
        EmitterRow {
            source: "incarnation:x".to_owned(),
            closed,
            last_at: DateTime::UNIX_EPOCH,
            alive_at: None,
            before,
            after,
            last: Some(last),
        }
    }

    #[test]
    fn an_end_is_known_only_when_it_closed_or_went_on() {
        let alive =
            |row: EmitterRow, alive| follow(&row, alive).map(|it| (it.after, it.last, it.tail));
        let tail = |row| alive(row, false);
        let closed = tail(row(Some(3), None, 9, true));
        assert_eq!(closed, Some((3, 9, Tail::Closed)));
        let gone_on = tail(row(Some(3), Some(8), 20, false));
        assert_eq!(gone_on, Some((3, 7, Tail::Continued)));
        let lived = alive(row(Some(3), None, 9, false), true);
        assert_eq!(lived, Some((3, 9, Tail::Continued)));
        let unknown = tail(row(None, None, 9, false));
        assert_eq!(unknown, Some((0, 9, Tail::Unknown)));
        let later = tail(row(None, Some(1), 9, false));
        assert_eq!(later, None);
    }

    #[test]
    fn an_emitter_that_begins_later_with_a_hole_is_not_left_out() {
        let found = follow(&row(None, Some(3), 9, false), false).unwrap();
        assert_eq!((found.after, found.last, found.missing()), (0, 2, 2));
    }
}
