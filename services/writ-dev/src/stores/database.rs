//! Postgres: roles with passwords, one database owned by `writ_owner`.

use std::time::Duration;

use anyhow::Context;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use writ_servers::OnOrphaned;
use writ_servers::postgres::{ROLES, SUPERUSER};

use super::Plan;
use crate::children::Kept;
use crate::layout::write_private;
use crate::secrets;

const NAME: &str = "writ";
const OWNER: &str = "writ_owner";

/// How to reach Postgres.
#[derive(Clone)]
pub struct Database {
    server: PgConnectOptions,
    given: Option<String>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database")
    }
}

impl Database {
    /// URL of the owner: migrations run as this role.
    #[must_use]
    pub fn owner_url(&self, secrets: &secrets::Secrets) -> String {
        self.given
            .clone()
            .unwrap_or_else(|| self.url_for(OWNER, secrets))
    }

    /// URL of a role of `infra/postgres/roles.sql`.
    #[must_use]
    pub fn url_for(&self, role: &str, secrets: &secrets::Secrets) -> String {
        let password = secrets.get(&format!("postgres_{role}"));
        let (host, port) = (self.server.get_host(), self.server.get_port());
        let database = self.server.get_database().unwrap_or(NAME);
        format!("postgres://{role}:{password}@{host}:{port}/{database}")
    }

    fn superuser(&self, secrets: &secrets::Secrets) -> PgConnectOptions {
        match &self.given {
            Some(_) => self.server.clone(),
            None => self
                .server
                .clone()
                .username(SUPERUSER)
                .password(secrets.get("postgres_superuser"))
                .database("postgres"),
        }
    }
}

pub(super) fn start(plan: Plan<'_>, children: &mut Vec<Kept>) -> anyhow::Result<Database> {
    if let Some(url) = &plan.args.database_url {
        let server = url.parse().context("WRIT_DATABASE_URL")?;
        return Ok(Database {
            server,
            given: Some(url.clone()),
        });
    }
    let (tools, port) = (plan.tools()?, plan.ports.postgres());
    let data = plan.layout.path("postgres");
    // initdb reads it once and then it goes.
    let password_file = plan.layout.path("postgres.password");
    write_private(&password_file, plan.secrets.get("postgres_superuser"))?;
    let prepared =
        writ_servers::postgres::prepare(&tools, &data, "scram-sha-256", Some(&password_file));
    std::fs::remove_file(&password_file)?;
    prepared?;
    let make = move || writ_servers::postgres::command(&tools, &data, port, &[], OnOrphaned::Stop);
    children.push(plan.serve("postgres", port, "INT", Box::new(make))?);
    let server = PgConnectOptions::new()
        .host("127.0.0.1")
        .port(port)
        .database(NAME);
    Ok(Database {
        server,
        given: None,
    })
}

/// Roles and the database. On a given server the owner must be able to make roles, or they exist.
pub(super) async fn prepare(plan: Plan<'_>, database: &Database) -> anyhow::Result<()> {
    let mut connection = connect(&database.superuser(plan.secrets)).await?;
    connection.execute(ROLES).await.context("roles")?;
    for role in secrets::ROLES.iter().chain([&OWNER]) {
        if database.given.is_some() && *role == OWNER {
            continue;
        }
        // Role names are ours and passwords are hexadecimal: nothing to quote.
        let password = plan.secrets.get(&format!("postgres_{role}"));
        let alter = format!("ALTER ROLE {role} PASSWORD '{password}'");
        connection
            .execute(AssertSqlSafe(alter))
            .await
            .with_context(|| format!("role {role}"))?;
    }
    if database.given.is_none() {
        let found = connection
            .fetch_optional("SELECT 1 FROM pg_database WHERE datname = 'writ'")
            .await?;
        if found.is_none() {
            connection
                .execute("CREATE DATABASE writ OWNER writ_owner")
                .await?;
        }
    }
    connection.close().await?;
    Ok(())
}

/// A port answers a little before the cluster takes connections.
async fn connect(options: &PgConnectOptions) -> anyhow::Result<PgConnection> {
    let mut tries = 0;
    loop {
        match options.connect().await {
            Ok(connection) => return Ok(connection),
            Err(error) if tries == 100 => return Err(error.into()),
            Err(_) => tries += 1,
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
