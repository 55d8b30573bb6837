//! ClickHouse through `writ-clickhouse-server`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{OnOrphaned, Tools, tied};

/// Its configuration, written beside the data because the engine reads files, not text.
const CONFIG: &str = include_str!("../../../clickhouse/config.xml");
const USERS: &str = include_str!("../../../clickhouse/users.xml");

/// The database every user starts in.
pub const DATABASE: &str = "writ";

/// SHA-256 of the passwords, in hexadecimal.
#[derive(Debug, Clone)]
pub struct PasswordHashes {
    /// Of `writ_owner`.
    pub owner: String,
    /// Of `writ_ingest`.
    pub ingest: String,
}

/// Writes the configuration into `dir` and returns its path.
pub fn prepare(dir: &Path) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(dir)?;
    std::fs::write(dir.join("users.xml"), USERS)?;
    let config = dir.join("config.xml");
    std::fs::write(&config, CONFIG)?;
    Ok(config)
}

/// The server over `dir`, which [`prepare`] made.
#[must_use]
pub fn command(
    tools: &Tools,
    dir: &Path,
    (http_port, tcp_port): (u16, u16),
    passwords: &PasswordHashes,
    end: OnOrphaned,
) -> Command {
    let mut command = tied(end.signal("TERM"), &[], &tools.clickhouse);
    command
        .arg("--lib")
        .arg(&tools.libchdb)
        .arg("--path")
        .arg(dir.join("data"));
    command
        .arg("--config")
        .arg(dir.join("config.xml"))
        .args(["--database", DATABASE]);
    command.args([
        "--http-port",
        &http_port.to_string(),
        "--tcp-port",
        &tcp_port.to_string(),
    ]);
    command.env("WRIT_CLICKHOUSE_OWNER_SHA256", &passwords.owner);
    command.env("WRIT_CLICKHOUSE_INGEST_SHA256", &passwords.ingest);
    command
}
