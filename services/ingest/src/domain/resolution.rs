//! What became of an act, learnt after its trace was stored: a record of its own beside the trace,
//! which stays as it is.

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use writ_contract::ResolutionId;

use super::fields::InvalidField;

const STATUSES: [&str; 3] = ["success", "error", "timeout"];
const BASES: [&str; 4] = ["read_back", "callback", "manual", "reconciliation"];
/// Longest reference, in bytes.
const SHORT: usize = 512;
/// Longest words, in bytes.
const LONG: usize = 8 * 1024;
/// How far ahead of this clock something may have been observed, in microseconds: a day, as for
/// traces.
const AHEAD_US: i64 = 24 * 3_600 * 1_000_000;

/// What was observed of an act.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "ResolutionBody")]
#[serde(rename_all = "camelCase")]
pub(crate) struct Observed {
    /// `success`, `error` or `timeout`.
    #[serde(default)]
    resolved_status: Option<String>,
    /// `read_back`, `callback`, `manual` or `reconciliation`.
    #[serde(default)]
    basis: Option<String>,
    #[serde(default)]
    effect_ref: Option<String>,
    #[serde(default)]
    acknowledgement_id: Option<String>,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    observed_at: Option<DateTime<Utc>>,
}

/// What was learnt of an act after its trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Resolution {
    pub(crate) id: ResolutionId,
    pub(crate) trace_id: String,
    pub(crate) agent_id: String,
    pub(crate) environment: String,
    pub(crate) resolved_status: String,
    pub(crate) basis: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) effect_ref: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) acknowledgement_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) detail: String,
    pub(crate) observed_at: String,
    pub(crate) recorded_at: String,
}

/// The trace it is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) trace_id: &'a str,
    pub(crate) agent_id: &'a str,
    pub(crate) environment: &'a str,
}

impl Observed {
    /// What is recorded; without a time of its own it was observed `now`.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub(crate) fn about(
        self,
        about: About<'_>,
        id: ResolutionId,
        now: DateTime<Utc>,
    ) -> Result<Resolution, InvalidField> {
        let observed = self.observed_at.unwrap_or(now);
        if observed.timestamp_micros() - now.timestamp_micros() > AHEAD_US {
            let (field, expected) = ("observedAt", "a time at most 24 hours ahead");
            return Err(InvalidField { field, expected });
        }
        let statuses = "success, error or timeout";
        let bases = "read_back, callback, manual or reconciliation";
        Ok(Resolution {
            id,
            trace_id: about.trace_id.to_owned(),
            agent_id: about.agent_id.to_owned(),
            environment: about.environment.to_owned(),
            resolved_status: one_of("resolvedStatus", self.resolved_status, &STATUSES, statuses)?,
            basis: one_of("basis", self.basis, &BASES, bases)?,
            effect_ref: text("effectRef", self.effect_ref, SHORT)?,
            acknowledgement_id: text("acknowledgementId", self.acknowledgement_id, SHORT)?,
            detail: text("detail", self.detail, LONG)?,
            observed_at: shown(observed),
            recorded_at: shown(now),
        })
    }
}

impl Resolution {
    /// When it was observed, in milliseconds since the Unix epoch.
    #[must_use]
    pub(crate) fn observed_ms(&self) -> i64 {
        DateTime::parse_from_rfc3339(&self.observed_at)
            .map(|at| at.timestamp_millis())
            .unwrap_or_default()
    }
}

fn shown(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn one_of(
    field: &'static str,
    given: Option<String>,
    words: &[&str],
    expected: &'static str,
) -> Result<String, InvalidField> {
    given
        .filter(|word| words.contains(&word.as_str()))
        .ok_or(InvalidField { field, expected })
}

fn text(field: &'static str, given: Option<String>, most: usize) -> Result<String, InvalidField> {
    let text = given.unwrap_or_default();
    if text.len() > most {
        let expected = "a text of a reasonable length";
        return Err(InvalidField { field, expected });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn read(body: &str) -> Result<Resolution, InvalidField> {
        let observed: Observed = serde_json::from_str(body).unwrap();
        let about = About {
            trace_id: "tr/1",
            agent_id: "bot",
            environment: "production",
        };
        let now = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        observed.about(about, ResolutionId(Uuid::from_u128(1)), now)
    }

    #[test]
    fn what_is_left_out_is_absent_and_the_time_is_now() {
        let read = read(r#"{"resolvedStatus":"success","basis":"manual","more":1}"#).unwrap();
        assert_eq!(read.observed_at, "2026-01-01T00:00:00.000Z");
        assert_eq!(read.observed_ms(), 1_767_225_600_000);
        let stored = serde_json::to_value(&read).unwrap();
        assert_eq!(stored.get("effectRef"), None);
        assert_eq!(serde_json::from_value::<Resolution>(stored).unwrap(), read);
    }

    #[test]
    fn wrong_words_long_texts_and_the_future_are_refused_by_name() {
        let long = "x".repeat(600);
        for (body, field) in [
            (r#"{"basis":"manual"}"#.to_owned(), "resolvedStatus"),
            (r#"{"resolvedStatus":"ok","basis":"manual"}"#.to_owned(), "resolvedStatus"),
            (r#"{"resolvedStatus":"error","basis":"none"}"#.to_owned(), "basis"),
            (
                format!(r#"{{"resolvedStatus":"error","basis":"manual","effectRef":"{long}"}}"#),
                "effectRef",
            ),
            (
                r#"{"resolvedStatus":"error","basis":"manual","observedAt":"2026-01-03T00:00:00Z"}"#
                    .to_owned(),
                "observedAt",
            ),
        ] {
            assert_eq!(read(&body).unwrap_err().field, field, "{body}");
        }
    }
}
