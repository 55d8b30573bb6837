//! `accounts.conf` for nats-server, written from the topology: one user for each service with
//! exactly its permissions, an operator, and an account for each outside publisher.

use std::fmt::Write;

use writ_contract::topology::Permissions;
use writ_contract::{OrgId, Service, Topology};

use crate::secrets::Secrets;

/// The user that may do everything in Writ's account: makes streams, reads anything.
pub const OPERATOR: &str = "operator";

/// An organisation whose outside publishers may request `writ.in.trace.<org>`.
#[derive(Debug, Clone)]
pub struct Publisher {
    /// The organisation; the user's name is its id.
    pub org: OrgId,
    /// The password.
    pub password: String,
}

/// The text of `accounts.conf`.
///
/// Each publisher has an account of its own, not only a user: inboxes of one account are readable
/// by all its users, and a plain client listens on `_INBOX.>`.
#[must_use]
pub fn render(topology: &Topology, secrets: &Secrets, publishers: &[Publisher]) -> String {
    let mut users = user(OPERATOR, secrets.get("nats_operator"), None);
    for service in Service::ALL {
        let password = secrets.get(&format!("nats_{service}"));
        users += &user(
            service.name(),
            password,
            Some(&topology.permissions(service)),
        );
    }
    let prefix = topology.prefix();
    let mut text = format!(
        "accounts {{\n  WRIT {{\n    jetstream: enabled\n    users: [\n{users}    ]\n    \
         exports: [ {{ service: \"{prefix}.in.trace.*\" }} ]\n  }}\n"
    );
    for publisher in publishers {
        text += &account(topology, publisher);
    }
    text + "}\n"
}

fn account(topology: &Topology, publisher: &Publisher) -> String {
    let subject = topology.trace_request(publisher.org);
    let permissions = Permissions {
        publish: vec![subject.clone()],
        subscribe: vec!["_INBOX.>".to_owned()],
        allow_responses: false,
    };
    let user = user(
        &publisher.org.to_string(),
        &publisher.password,
        Some(&permissions),
    );
    format!(
        "  \"PUBLISHERS_{}\" {{\n    users: [\n{user}    ]\n    \
         imports: [ {{ service: {{ account: WRIT, subject: \"{subject}\" }} }} ]\n  }}\n",
        publisher.org
    )
}

fn user(name: &str, password: &str, permissions: Option<&Permissions>) -> String {
    let mut text = format!("      {{ user: \"{name}\", password: \"{password}\"");
    if let Some(permissions) = permissions {
        let list = |subjects: &[String]| {
            let quoted: Vec<_> = subjects
                .iter()
                .map(|subject| format!("\"{subject}\""))
                .collect();
            quoted.join(", ")
        };
        let (publish, subscribe) = (list(&permissions.publish), list(&permissions.subscribe));
        // Writing to a String does not fail.
        let _ok = write!(
            text,
            ", permissions: {{\n          publish: {{ allow: [{publish}] }}\n          \
             subscribe: {{ allow: [{subscribe}] }}\n{}        }}",
            if permissions.allow_responses {
                "          allow_responses: true\n"
            } else {
                ""
            }
        );
    }
    text + " }\n"
}
