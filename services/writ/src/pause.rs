//! `writ pause`.

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use crate::agent::with_receipt;
use crate::cli::Context;
use crate::failure::Failure;
use crate::list::{self, ListArgs};
use crate::output::{self, Column};

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("SCOPE", "/scope"),
    ("VALUE", "/value"),
    ("AGENTS", "/agents"),
    ("SINCE", "/createdAt"),
    ("UNTIL", "/expiresAt"),
    ("REASON", "/reason"),
];

#[derive(Subcommand)]
pub(crate) enum PauseCommand {
    /// Pauses in force
    List(ListArgs),
    /// Pause at once; the answer is the receipt
    Create(Create),
    /// Lift a pause before its end
    Delete {
        /// Its id
        id: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Scope {
    Organization,
    Tag,
    Environment,
    /// Calls that name the tool; agents stay active
    Tool,
    Agent,
}

#[derive(Args)]
pub(crate) struct Create {
    /// What kind of thing
    scope: Scope,
    /// Which tag, environment, tool or agent
    #[arg(required_if_eq_any([("scope", "tag"), ("scope", "environment"), ("scope", "tool"), ("scope", "agent")]))]
    value: Option<String>,
    /// Why; kept in the record and shown to whoever is refused
    #[arg(long)]
    reason: String,
    /// When it ends by itself, such as 2026-11-21T06:00:00Z
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

pub(crate) async fn run(command: PauseCommand, context: &Context) -> Result<(), Failure> {
    let api = context.api()?;
    match command {
        PauseCommand::List(page) => {
            let pauses = list::fetch(&api, &["pauses"], &[], &page).await?;
            output::rows(context.format, &pauses, COLUMNS)
        }
        PauseCommand::Create(create) => {
            let answer = api
                .send(Method::POST, &["pauses"], Some(&create.body()))
                .await?;
            output::object(context.format, &with_receipt(answer))
        }
        PauseCommand::Delete { id } => {
            let answer = api.send(Method::DELETE, &["pauses", &id], None).await?;
            output::object(context.format, &with_receipt(answer))
        }
    }
}

impl Create {
    fn body(self) -> Value {
        let scope = self.scope.to_possible_value();
        let scope = scope.map_or_else(String::new, |scope| scope.get_name().to_owned());
        let mut body = json!({ "scope": scope, "reason": self.reason });
        if let Some(fields) = body.as_object_mut() {
            let optional = [("value", self.value), ("expiresAt", self.until)];
            for (name, value) in optional {
                fields.extend(value.map(|value| (name.to_owned(), value.into())));
            }
        }
        body
    }
}
