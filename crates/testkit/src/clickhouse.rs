//! ClickHouse 26.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;
use writ_servers::clickhouse::PasswordHashes;
use writ_servers::{OnOrphaned, Tools};

use crate::instance::{Instance, Kind, Signal};
use crate::nats::blocking;
use crate::{external, names, namespace};

const OWNER: &str = "writ_owner";
const PASSWORD: &str = "test";

struct Server;

impl Kind for Server {
    const NAME: &'static str = "clickhouse";

    fn command(&self, dir: &Path, [http, tcp]: [u16; 2]) -> anyhow::Result<Command> {
        let hash = hex::encode(Sha256::digest(PASSWORD));
        let passwords = PasswordHashes {
            owner: hash.clone(),
            ingest: hash,
        };
        writ_servers::clickhouse::prepare(dir)?;
        let tools = Tools::find()?;
        Ok(writ_servers::clickhouse::command(
            &tools,
            dir,
            (http, tcp),
            &passwords,
            OnOrphaned::Kill,
        ))
    }
}

/// A ClickHouse server.
#[derive(Debug)]
pub struct ClickHouse {
    url: String,
    own: Option<Instance>,
}

/// A database of one test and who may do everything in it.
#[derive(Debug, Clone)]
pub struct ClickHouseDb {
    /// `http://127.0.0.1:port`.
    pub url: String,
    /// Its name.
    pub name: String,
    /// User with all rights.
    pub user: String,
    /// That user's password.
    pub password: String,
}

impl ClickHouse {
    /// The server shared by all tests.
    pub async fn shared() -> Self {
        static SHARED: OnceCell<Instance> = OnceCell::const_new();
        let url = match external("WRIT_TEST_CLICKHOUSE_URL") {
            Some(url) => url,
            None => url(SHARED
                .get_or_init(|| blocking(|| Instance::shared(&Server)))
                .await),
        };
        Self { url, own: None }
    }

    /// A server of this test alone, to break.
    pub async fn own() -> Self {
        let instance = blocking(|| Instance::own(&Server)).await;
        Self {
            url: url(&instance),
            own: Some(instance),
        }
    }

    /// A new, empty database. Databases of tests that are gone are dropped on the way.
    pub async fn fresh_database(&self) -> ClickHouseDb {
        let name = namespace();
        let server = client(&self.url).with_user(OWNER).with_password(PASSWORD);
        crate::eventually(
            Duration::from_secs(30),
            "ClickHouse makes a database",
            || {
                server
                    .query(&format!("CREATE DATABASE IF NOT EXISTS {name}"))
                    .execute()
            },
        )
        .await;
        sweep(&server).await;
        ClickHouseDb {
            url: self.url.clone(),
            name,
            user: OWNER.to_owned(),
            password: PASSWORD.to_owned(),
        }
    }

    /// Signals the own server.
    pub fn signal(&self, signal: Signal) {
        self.instance().signal(signal).expect("the server runs");
    }

    /// Starts the own server again.
    pub fn restart(&self) {
        self.instance()
            .restart(&Server)
            .expect("the server starts again");
    }

    fn instance(&self) -> &Instance {
        self.own
            .as_ref()
            .expect("only a server of one's own is disturbed: ClickHouse::own()")
    }
}

impl ClickHouseDb {
    /// A client that uses this database.
    #[must_use]
    pub fn client(&self) -> clickhouse::Client {
        client(&self.url)
            .with_user(&self.user)
            .with_password(&self.password)
            .with_database(&self.name)
    }
}

fn client(url: &str) -> clickhouse::Client {
    clickhouse::Client::default().with_url(url)
}

fn url(instance: &Instance) -> String {
    format!("http://127.0.0.1:{}", instance.ports[0])
}

async fn sweep(server: &clickhouse::Client) {
    let names = server
        .query("SELECT name FROM system.databases")
        .fetch_all::<String>()
        .await;
    for name in names
        .unwrap_or_default()
        .iter()
        .filter(|name| names::is_leftover(name))
        .take(4)
    {
        // Another test may have been faster.
        drop(
            server
                .query(&format!("DROP DATABASE IF EXISTS {name}"))
                .execute()
                .await,
        );
    }
}
