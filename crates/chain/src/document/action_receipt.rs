//! An Action Receipt (agentboundary/v0.1): portable, and tamper-evident by its hash. Nobody signs one.
//!
//! Checked are its fields, as `action-receipt-v0.1.json` of that format has them (§6.1: a receipt that
//! fails its schema is not to be accepted), and its hash.

use crate::canonical;
use crate::receipt::Receipt;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What its `version` says.
pub const ACTION_RECEIPT: &str = "agentboundary/v0.1";

/// Why an Action Receipt shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidActionReceipt {
    /// A field is missing, is another thing than it has to be, or is none of the format's.
    #[error("{0} is not as {ACTION_RECEIPT} has it")]
    Field(&'static str),
    /// The hash is of something else.
    #[error("its hash is not that of its content")]
    Hash,
}

use InvalidActionReceipt::{Field, Hash};

/// What a field of a part holds.
#[derive(Clone, Copy)]
enum Holds {
    /// A text with something in it.
    Text,
    /// A text that may be empty, or not be there.
    Note,
    Time,
    OneOf(&'static [&'static str]),
}

type Fields = &'static [(&'static str, Holds)];

/// The parts, and what is in each.
const PARTS: [(&str, Fields); 6] = [
    (
        "actor",
        &[
            ("type", Holds::OneOf(&["human", "system", "agent"])),
            ("id", Holds::Text),
            ("display_name", Holds::Note),
        ],
    ),
    (
        "agent",
        &[
            ("framework", Holds::Text),
            ("framework_version", Holds::Text),
            ("model", Holds::Text),
            ("model_version", Holds::Note),
        ],
    ),
    (
        "tool",
        &[
            ("name", Holds::Text),
            ("version", Holds::Note),
            ("capability", Holds::Text),
        ],
    ),
    (
        "target",
        &[
            ("system", Holds::Text),
            ("environment", Holds::OneOf(&["prod", "staging", "dev"])),
            ("resource_id", Holds::Note),
        ],
    ),
    (
        "policy",
        &[
            ("name", Holds::Text),
            ("version", Holds::Text),
            (
                "decision",
                Holds::OneOf(&["allow", "deny", "escalate", APPROVAL]),
            ),
        ],
    ),
    (
        "execution",
        &[
            ("status", Holds::OneOf(&["success", "failure", "blocked"])),
            ("completed_at", Holds::Time),
            ("error_code", Holds::Note),
            ("result_ref", Holds::Note),
        ],
    ),
];

/// The decision that has an approval beside it.
const APPROVAL: &str = "require-approval";

const APPROVER: Fields = &[
    ("id", Holds::Text),
    ("display_name", Holds::Note),
    ("role", Holds::Note),
];

/// Checks its fields and its hash.
pub(super) fn check(value: &Value) -> Result<(), InvalidActionReceipt> {
    let mut rest = value.as_object().cloned().ok_or(Field("it"))?;
    let said = rest.remove("receipt_hash").ok_or(Field("receipt_hash"))?;
    let hashed = canonical::to_vec(&rest).map_err(|_| Hash)?;
    if said != hex::encode(Sha256::digest(hashed)) {
        return Err(Hash);
    }
    let mut take = |name| rest.remove(name).ok_or(Field(name));
    take("version")?;
    let id = take("receipt_id")?;
    let id = id.as_str().filter(|it| it.len() == 36);
    id.and_then(|it| Uuid::try_parse(it).ok())
        .ok_or(Field("receipt_id"))?;
    is_time(&take("issued_at")?).ok_or(Field("issued_at"))?;
    is_hash(&take("arguments_hash")?).ok_or(Field("arguments_hash"))?;
    for (name, fields) in PARTS {
        has(&take(name)?, fields).ok_or(Field(name))?;
    }
    let decided = value.pointer("/policy/decision").and_then(Value::as_str);
    match rest.remove("approval") {
        Some(approval) => is_approval(&approval).ok_or(Field("approval"))?,
        None if decided == Some(APPROVAL) => return Err(Field("approval")),
        None => {}
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(Field("a further field"))
    }
}

/// What of it is not what the ledger recorded of the same act, by the ledger's receipt of that.
///
/// The tool, its target, the arguments and how the act ended are not recorded there.
#[must_use]
pub fn differences(value: &Value, recorded: &Receipt) -> Vec<&'static str> {
    let said = |pointer| value.pointer(pointer).and_then(Value::as_str);
    let entry = |field| recorded.entry.get(field).and_then(Value::as_str);
    let decision = recorded.decision_id.as_ref();
    let reference = decision.map(|id| format!("writ:{id}"));
    let decided: &[&str] = match entry("outcome") {
        Some("allowed") => &["allow"],
        Some("held") => &["escalate", APPROVAL],
        Some(_) | None => &["deny"],
    };
    // What stands behind a `?` is about the Action Receipt itself.
    let referred = said("/execution/result_ref").and_then(|it| it.split('?').next());
    let differs = [
        (
            "execution.result_ref",
            reference.is_none() || referred != reference.as_deref(),
        ),
        (
            "actor.id",
            said("/actor/id") != entry("actor").or(Some("unknown")),
        ),
        (
            "policy.decision",
            !said("/policy/decision").is_some_and(|it| decided.contains(&it)),
        ),
    ];
    let differs = differs.into_iter().filter(|(_, differs)| *differs);
    differs.map(|(field, _)| field).collect()
}

fn is_approval(value: &Value) -> Option<()> {
    let mut rest: Map<String, Value> = value.as_object()?.clone();
    has(&rest.remove("approver")?, APPROVER)?;
    let rest = Value::Object(rest);
    has(
        &rest,
        &[("approved_at", Holds::Time), ("context", Holds::Note)],
    )
}

/// Whether an object has these fields and no others.
fn has(value: &Value, fields: &[(&str, Holds)]) -> Option<()> {
    let object = value.as_object()?;
    let known = |name: &String| fields.iter().any(|(field, _)| field == name);
    object.keys().all(known).then_some(())?;
    for (name, holds) in fields {
        let given = object.get(*name);
        match holds {
            Holds::Text => given?.as_str().filter(|it| !it.is_empty()).map(drop)?,
            Holds::Note => given.is_none_or(Value::is_string).then_some(())?,
            Holds::Time => is_time(given?)?,
            Holds::OneOf(words) => words.contains(&given?.as_str()?).then_some(())?,
        }
    }
    Some(())
}

fn is_hash(value: &Value) -> Option<()> {
    let text = value.as_str()?;
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (text.len() == 64 && text.bytes().all(digit)).then_some(())
}

/// Whether it has the form of an RFC 3339 time: `2026-06-15T16:02:17[.…]Z`, or with an offset.
fn is_time(value: &Value) -> Option<()> {
    let text = value.as_str()?.as_bytes();
    let (moment, rest) = text.split_at_checked(19)?;
    let fits = |text: &[u8], form: &[u8]| {
        let place = |(byte, form): (&u8, &u8)| match form {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        };
        text.len() == form.len() && text.iter().zip(form).all(place)
    };
    let fraction = rest.strip_prefix(b".").map(|rest| {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
        rest.split_at(digits.count())
    });
    let offset = match fraction {
        None => rest,
        Some(([], _)) => return None,
        Some((_, offset)) => offset,
    };
    let offset_fits = offset == b"Z" || fits(offset, b"+00:00") || fits(offset, b"-00:00");
    (fits(moment, b"0000-00-00T00:00:00") && offset_fits).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_time_has_its_form() {
        for good in [
            "2026-06-15T16:02:17Z",
            "2026-06-15T16:02:17.5Z",
            "2026-06-15T16:02:17+02:00",
        ] {
            assert_eq!(is_time(&json!(good)), Some(()), "{good}");
        }
        for bad in [
            "",
            "2026-06-15",
            "2026-06-15T16:02:17",
            "2026-06-15T16:02:17.Z",
            "2026-06-15T16:02:17Z ",
            "yesterday, about four o'clockZ",
        ] {
            assert_eq!(is_time(&json!(bad)), None, "{bad}");
        }
    }
}
