//! `GET /audit/coverage`: how much of an agent's time was governed, and whether anything is missing.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Shared};
use chrono::{DateTime, Duration, SecondsFormat, SubsecRound as _, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;
use writ_chain::coverage::{Coverage, EXCLUDES, Emitter, FORMAT, Outcomes, Tail, union_within};
use writ_chain::statement::sign;
use writ_contract::{Fact as _, wire};
use writ_pg::TenantTx;
use writ_service_kit::ApiError;
use writ_service_kit::json::Data;
use writ_service_kit::routes::Authed;

use super::recorded::Recording;
use super::signed::SignedDto;
use super::{State, status};
use crate::domain::agent::Known;
use crate::domain::compliance::not_before;
use crate::domain::{When, taken_out};
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
    /// Whose external id it is, where agents in several environments have it.
    environment: Option<String>,
    /// Begin of the period, a day (UTC) or an instant (RFC 3339); when absent a day before its end, or
    /// when the record began if that is later.
    #[schemars(with = "Option<String>")]
    from: Option<When>,
    /// End of the period, likewise; it is before that day or instant. Two minutes ago when absent: of
    /// later times it is not known yet whether anything is missing.
    #[schemars(with = "Option<String>")]
    to: Option<When>,
}

pub(super) async fn show(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    query: Result<Query<CoverageQuery>, QueryRejection>,
) -> Result<Json<Data<SignedDto>>, ApiError> {
    let Query(query) = query.map_err(|refused| ApiError::invalid(refused.body_text()))?;
    if query.agent_id.is_empty() {
        return Err(ApiError::invalid("agentId must name an agent"));
    }
    let org = caller.org_id();
    let mut tx = state.pool.begin(org).await.map_err(Error::from)?;
    let Some(head) = store::signed(&mut tx).await? else {
        return Err(status::nothing_sealed());
    };
    let Some(recording) = Recording::of(&mut tx, org).await? else {
        return Err(status::nothing_sealed());
    };
    let (from, to) = span(&query, recording.began, state.clock.now())?;
    whole(&store::months_taken_out(&mut tx).await?, from, to)?;
    let seen = store::agents(&mut tx, &query.agent_id).await?;
    let agent = Known::of(&query.agent_id, query.environment.as_deref(), &seen)
        .map_err(|wrong| status::no_agent(&query.agent_id, query.environment.as_deref(), wrong))?;
    let period = Period {
        agent,
        from,
        to,
        size: head.size,
    };
    // With an environment, what was asked for does not name the agent by itself.
    let named = query.environment.and(period.agent.id.clone());
    let about = About {
        org,
        agent: named.unwrap_or(query.agent_id),
        checkpoint: head.note,
        issued_at: state.clock.now().timestamp_micros(),
        began: recording.began,
    };
    let coverage = counted(&mut tx, &period, about).await?;
    let signed = sign(coverage, &state.keys.export);
    let signed = signed.map_err(|wrong| Error::Damaged(wrong.to_string()))?;
    let data = SignedDto::of(signed)?;
    Ok(Json(Data { data }))
}

/// The period that is asked about.
fn span(
    query: &CoverageQuery,
    began: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, DateTime<Utc>), ApiError> {
    let known = now - HEARD;
    let to = match query.to {
        Some(to) => to.start(),
        // Of a record that is younger it is stated what is known of it now.
        None if known <= began => now,
        None => known,
    };
    let from = query.from.map(When::start);
    let from = from.unwrap_or_else(|| (to - DAY).max(began.trunc_subsecs(0)));
    if to > now {
        return Err(ApiError::invalid("to must not be in the future"));
    }
    if query.from.is_some() && from >= to {
        return Err(ApiError::invalid(
            "from must be before to, which is two minutes ago unless you say otherwise",
        ));
    }
    if to <= began {
        return Err(ApiError::invalid(format!(
            "{}: ask for a period that ends later",
            not_before(began)
        )));
    }
    if to - from > LONGEST {
        return Err(ApiError::invalid(
            "from must be before to, by at most 366 days",
        ));
    }
    Ok((from, to))
}

/// Refuses a period of which entries were taken out: they would read as missing, or as never made.
fn whole(targets: &[String], from: DateTime<Utc>, to: DateTime<Utc>) -> Result<(), ApiError> {
    let months = taken_out(targets, from, to);
    if months.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "entries of {} were taken out of the ledger: ask for a period without them, or count from the \
         exports that were made before",
        months.join(", ")
    )))
}

/// What a statement says of itself.
struct About {
    org: Uuid,
    agent: String,
    checkpoint: String,
    issued_at: i64,
    /// Since when there is a record.
    began: DateTime<Utc>,
}

/// What the sealed entries say of the agent in the period.
async fn counted(tx: &mut TenantTx, period: &Period, about: About) -> Result<Coverage, Error> {
    let (outcomes, unnamed) = outcomes(store::outcomes(tx, period).await?);
    let ungoverned = store::windows(tx, period, wire::BypassWindow::AGGREGATE).await?;
    let heard = store::windows(tx, period, wire::Presence::AGGREGATE).await?;
    let (from, to) = (period.from.timestamp_micros(), period.to.timestamp_micros());
    let heard_seconds = micros(&heard, from, to) / SECOND;
    let (emitters, silent_emitters) = followed(tx, period).await?;
    let acts = ungoverned.iter().map(|(_, _, acts)| *acts);
    Ok(Coverage {
        format: FORMAT.to_owned(),
        org: about.org,
        agent: about.agent,
        decisions: outcomes.allowed + outcomes.held + outcomes.denied,
        outcomes,
        names: period.agent.names.iter().cloned().collect(),
        unnamed: Some(unnamed),
        heard_seconds: Some(heard_seconds),
        silent_seconds: Some(Coverage::period_seconds(from, to).saturating_sub(heard_seconds)),
        ungoverned_seconds: micros(&ungoverned, from, to).div_ceil(SECOND),
        ungoverned_acts: acts.fold(0, u64::saturating_add),
        lost_reports: store::lost_reports(tx, period).await?,
        missing: Coverage::missing_of(&emitters),
        emitters,
        silent_emitters,
        excludes: excluded(period, about.began),
        checkpoint: about.checkpoint,
        issued_at: about.issued_at,
        from,
        to,
    })
}

/// What no record can show, of this agent and period.
fn excluded(period: &Period, began: DateTime<Utc>) -> Vec<String> {
    let mut excluded = EXCLUDES.map(str::to_owned).to_vec();
    let began = began.trunc_subsecs(0);
    if period.from < began {
        excluded.push(format!(
            "the time before {}: nothing was recorded then",
            began.to_rfc3339_opts(SecondsFormat::Secs, true)
        ));
    }
    excluded.extend(period.agent.shared.iter().map(|name| {
        format!(
            "which of the agents called {name} acted without decisions: the reports do not say, \
             and all of them are counted; decisions from before they were registered are not"
        )
    }));
    excluded.extend(period.agent.foreign.iter().map(|name| {
        format!(
            "reports of acts without decisions under the external id {name}: it is the UUID of \
             another agent, and they are counted there"
        )
    }));
    excluded
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
    fn a_period_is_of_days_or_instants_that_were_recorded_and_are_gone_by() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let (began, now) = (at("2026-11-18T09:00:00Z"), at("2026-11-20T12:00:00Z"));
        let of = |from: Option<&str>, to: Option<&str>, began| {
            let query = CoverageQuery {
                agent_id: "a".into(),
                environment: None,
                from: from.map(|it| it.parse().unwrap()),
                to: to.map(|it| it.parse().unwrap()),
            };
            span(&query, began, now).map_err(|refused| refused.message.into_owned())
        };
        let days = of(Some("2026-11-18"), Some("2026-11-19"), began);
        assert_eq!(
            days,
            Ok((at("2026-11-18T00:00:00Z"), at("2026-11-19T00:00:00Z")))
        );
        let known = at("2026-11-20T11:58:00Z");
        assert_eq!(of(None, None, began).unwrap().1, known);
        let young = at("2026-11-20T11:59:30Z");
        assert_eq!(of(None, None, young), Ok((young, now)));
        for (from, to, said) in [
            (None, Some("2026-11-21"), "future"),
            (Some("2026-11-20"), Some("2026-11-19"), "before to"),
            (Some("2026-11-10"), Some("2026-11-09"), "before to"),
            (Some("2025-11-01"), Some("2026-11-19"), "at most 366 days"),
            (None, Some("2026-11-17"), "nothing was recorded before"),
            (
                Some("2026-11-01"),
                Some("2026-11-17"),
                "nothing was recorded before",
            ),
        ] {
            let refused = of(from, to, began).unwrap_err();
            assert!(refused.contains(said), "{refused}");
        }
    }

    #[test]
    fn an_emitter_that_begins_later_with_a_hole_is_not_left_out() {
        let found = follow(&row(None, Some(3), 9, false), false).unwrap();
        assert_eq!((found.after, found.last, found.missing()), (0, 2, 2));
    }
}
