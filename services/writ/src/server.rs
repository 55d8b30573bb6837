//! `writ server`: the server that commands go to.

use std::time::Instant;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::Context;
use crate::failure::Failure;
use crate::output;

#[derive(Subcommand)]
pub(crate) enum ServerCommand {
    /// Whether it answers, how fast, which version it is, and whom it takes the key for
    Status,
}

pub(crate) async fn run(command: &ServerCommand, context: &Context) -> Result<(), Failure> {
    match command {
        ServerCommand::Status => output::object(context.format, &status(context).await?),
    }
}

async fn status(context: &Context) -> Result<Value, Failure> {
    let api = context.api()?;
    let started = Instant::now();
    let health = api.get_bare(&["health"]).await?;
    let took = started.elapsed();
    let document = api.get_bare(&["openapi.json"]).await?;
    let mut status = json!({
        "url": api.base(),
        "status": health.get("status"),
        "tookMs": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "apiVersion": document.pointer("/info/version"),
        "key": "none",
    });
    if api.has_key() {
        // A key that is not accepted is this command's failure.
        let organization = api.get(&["organization"], &[]).await?;
        let name = organization.pointer("/data/name").cloned();
        if let Some(fields) = status.as_object_mut() {
            fields.insert("key".to_owned(), json!("accepted"));
            fields.insert("organization".to_owned(), name.unwrap_or_default());
        }
    }
    Ok(status)
}
