//! The shapes of answers.

use schemars::JsonSchema;
use serde::Serialize;

/// `{"data": …}`: one thing, or a list that has no pages.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Data<T> {
    /// What was asked for, or the state that a write produced.
    pub data: T,
}

/// One page of a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// The `cursor` of the next page; null on the last.
    pub next_cursor: Option<String>,
}
