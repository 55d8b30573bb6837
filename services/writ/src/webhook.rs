//! `writ webhook`.

use clap::Subcommand;
use reqwest::Method;

use crate::body::Body;
use crate::cli::Context;
use crate::failure::Failure;
use crate::list::{self, ListArgs};
use crate::output::{self, Column};

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("URL", "/url"),
    ("EVENTS", "/events"),
    ("ACTIVE", "/isActive"),
    ("DISABLED BECAUSE", "/disabledReason"),
];

#[derive(Subcommand)]
pub(crate) enum WebhookCommand {
    /// Endpoints of the organisation
    List(ListArgs),
    /// Add an endpoint; without a secret of yours the server makes one and shows it once
    Create {
        /// Where events are posted
        endpoint: String,
        /// An event such as agent.paused; may be repeated
        #[arg(long = "event", required = true)]
        events: Vec<String>,
        /// The secret deliveries are signed with
        #[arg(long, env = "WRIT_WEBHOOK_SECRET", hide_env_values = true)]
        secret: Option<String>,
        /// What it is for
        #[arg(long)]
        description: Option<String>,
    },
    /// Remove an endpoint
    Delete {
        /// Its id
        id: String,
    },
}

pub(crate) async fn run(command: WebhookCommand, context: &Context) -> Result<(), Failure> {
    let api = context.api()?;
    match command {
        WebhookCommand::List(page) => {
            let endpoints = list::fetch(&api, &["webhooks"], &[], &page).await?;
            output::rows(context.format, &endpoints, COLUMNS)
        }
        WebhookCommand::Create {
            endpoint,
            events,
            secret,
            description,
        } => {
            let mut body = Body::default();
            body.put("url", Some(endpoint));
            body.put_all("events", events);
            body.put("secret", secret);
            body.put("description", description);
            let body = body.done();
            let answer = api.send(Method::POST, &["webhooks"], Some(&body)).await?;
            output::object(context.format, &list::data(answer))
        }
        WebhookCommand::Delete { id } => {
            let answer = api.send(Method::DELETE, &["webhooks", &id], None).await?;
            output::object(context.format, &list::data(answer))
        }
    }
}
