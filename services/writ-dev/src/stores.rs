//! NATS, Postgres and ClickHouse: started here, or given by URL, and made ready for the services.

mod broker;
mod clickhouse;
mod database;

use std::time::Duration;

use anyhow::Context;
use writ_servers::{Tools, wait_for_port};

use crate::args::Args;
use crate::children::{Kept, Make};
use crate::layout::{Layout, Ports};
use crate::orgs::Org;
use crate::secrets::Secrets;

pub use broker::Broker;
pub use clickhouse::{Analytics, Login};
pub use database::Database;

/// How to reach the stores, ready for the services.
#[derive(Debug)]
pub struct Stores {
    /// NATS with its streams.
    pub broker: Broker,
    /// Postgres with roles and an empty or older database.
    pub database: Database,
    /// ClickHouse with its database.
    pub analytics: Analytics,
}

/// What a stack is made from.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// The command line.
    pub args: &'a Args,
    /// Folders.
    pub layout: &'a Layout,
    /// Ports.
    pub ports: Ports,
    /// Secrets.
    pub secrets: &'a Secrets,
    /// Organisations.
    pub orgs: &'a [Org],
}

/// Starts what is not given by URL and prepares all of it; returns when every store answers. What
/// was started is in `children` also when this fails.
///
/// # Errors
/// Names the store that does not come up, and its log.
pub async fn start(plan: Plan<'_>, children: &mut Vec<Kept>) -> anyhow::Result<Stores> {
    let broker = broker::start(plan, children)?;
    let database = database::start(plan, children)?;
    let analytics = clickhouse::start(plan, children)?;
    database::prepare(plan, &database)
        .await
        .context("Postgres")?;
    clickhouse::prepare(&analytics)
        .await
        .context("ClickHouse")?;
    broker::prepare(&broker, plan.secrets)
        .await
        .context("NATS")?;
    Ok(Stores {
        broker,
        database,
        analytics,
    })
}

/// Stores that are given by URL, not asked anything yet.
///
/// # Errors
/// When a URL does not parse.
pub fn given(plan: Plan<'_>) -> anyhow::Result<Stores> {
    let none = &mut Vec::new();
    Ok(Stores {
        broker: broker::start(plan, none)?,
        database: database::start(plan, none)?,
        analytics: clickhouse::start(plan, none)?,
    })
}

impl Plan<'_> {
    fn tools(&self) -> anyhow::Result<Tools> {
        Tools::find()
    }

    /// Starts a server and waits until it takes connections.
    fn serve(&self, name: &str, port: u16, stop: &'static str, make: Make) -> anyhow::Result<Kept> {
        let log = self.layout.log(name);
        let kept = Kept::start(name, stop, &log, make)?;
        wait_for_port(port, Duration::from_secs(60), || kept.may_come_up())
            .with_context(|| format!("{name} does not start: see {}", log.display()))?;
        Ok(kept)
    }
}
