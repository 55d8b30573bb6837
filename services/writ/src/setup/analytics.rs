//! ClickHouse's database and tables.

use std::time::Duration;

use clap::Args;
use reqwest::{Client, Url};
use sqlx::migrate::Migrator;

use crate::api::{client, innermost};
use crate::failure::Failure;
use crate::output;

const PATIENCE: Duration = Duration::from_secs(60);

/// One statement a file, idempotent, in order. sqlx only reads the folder.
static TABLES: Migrator = sqlx::migrate!("../ingest/migrations");

#[derive(Args)]
pub(super) struct AnalyticsArgs {
    /// Make the analysts' tables here: ClickHouse's HTTP port, without credentials
    #[arg(long, env = "CLICKHOUSE_URL")]
    clickhouse_url: Option<String>,
    /// Who may make a database and tables
    #[arg(long, env = "CLICKHOUSE_USER", default_value = "writ_owner")]
    clickhouse_user: String,
    /// Password of that user
    #[arg(
        long,
        env = "CLICKHOUSE_PASSWORD",
        hide_env_values = true,
        default_value = ""
    )]
    clickhouse_password: String,
    /// Database of the tables
    #[arg(long, default_value = "writ")]
    clickhouse_database: String,
}

impl AnalyticsArgs {
    /// Whether there was anything to do.
    pub(super) async fn prepare(&self) -> Result<bool, Failure> {
        let given = self.clickhouse_url.as_deref().filter(|it| !it.is_empty());
        let Some(url) = given else {
            return Ok(false);
        };
        let database = &self.clickhouse_database;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if database.is_empty() || !database.chars().all(plain) {
            return Err(Failure::Usage(
                "--clickhouse-database: letters, digits and _".into(),
            ));
        }
        let url = Url::parse(url)
            .map_err(|error| Failure::Usage(format!("--clickhouse-url: {error}")))?;
        let http = client(PATIENCE, &url)?;
        let create = format!("CREATE DATABASE IF NOT EXISTS {database}");
        self.execute(&http, &url, &create).await?;
        let mut inside = url.clone();
        inside.query_pairs_mut().append_pair("database", database);
        for table in TABLES.iter() {
            self.execute(&http, &inside, table.sql.as_str()).await?;
        }
        output::check(
            true,
            "ClickHouse",
            &format!("tables in {database} are there"),
        )?;
        Ok(true)
    }

    async fn execute(&self, http: &Client, url: &Url, statement: &str) -> Result<(), Failure> {
        let request = http
            .post(url.clone())
            .header("X-ClickHouse-User", &self.clickhouse_user)
            .header("X-ClickHouse-Key", &self.clickhouse_password)
            .body(statement.to_owned());
        let asking = async {
            let answer = request.send().await?;
            Ok::<_, reqwest::Error>((answer.status(), answer.text().await?))
        };
        let (status, text) = asking.await.map_err(|error| {
            let why = innermost(&error);
            Failure::Unavailable(format!(
                "cannot reach ClickHouse: {why}; check --clickhouse-url"
            ))
        })?;
        if status.is_success() {
            return Ok(());
        }
        let why = text.lines().next().unwrap_or_default();
        Err(Failure::Unavailable(format!(
            "ClickHouse answers {status}: {why}; check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD"
        )))
    }
}
