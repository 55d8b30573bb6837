//! `writ key`.

mod leak;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::Value;

use crate::body::BodyArg;
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
    /// viewer, developer, admin or owner; default: developer
    #[arg(long)]
    role: Option<String>,
    /// When it ends, RFC 3339; default: never
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// Only in this environment; may be repeated
    #[arg(long = "environment")]
    environments: Vec<String>,
    /// Only from this network, such as 10.0.0.0/8; may be repeated
    #[arg(long = "cidr", value_name = "NETWORK")]
    cidrs: Vec<String>,
    /// Every request with it must be signed
    #[arg(long)]
    signature_required: bool,
    /// A test key: it may not act in production
    #[arg(long)]
    test: bool,
    /// Who holds it: a member, by id (per_…); default: whoever issues it
    #[arg(long, value_name = "ID", conflicts_with = "person_name")]
    person: Option<String>,
    /// Who holds it: a new member of this name
    #[arg(long, value_name = "NAME")]
    person_name: Option<String>,
    /// The new member's address
    #[arg(long, value_name = "EMAIL", requires = "person_name")]
    person_email: Option<String>,
    #[command(flatten)]
    body: BodyArg,
}

impl Create {
    fn body(self) -> Result<Value, Failure> {
        let mut body = self.body.read()?;
        body.put("name", Some(self.name));
        body.put("role", self.role);
        body.put_default("role", "developer");
        body.put("expiresAt", self.expires_at);
        body.put("person", self.person);
        body.put("personName", self.person_name);
        body.put("personEmail", self.person_email);
        body.put_set("signatureRequired", self.signature_required);
        body.put_set("test", self.test);
        body.put_all("environments", self.environments);
        body.put_all("cidrs", self.cidrs);
        Ok(body.done())
    }
}

pub(crate) async fn run(command: KeyCommand, context: &Context) -> Result<(), Failure> {
    let api = context.api()?;
    match command {
        KeyCommand::List(page) => {
            let keys = list::fetch(&api, &["keys"], &[], &page).await?;
            output::rows(context.format, &keys, COLUMNS)
        }
        KeyCommand::Create(create) => {
            let body = create.body()?;
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
