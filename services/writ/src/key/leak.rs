//! `writ key revoke --leaked`: first the key stops, then what it did is told.

use serde_json::{Value, json};

use crate::api::{Api, Request};
use crate::cli::Context;
use crate::failure::Failure;
use crate::list;
use crate::output::{self, Column};

/// Of each kind of act that many are listed.
const ACTS: usize = 1_000;

const COLUMNS: &[Column] = &[
    ("TIME", "/at"),
    ("WHAT", "/what"),
    ("ON", "/on"),
    ("OUTCOME", "/outcome"),
    ("ID", "/id"),
];

/// Where acts of a key are found, and how: what it is, and where its time, object, outcome and id are.
const SOURCES: [(&str, &str, [&str; 4]); 3] = [
    ("audit-logs", "", ["occurredAt", "target", "outcome", "id"]),
    (
        "decisions",
        "decision",
        ["timestamp", "agentId", "outcome", "id"],
    ),
    (
        "traces",
        "trace",
        ["timestamp", "agentId", "status", "traceId"],
    ),
];

/// Revokes the key and lists what it did since then.
pub(super) async fn revoke(
    api: &Api,
    context: &Context,
    id: String,
    since: Option<String>,
) -> Result<(), Failure> {
    let request = Request {
        method: "DELETE".to_owned(),
        path: vec!["keys".to_owned(), id.clone()],
        query: vec![("leaked".to_owned(), "true".to_owned())],
        ..Request::default()
    };
    let mut key = list::data(api.call(&request).await?);
    let acts = acts(api, &id, since.as_ref()).await?;
    if context.format.is_data() {
        if let Some(fields) = key.as_object_mut() {
            fields.insert("did".to_owned(), acts.into());
        }
        return output::object(context.format, &key);
    }
    output::object(context.format, &key)?;
    output::rows(context.format, &acts, COLUMNS)?;
    output::note("what it did in the last moments may be added: ask again with the same command")
}

/// In the order of time.
async fn acts(api: &Api, id: &str, since: Option<&String>) -> Result<Vec<Value>, Failure> {
    let mut acts = Vec::new();
    for (path, what, fields) in SOURCES {
        let mut filters = vec![match path {
            "audit-logs" => ("actor".to_owned(), format!("key:{id}")),
            _ => ("keyId".to_owned(), id.to_owned()),
        }];
        filters.extend(since.map(|time| ("since".to_owned(), time.clone())));
        let found = list::some(api, &[path], &filters, ACTS).await?;
        acts.extend(found.iter().map(|found| act(found, what, fields)));
    }
    acts.sort_by_key(|act| act["at"].as_str().unwrap_or_default().to_owned());
    Ok(acts)
}

fn act(found: &Value, what: &str, [at, on, outcome, id]: [&str; 4]) -> Value {
    let field = |name: &str| found.get(name).cloned().unwrap_or_default();
    let what = match what {
        "" => field("action"),
        what => what.into(),
    };
    json!({
        "at": field(at), "what": what, "on": field(on), "outcome": field(outcome), "id": field(id),
    })
}
