//! ClickHouse: the database, and who may use it.

use writ_servers::OnOrphaned;
use writ_servers::clickhouse::{DATABASE, PasswordHashes};

use super::Plan;
use crate::children::Kept;
use crate::url::{Parts, split};

/// How to reach ClickHouse.
#[derive(Clone)]
pub struct Analytics {
    /// HTTP address without credentials.
    pub url: String,
    /// Makes tables.
    pub owner: Login,
    /// Inserts and reads rows.
    pub ingest: Login,
}

/// A user and a password.
#[derive(Clone)]
pub struct Login {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.user)
    }
}

impl std::fmt::Debug for Analytics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.url)
    }
}

pub(super) fn start(plan: Plan<'_>, children: &mut Vec<Kept>) -> anyhow::Result<Analytics> {
    if let Some(url) = &plan.args.clickhouse_url {
        return Ok(given(url));
    }
    let (tools, ports) = (plan.tools()?, plan.ports.clickhouse());
    let dir = plan.layout.path("clickhouse");
    writ_servers::clickhouse::prepare(&dir)?;
    let hashes = PasswordHashes {
        owner: plan.secrets.hash_of("clickhouse_owner"),
        ingest: plan.secrets.hash_of("clickhouse_ingest"),
    };
    let make = move || {
        let end = OnOrphaned::Stop;
        Ok(writ_servers::clickhouse::command(
            &tools, &dir, ports, &hashes, end,
        ))
    };
    children.push(plan.serve("clickhouse", ports.0, "TERM", Box::new(make))?);
    let login = |user: &str, secret: &str| Login {
        user: user.to_owned(),
        password: plan.secrets.get(secret).to_owned(),
    };
    Ok(Analytics {
        url: format!("http://127.0.0.1:{}", ports.0),
        owner: login("writ_owner", "clickhouse_owner"),
        ingest: login("writ_ingest", "clickhouse_ingest"),
    })
}

/// The one user of the URL does everything.
fn given(url: &str) -> Analytics {
    let Parts {
        url,
        user,
        password,
    } = split(url);
    let user = if user.is_empty() {
        "default".to_owned()
    } else {
        user
    };
    let login = Login { user, password };
    Analytics {
        url,
        owner: login.clone(),
        ingest: login,
    }
}

pub(super) async fn prepare(analytics: &Analytics) -> anyhow::Result<()> {
    let client = clickhouse::Client::default()
        .with_url(&analytics.url)
        .with_user(&analytics.owner.user)
        .with_password(&analytics.owner.password);
    client
        .query(&format!("CREATE DATABASE IF NOT EXISTS {DATABASE}"))
        .execute()
        .await?;
    let version: String = client.query("SELECT version()").fetch_one().await?;
    tracing::info!(version, "ClickHouse answers");
    Ok(())
}
