//! `dev.env`: how to reach a ready stack, as shell variables.

use std::io;

use crate::configs::ledger_keys_file;
use crate::layout::{Layout, write_private};
use crate::stores::{Plan, Stores};

/// The text: one `NAME=value` a line, nothing that a shell would have to quote.
#[must_use]
pub fn render(plan: Plan<'_>, stores: &Stores) -> String {
    let Plan {
        ports,
        secrets,
        orgs,
        ..
    } = plan;
    let door = format!("127.0.0.1:{}", ports.door());
    let mut lines = vec![
        ("WRIT_URL", format!("http://{door}")),
        ("WRIT_GRPC", door),
        ("NATS_URL", stores.broker.operator_url(secrets)),
        ("CLICKHOUSE_URL", stores.analytics.url.clone()),
        ("DATABASE_URL", stores.database.owner_url(secrets)),
        (
            "WRIT_LEDGER_KEYS",
            ledger_keys_file(plan.layout).display().to_string(),
        ),
    ];
    if let [demo, other, spent] = orgs {
        lines.extend([
            ("WRIT_ORG", demo.id.to_string()),
            ("WRIT_API_KEY", demo.developer.key.clone()),
            ("WRIT_ADMIN_KEY", demo.owner.key.clone()),
            ("WRIT_PUBLISHER_NATS_URL", stores.broker.publisher_url(demo)),
            ("WRIT_OTHER_ORG", other.id.to_string()),
            ("WRIT_OTHER_ORG_KEY", other.owner.key.clone()),
            ("WRIT_QUOTA_KEY", spent.owner.key.clone()),
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
