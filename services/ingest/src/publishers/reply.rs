//! Answers in the shape of a JetStream publish acknowledgement.

use serde_json::{Value, json};

use crate::api::ingest::errors;
use crate::error::Error;
use crate::intake::Taken;

/// `err_code` of these answers, outside the server's own 10000s.
const NOTHING_TAKEN: u32 = 60_001;
const NOT_READ: u32 = 60_002;
const NOT_ALLOWED: u32 = 60_003;
const NOT_STORED: u32 = 60_004;

/// What became of a message. A refusal of every trace is an error, so that a publish fails; of some
/// of them it is a list beside the acknowledgement.
pub(super) fn taken(stream: &str, taken: &Taken) -> Value {
    if taken.accepted == 0
        && let Some(first) = taken.refused.first()
    {
        let description = format!("{}: {}", first.refusal.code(), first.refusal);
        let reference = first.refusal.reference();
        let mut answer = error(stream, (400, NOTHING_TAKEN), reference, &description);
        if let Some(fields) = answer.as_object_mut() {
            fields.insert("errors".to_owned(), errors(&taken.refused));
        }
        return answer;
    }
    json!({
        "stream": stream,
        "seq": taken.last_seq.unwrap_or(0),
        "duplicate": taken.accepted > 0 && taken.accepted == taken.repeated,
        "accepted": taken.accepted,
        "errors": errors(&taken.refused),
    })
}

/// Nothing was taken, and why.
pub(super) fn failed(stream: &str, why: &Error) -> Value {
    let codes = match why {
        Error::Body(_)
        | Error::Report(_)
        | Error::Field(_)
        | Error::Parameter { .. }
        | Error::Draft(_)
        | Error::NotFound(_) => (400, NOT_READ),
        Error::MediaType => (415, NOT_READ),
        Error::Environment(_) => (403, NOT_ALLOWED),
        Error::TooLarge(_) => (413, NOT_READ),
        Error::Quota(_) => (402, NOT_ALLOWED),
        Error::Suspended => (403, NOT_ALLOWED),
        Error::Unsettled | Error::Overloaded | Error::Log(_) | Error::Store(_) => (503, NOT_STORED),
    };
    let description = format!("{}: {why}", why.code());
    error(stream, codes, why.reference(), &description)
}

fn error(stream: &str, (code, err_code): (u16, u32), reference: &str, description: &str) -> Value {
    json!({
        "error": {
            "code": code,
            "err_code": err_code,
            "ref": reference,
            "description": description,
        },
        "stream": stream,
        "seq": 0,
    })
}
