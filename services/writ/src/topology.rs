//! `writ topology`: the table of streams and subjects, and the broker's permissions from it.

use clap::Subcommand;
use writ_contract::topology::Permissions;
use writ_contract::{Service, Topology};

use crate::failure::Failure;
use crate::output;

#[derive(Subcommand)]
pub(crate) enum TopologyCommand {
    /// Streams, subjects, owners and readers
    Show,
    /// The NATS users of the seven services with their permissions and one for `writ setup`, as
    /// server configuration; passwords are read from WRIT_NATS_<USER>_PASSWORD of the NATS
    /// server's environment
    Nats,
}

pub(crate) fn run(command: &TopologyCommand) -> Result<(), Failure> {
    let topology = Topology::default();
    let text = match command {
        TopologyCommand::Show => topology.describe(),
        TopologyCommand::Nats => nats_users(&topology),
    };
    output::raw(text.as_bytes())
}

/// The user that makes streams and durables: all rights in the account, for `writ setup` alone.
const SETUP: &str = "  {\n    user = \"setup\"\n    password = $WRIT_NATS_SETUP_PASSWORD\n  }\n";

/// What goes inside the account that Writ has to itself.
fn nats_users(topology: &Topology) -> String {
    let users: String = Service::ALL
        .iter()
        .map(|service| user(*service, &topology.permissions(*service)))
        .collect();
    let requests = format!("{}.in.trace.*", topology.prefix());
    format!(
        "# Made by `writ topology nats` from the table of streams and subjects; do not edit.\n\
         # accounts {{ WRIT {{ jetstream = enabled, include nats-permissions.conf }} }}\n\
         # Outside publishers have an account of their own, which imports their organisation's subject.\n\
         exports = [ {{ service = \"{requests}\" }} ]\n\
         users = [\n{SETUP}{users}]\n"
    )
}

fn user(service: Service, permissions: &Permissions) -> String {
    let name = service.name();
    let variable = name.to_uppercase().replace('-', "_");
    let responses = if permissions.allow_responses {
        "      allow_responses = true\n"
    } else {
        ""
    };
    format!(
        "  {{\n    user = \"{name}\"\n    password = $WRIT_NATS_{variable}_PASSWORD\n    \
         permissions = {{\n      publish = {{ allow = [\n{}      ] }}\n      \
         subscribe = {{ allow = [\n{}      ] }}\n{responses}    }}\n  }}\n",
        subjects(&permissions.publish),
        subjects(&permissions.subscribe),
    )
}

fn subjects(all: &[String]) -> String {
    all.iter().map(|s| format!("        \"{s}\"\n")).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// `WRIT_BLESS=1` writes it.
    #[test]
    fn the_charts_permissions_are_those_of_the_table() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = here.join("../../deploy/helm/writ/files/nats-permissions.conf");
        let made = nats_users(&Topology::default());
        if std::env::var_os("WRIT_BLESS").is_some() {
            std::fs::write(&path, &made).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            made,
            "WRIT_BLESS=1 cargo nextest run -p writ"
        );
    }
}
