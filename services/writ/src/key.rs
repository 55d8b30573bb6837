//! `writ key`.

mod leak;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::json;

use crate::cli::Context;
use crate::failure::Failure;
use crate::list::{self, ListArgs};
use crate::output::{self, Column};

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("KEY", "/preview"),
    ("ROLE", "/role"),
    ("EXPIRES", "/expiresAt"),
    ("REVOKED", "/revokedAt"),
];

#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Keys of the organisation, without their secrets
    List(ListArgs),
    /// Issue a key; it is shown once and cannot be read again
    Create(Create),
    /// Make a key useless at once
    Revoke {
        /// Its id
        id: String,
        /// Somebody else got hold of it: an incident; lists what the key did
        #[arg(long)]
        leaked: bool,
        /// What it did since then, RFC 3339; default: from the beginning
        #[arg(long, value_name = "TIME", requires = "leaked")]
        since: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct Create {
    /// What it is for
    name: String,
    /// viewer, developer, admin or owner
    #[arg(long, default_value = "developer")]
    role: String,
    /// When it ends, RFC 3339; default: never
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// Only in this environment; may be repeated
    #[arg(long = "environment")]
    environments: Vec<String>,
}

pub(crate) async fn run(command: KeyCommand, context: &Context) -> Result<(), Failure> {
    let api = context.api()?;
    match command {
        KeyCommand::List(page) => {
            let keys = list::fetch(&api, &["keys"], &[], &page).await?;
            output::rows(context.format, &keys, COLUMNS)
        }
        KeyCommand::Create(create) => {
            let mut body = json!({ "name": create.name, "role": create.role });
            if let Some(fields) = body.as_object_mut() {
                let expires = create
                    .expires_at
                    .map(|it| ("expiresAt".to_owned(), it.into()));
                fields.extend(expires);
                if !create.environments.is_empty() {
                    fields.insert("environments".to_owned(), create.environments.into());
                }
            }
            let answer = api.send(Method::POST, &["keys"], Some(&body)).await?;
            output::object(context.format, &list::data(answer))?;
            output::note("keep the key now: it is not shown again")
        }
        KeyCommand::Revoke {
            id,
            leaked: true,
            since,
        } => leak::revoke(&api, context, id, since).await,
        KeyCommand::Revoke { id, .. } => {
            let answer = api.send(Method::DELETE, &["keys", &id], None).await?;
            output::object(context.format, &list::data(answer))
        }
    }
}
