//! `dev.env`: how to reach a ready stack, as shell variables.

use std::io;

use crate::layout::{Layout, Ports, write_private};
use crate::orgs::Org;
use crate::secrets::Secrets;
use crate::stores::Stores;

/// The text: one `NAME=value` a line, nothing that a shell would have to quote.
#[must_use]
pub fn render(ports: Ports, stores: &Stores, secrets: &Secrets, orgs: &[Org]) -> String {
    let door = format!("127.0.0.1:{}", ports.door());
    let mut lines = vec![
        ("WRIT_URL", format!("http://{door}")),
        ("WRIT_GRPC", door),
        ("NATS_URL", stores.broker.operator_url(secrets)),
        ("CLICKHOUSE_URL", stores.analytics.url.clone()),
        ("DATABASE_URL", stores.database.owner_url(secrets)),
    ];
    if let [demo, other, ..] = orgs {
        lines.extend([
            ("WRIT_ORG", demo.id.to_string()),
            ("WRIT_API_KEY", demo.developer_key.clone()),
            ("WRIT_ADMIN_KEY", demo.owner_key.clone()),
            ("WRIT_PUBLISHER_NATS_URL", stores.broker.publisher_url(demo)),
            ("WRIT_OTHER_ORG", other.id.to_string()),
            ("WRIT_OTHER_ORG_KEY", other.owner_key.clone()),
        ]);
    }
    lines
        .iter()
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect()
}

/// Writes it, whole or not at all: its presence says that the stack is ready.
///
/// # Errors
/// When the folder cannot be written.
pub fn write(layout: &Layout, text: &str) -> io::Result<()> {
    write_private(&layout.env_file(), text)
}

/// Takes it away.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn remove(layout: &Layout) -> io::Result<()> {
    match std::fs::remove_file(layout.env_file()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
