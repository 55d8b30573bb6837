//! The command line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Parser;
use writ_contract::Service;

/// Starts all of Writ on this machine: NATS, Postgres, ClickHouse and the seven services.
#[derive(Debug, Clone, Parser)]
#[command(name = "writ dev", version)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Args {
    /// Folder of all data; `dev.env` is written into it.
    #[arg(long, env = "WRIT_DEV_DIR", default_value = ".writ")]
    pub dir: PathBuf,
    /// First of the ports: +0 REST and gRPC, +1 NATS, +2 Postgres, +3 and +4 ClickHouse (HTTP,
    /// native), from +10 service processes.
    #[arg(long, env = "WRIT_PORT_BASE", default_value_t = 8420)]
    pub port_base: u16,
    /// Return when everything is ready and leave it running.
    #[arg(long, conflicts_with = "stop")]
    pub background: bool,
    /// Stop what runs in this folder.
    #[arg(long)]
    pub stop: bool,
    /// Print every REST endpoint of the services with who may call it, and end.
    #[arg(long, conflicts_with_all = ["stop", "background"])]
    pub endpoints: bool,
    /// Print the OpenAPI document of the services, and end.
    #[arg(long, conflicts_with_all = ["stop", "background", "endpoints"])]
    pub openapi: bool,
    /// No demo data.
    #[arg(long)]
    pub empty: bool,
    /// Each service as a process of its own, behind a front door on the same port.
    #[arg(long)]
    pub processes: bool,
    /// More than one process of a service, e.g. `enforcement=3`; may be repeated.
    #[arg(long, requires = "processes", value_parser = replicas, value_name = "SERVICE=N")]
    pub replicas: Vec<(Service, u16)>,
    /// A NATS server to use instead of starting one; the user needs all rights in its account.
    #[arg(long, env = "WRIT_NATS_URL")]
    pub nats_url: Option<String>,
    /// A Postgres database to use instead of starting one; the role must own it.
    #[arg(long, env = "WRIT_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// A ClickHouse server to use instead of starting one.
    #[arg(long, env = "WRIT_CLICKHOUSE_URL", hide_env_values = true)]
    pub clickhouse_url: Option<String>,
    /// Log filter of the services.
    #[arg(long, env = "WRIT_LOG", default_value = "warn,writ=info")]
    pub log: String,
}

impl Args {
    /// How many processes of each service.
    #[must_use]
    pub fn replica_counts(&self) -> BTreeMap<Service, u16> {
        let mut counts: BTreeMap<_, _> = Service::ALL.into_iter().map(|s| (s, 1)).collect();
        counts.extend(self.replicas.iter().copied());
        counts
    }
}

fn replicas(text: &str) -> Result<(Service, u16), String> {
    let (name, count) = text.split_once('=').ok_or("expected SERVICE=N")?;
    let service = Service::ALL
        .into_iter()
        .find(|service| service.name() == name)
        .ok_or_else(|| format!("there is no service `{name}`"))?;
    match count.parse() {
        Ok(count @ 1..=16) => Ok((service, count)),
        _ => Err("N must be 1 to 16".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_runs_once_unless_told_otherwise() {
        let args = ["writ", "--processes", "--replicas", "enforcement=3"];
        let counts = Args::try_parse_from(args).unwrap().replica_counts();
        assert_eq!(counts[&Service::Enforcement], 3);
        assert_eq!(counts.values().sum::<u16>(), 9);
    }

    #[test]
    fn unknown_services_and_absurd_counts_are_refused() {
        for wrong in ["gateway=2", "enforcement=0", "enforcement=x", "enforcement"] {
            let args = ["writ", "--processes", "--replicas", wrong];
            assert!(Args::try_parse_from(args).is_err(), "{wrong}");
        }
    }
}
