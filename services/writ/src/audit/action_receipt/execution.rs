//! How the act of a decision ended, and who approved it.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::{Known, Status, UNKNOWN, Words, time};
use crate::failure::Failure;

/// Whether a person let the act be done.
pub(super) fn is_approved(known: &Known) -> bool {
    matches!(
        known.text("/approval/status"),
        Some("approved" | "consumed")
    )
}

/// Who approved a held act, and when.
pub(super) fn approval(known: &Known) -> Option<Value> {
    let held = known.outcome() == "held" && is_approved(known);
    let person = known.text("/approval/decidedBy/person");
    let id = person.or_else(|| known.text("/approval/decidedBy/keyId"));
    held.then(|| {
        json!({
            "approver": { "id": id.unwrap_or(UNKNOWN) },
            "approved_at": known.text("/approval/decidedAt"),
        })
    })
}

/// How the act ended: `status`, `completed_at`, `error_code` and a reference to the decision.
///
/// # Errors
/// [`Failure::Usage`] for an act that has not ended: the format has no words for it.
pub(super) fn of(known: &Known, words: &Words) -> Result<Value, Failure> {
    let (status, at, error) = match blocked(known)? {
        Some(at) => {
            let why = known.text("/statement/entry/reason_code");
            ("blocked", at, why)
        }
        None => done(known, words)?,
    };
    if is_approved(known) && known.text("/approval/decidedAt").and_then(instant) >= instant(&at) {
        return Err(refused(
            "the act is said to have ended before it was approved",
        ));
    }
    if status == "blocked" && words.status.is_some() {
        return Err(refused("the act was not let through: it has no --status"));
    }
    let micros = instant(&at).map_or(0, |at| at.timestamp_micros());
    if words.completed_at.is_some() && !(decided(known)..=issued(known)).contains(&micros) {
        return Err(refused("--completed-at is before the decision, or to come"));
    }
    let id = known.text("/statement/decisionId").unwrap_or_default();
    let arguments = match known.arguments() {
        Some(_) => "",
        None => "?arguments_hash=keyed-digest",
    };
    let mut fields = Map::new();
    fields.insert("status".to_owned(), status.into());
    fields.insert("completed_at".to_owned(), at.into());
    fields.extend(error.map(|error| ("error_code".to_owned(), error.into())));
    fields.insert(
        "result_ref".to_owned(),
        format!("writ:{id}{arguments}").into(),
    );
    Ok(Value::Object(fields))
}

/// When it was settled that the act is not done; `None` when it was let through.
fn blocked(known: &Known) -> Result<Option<String>, Failure> {
    let at = |field: &str| match known.text(field) {
        Some(at) => Ok(at.to_owned()),
        None => time(Some(decided(known))),
    };
    match (known.outcome(), known.text("/approval/status")) {
        ("allowed", _) => Ok(None),
        ("held", Some("pending")) => Err(unfinished("waits for a person")),
        ("held", Some("approved")) if known.text("/approval/usedAt").is_none() => {
            match lapsed(known) {
                Some(at) => Ok(Some(at)),
                None => Err(unfinished("was approved and has not been done yet")),
            }
        }
        ("held", Some("approved" | "consumed")) => Ok(None),
        ("held", Some("expired")) => at("/approval/expiresAt").map(Some),
        ("held", Some(_)) => at("/approval/decidedAt").map(Some),
        _ => time(Some(decided(known))).map(Some),
    }
}

/// When the decision was taken, in microseconds since 1970.
fn decided(known: &Known) -> i64 {
    let at = known.statement.pointer("/entry/occurred_at");
    at.and_then(Value::as_i64).unwrap_or_default()
}

/// When its receipt was made.
fn issued(known: &Known) -> i64 {
    let at = known.statement.get("issuedAt");
    at.and_then(Value::as_i64).unwrap_or_default()
}

fn refused(why: &str) -> Failure {
    Failure::Usage(why.to_owned())
}

fn unfinished(why: &str) -> Failure {
    Failure::Usage(format!(
        "the act {why}: an Action Receipt is the last word on an act, ask again once it is settled \
         (without --action-receipt the decision has its receipt now)"
    ))
}

/// When the certificate of an approval that nobody used ended, if it has.
fn lapsed(known: &Known) -> Option<String> {
    let at = known.text("/approval/certificateExpiresAt")?;
    (instant(at)?.timestamp_micros() <= issued(known)).then(|| at.to_owned())
}

/// How an act that was let through ended.
fn done<'a>(
    known: &'a Known,
    words: &Words,
) -> Result<(&'static str, String, Option<&'a str>), Failure> {
    let said = words.status.map(|status| status == Status::Success);
    let traced = known
        .text("/trace/status")
        .map(|status| status == "success");
    let (status, error) = match said.or(traced) {
        Some(true) => ("success", None),
        Some(false) => ("failure", known.text("/trace/errorType")),
        None => ("failure", Some("OUTCOME_UNKNOWN")),
    };
    let ended = known
        .text("/trace/receivedAt")
        .or(known.text("/approval/usedAt"));
    let at = match (words.completed_at, ended) {
        (Some(at), _) => time(Some(at.timestamp_micros()))?,
        (None, Some(at)) => at.to_owned(),
        (None, None) => time(Some(decided(known)))?,
    };
    Ok((status, at, error))
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.to_utc())
}
