//! Postgres 15.

use std::path::Path;
use std::process::Command;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Executor, Row};
use tokio::sync::OnceCell;
use writ_servers::postgres::{ROLES, SUPERUSER};
use writ_servers::{OnOrphaned, Tools};

use crate::instance::{Instance, Kind, Signal};
use crate::nats::blocking;
use crate::{external, names, namespace};

/// Nothing of a test survives the machine, so nothing is flushed.
const SETTINGS: [&str; 4] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=500",
];

struct Server;

impl Kind for Server {
    const NAME: &'static str = "postgres";

    /// `initdb` takes seconds, a copy of its result does not.
    fn command(&self, dir: &Path, [port, _]: [u16; 2]) -> anyhow::Result<Command> {
        let tools = Tools::find()?;
        let data = dir.join("data");
        if !data.exists() {
            writ_servers::postgres::copy(&template(&tools)?, &data)?;
        }
        writ_servers::postgres::command(&tools, &data, port, &SETTINGS, OnOrphaned::Kill)
    }

    /// As `pg_ctl` reads it: the first line of its file is the process, the eighth its state.
    fn is_ready(&self, dir: &Path, pid: &str) -> bool {
        let file = dir.join("data").join("postmaster.pid");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let mut lines = text.lines().map(str::trim);
        lines.next() == Some(pid) && lines.nth(6) == Some("ready")
    }
}

/// Made once for all, under another name until it is whole. The caller holds the start lock or
/// makes one more copy for nothing.
fn template(tools: &Tools) -> anyhow::Result<std::path::PathBuf> {
    let template = tools.root.join("postgres-15-template");
    if !template.join("postgresql.conf").exists() {
        let unfinished = tools.root.join(format!("postgres-{}", namespace()));
        writ_servers::postgres::prepare(tools, &unfinished, "trust", None)?;
        if std::fs::rename(&unfinished, &template).is_err() {
            std::fs::remove_dir_all(&unfinished)?;
        }
    }
    Ok(template)
}

/// A cluster with Writ's roles. Every role may connect from loopback without a password.
#[derive(Debug)]
pub struct Postgres {
    superuser: PgConnectOptions,
    own: Option<Instance>,
}

/// A database of one test, owned by `writ_owner`.
#[derive(Debug, Clone)]
pub struct Db {
    /// Its name.
    pub name: String,
    /// URL of `writ_owner`.
    pub owner_url: String,
    /// URL of the superuser, for what a test has to see past row security.
    pub superuser_url: String,
    server: (String, u16),
}

impl Postgres {
    /// The cluster shared by all tests.
    pub async fn shared() -> Self {
        static SHARED: OnceCell<Instance> = OnceCell::const_new();
        let superuser = match external("WRIT_TEST_POSTGRES_URL") {
            Some(url) => url
                .parse()
                .expect("WRIT_TEST_POSTGRES_URL is a Postgres URL"),
            None => options(
                SHARED
                    .get_or_init(|| blocking(|| Instance::shared(&Server)))
                    .await,
            ),
        };
        Self::with_roles(superuser, None).await
    }

    /// A cluster of this test alone, to break.
    pub async fn own() -> Self {
        let instance = blocking(|| Instance::own(&Server)).await;
        Self::with_roles(options(&instance), Some(instance)).await
    }

    /// A new, empty database. Databases of tests that are gone are dropped on the way.
    pub async fn fresh_database(&self) -> Db {
        let mut connection = connect(&self.superuser).await;
        sweep(&mut connection).await;
        let name = namespace();
        let create = format!("CREATE DATABASE {name} OWNER writ_owner");
        connection
            .execute(sqlx::AssertSqlSafe(create))
            .await
            .expect("a database can be made");
        let server = (
            self.superuser.get_host().to_owned(),
            self.superuser.get_port(),
        );
        let url = |role: &str| url(&server, role, &name);
        Db {
            owner_url: url("writ_owner"),
            superuser_url: url(SUPERUSER),
            server,
            name,
        }
    }

    /// Signals the own cluster's postmaster.
    pub fn signal(&self, signal: Signal) {
        self.instance().signal(signal).expect("the server runs");
    }

    /// Starts the own cluster again.
    pub fn restart(&self) {
        self.instance()
            .restart(&Server)
            .expect("the server starts again");
    }

    fn instance(&self) -> &Instance {
        self.own
            .as_ref()
            .expect("only a server of one's own is disturbed: Postgres::own()")
    }

    async fn with_roles(superuser: PgConnectOptions, own: Option<Instance>) -> Self {
        let mut connection = connect(&superuser).await;
        // Two test processes may arrive together at a new cluster; the lock ends with the commit.
        let locked = format!("SELECT pg_advisory_xact_lock(7243); {ROLES}");
        connection
            .execute(sqlx::AssertSqlSafe(locked))
            .await
            .expect("the roles can be made");
        Self { superuser, own }
    }
}

impl Db {
    /// URL of one of the roles of `infra/postgres/roles.sql`.
    #[must_use]
    pub fn url_for(&self, role: &str) -> String {
        url(&self.server, role, &self.name)
    }
}

fn url((host, port): &(String, u16), role: &str, database: &str) -> String {
    format!("postgres://{role}@{host}:{port}/{database}")
}

fn options(instance: &Instance) -> PgConnectOptions {
    PgConnectOptions::new()
        .host("127.0.0.1")
        .port(instance.ports[0])
        .username(SUPERUSER)
        .database("postgres")
}

/// A port answers a little before the cluster takes connections.
async fn connect(options: &PgConnectOptions) -> PgConnection {
    let within = std::time::Duration::from_secs(30);
    crate::eventually(within, "Postgres takes connections", || {
        PgConnection::connect_with(options)
    })
    .await
}

async fn sweep(connection: &mut PgConnection) {
    let rows = connection
        .fetch_all("SELECT datname FROM pg_database")
        .await
        .unwrap_or_default();
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    for name in names.iter().filter(|name| names::is_leftover(name)).take(4) {
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        // Another test may have been faster.
        std::mem::drop(connection.execute(sqlx::AssertSqlSafe(drop)).await);
    }
}
