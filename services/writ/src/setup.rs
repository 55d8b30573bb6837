//! `writ setup`: what a deployment needs before its services start, made with rights that no
//! service has. Idempotent; nothing is ever deleted.

mod analytics;

use std::time::Duration;

use clap::Args;
use sqlx::migrate::Migrator;
use writ_contract::Topology;
use writ_eventlog::{StreamSettings, assert_streams};
use writ_pg::{MigrateError, StoreUrl};

use crate::api::innermost;
use crate::failure::Failure;
use crate::{nats, output};

const PATIENCE: Duration = Duration::from_secs(10);
const ROLES: &str = include_str!("../../../infra/postgres/roles.sql");

/// Schema, which is also the prefix of its roles, and what makes it.
static SCHEMAS: [(&str, Migrator); 5] = [
    ("control", sqlx::migrate!("../control/migrations")),
    ("ledger", sqlx::migrate!("../audit-ledger/migrations")),
    ("anomaly", sqlx::migrate!("../anomaly/migrations")),
    ("approval", sqlx::migrate!("../approval/migrations")),
    ("notifier", sqlx::migrate!("../notifier/migrations")),
];

#[derive(Args)]
pub(crate) struct SetupArgs {
    /// Make streams and durable consumers here; the user needs all rights in Writ's account
    #[arg(long, env = "NATS_URL", hide_env_values = true)]
    nats_url: Option<String>,
    /// First token of every subject
    #[arg(long, default_value = "writ")]
    prefix: String,
    /// Copies of each stream: 1 on one server, 3 in a cluster
    #[arg(long, default_value_t = 1, value_name = "N")]
    stream_replicas: usize,
    /// Make the schemas of the five services here; the role must own the database
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    #[command(flatten)]
    analytics: analytics::AnalyticsArgs,
    /// Only print the SQL that makes the roles the schemas need; run it as a superuser
    #[arg(long, exclusive = true)]
    print_roles: bool,
}

pub(crate) async fn run(args: SetupArgs) -> Result<(), Failure> {
    if args.print_roles {
        return output::raw(ROLES.as_bytes());
    }
    let nats = args.nats_url.as_deref().filter(|it| !it.is_empty());
    let database = args.database_url.as_deref().filter(|it| !it.is_empty());
    let mut anything = false;
    if let Some(url) = nats {
        anything = true;
        streams(url, &args.prefix, args.stream_replicas).await?;
    }
    if let Some(url) = database {
        anything = true;
        schemas(url).await?;
    }
    anything |= args.analytics.prepare().await?;
    if anything {
        return Ok(());
    }
    Err(Failure::Usage(
        "nothing to set up: give --nats-url, --database-url, --clickhouse-url".into(),
    ))
}

async fn streams(url: &str, prefix: &str, replicas: usize) -> Result<(), Failure> {
    let topology =
        Topology::new(prefix).map_err(|error| Failure::Usage(format!("--prefix: {error}")))?;
    let client = nats::connect(url, PATIENCE).await.map_err(|why| {
        Failure::Unavailable(format!("cannot reach NATS: {why}; check --nats-url"))
    })?;
    let settings = StreamSettings { replicas };
    let differences = assert_streams(&client, &topology, settings)
        .await
        .map_err(|problem| Failure::Unavailable(format!("NATS: {problem}")))?;
    for line in differences {
        output::note(&format!("differs, and was left as it is: {line}"))?;
    }
    output::check(true, "NATS", "streams and durables are there")
}

async fn schemas(url: &str) -> Result<(), Failure> {
    let url = StoreUrl::new(url);
    for (schema, migrations) in &SCHEMAS {
        writ_pg::migrate(&url, schema, schema, migrations)
            .await
            .map_err(|error| refused(schema, &error))?;
    }
    let names: Vec<&str> = SCHEMAS.iter().map(|(schema, _)| *schema).collect();
    output::check(
        true,
        "Postgres",
        &format!("schemas {} are there", names.join(", ")),
    )
}

fn refused(schema: &str, error: &MigrateError) -> Failure {
    let advice = if matches!(error, MigrateError::NoRole(_)) {
        "run `writ setup --print-roles | psql` as a superuser first"
    } else {
        "check --database-url, then run it again"
    };
    Failure::Unavailable(format!(
        "Postgres, schema {schema}: {}; {advice}",
        innermost(error)
    ))
}
