//! `writ policy export`: the server's policies as files say them.

use clap::Args;
use serde_json::{Map, Value, json};

use super::form;
use super::server::{self, Stored, unique_names};
use super::set::API_VERSION;
use super::yaml;
use crate::cli::Context;
use crate::failure::Failure;
use crate::output::{self, Format};

#[derive(Args)]
pub(crate) struct Export {
    /// Write ids too: such a file can be applied only to this server
    #[arg(long)]
    ids: bool,
}

/// Writes all policies; applying them changes nothing.
pub(super) async fn run(export: &Export, context: &Context) -> Result<(), Failure> {
    let stored = server::policies(&context.api()?).await?;
    let policies: Vec<_> = stored.iter().map(|it| it.policy.clone()).collect();
    let unique = unique_names(&policies);
    let documents = stored.iter().map(|it| {
        let by_id = export.ids || !unique.contains_key(&it.policy.id);
        document(it, by_id)
    });
    let documents: Vec<Value> = documents.collect();
    let text = match context.format {
        Format::Json => format!("{:#}\n", Value::Array(documents)),
        Format::Jsonl => documents.iter().map(|it| format!("{it}\n")).collect(),
        Format::Table | Format::Yaml | Format::Junit => yaml::write(&documents)?,
    };
    output::raw(text.as_bytes())
}

fn document(stored: &Stored, by_id: bool) -> Value {
    let mut spec = form::without_defaults(&stored.form, &stored.policy);
    let mut metadata = Map::new();
    metadata.extend(spec.remove("name").map(|name| ("name".to_owned(), name)));
    if by_id {
        metadata.insert("id".to_owned(), stored.id().into());
    }
    json!({ "apiVersion": API_VERSION, "kind": "Policy", "metadata": metadata, "spec": spec })
}
