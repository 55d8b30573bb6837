//! Lists, page by page.

use clap::Args;
use serde_json::Value;

use crate::api::Api;
use crate::failure::Failure;

/// The API gives at most this many items at once.
const PAGE: usize = 200;

/// How much of a list is wanted.
#[derive(Args)]
pub(crate) struct ListArgs {
    /// At most this many items
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
}

/// The first `limit` items under `path`.
pub(crate) async fn fetch(
    api: &Api,
    path: &[&str],
    filters: &[(&str, Option<String>)],
    wanted: &ListArgs,
) -> Result<Vec<Value>, Failure> {
    let filters: Vec<(String, String)> = filters
        .iter()
        .filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?)))
        .collect();
    some(api, path, &filters, wanted.limit).await
}

/// The first `wanted` items under `path`.
pub(crate) async fn some(
    api: &Api,
    path: &[&str],
    filters: &[(String, String)],
    wanted: usize,
) -> Result<Vec<Value>, Failure> {
    let mut items = Vec::new();
    let mut cursor: Option<String> = None;
    while items.len() < wanted {
        let filters = filters.iter();
        let mut query: Vec<(&str, String)> = filters
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        query.push(("limit", (wanted - items.len()).min(PAGE).to_string()));
        query.extend(cursor.take().map(|it| ("cursor", it)));
        let body = api.get(path, &query).await?;
        let Some(page) = body.get("data").and_then(Value::as_array) else {
            return Err(Failure::Unavailable("the answer is not a list".into()));
        };
        items.extend(page.iter().cloned());
        cursor = next_cursor(&body);
        if cursor.is_none() || page.is_empty() {
            break;
        }
    }
    items.truncate(wanted);
    Ok(items)
}

/// All items under `path`.
pub(crate) async fn all(api: &Api, path: &[&str]) -> Result<Vec<Value>, Failure> {
    let wanted = ListArgs { limit: usize::MAX };
    fetch(api, path, &[], &wanted).await
}

fn next_cursor(body: &Value) -> Option<String> {
    let cursor = body.get("nextCursor")?.as_str()?;
    (!cursor.is_empty()).then(|| cursor.to_owned())
}

/// The `data` of an answer, or the whole of one that has none.
pub(crate) fn data(mut body: Value) -> Value {
    let data = body.get_mut("data").map(Value::take);
    data.unwrap_or(body)
}
