//! Where `infra/dev/setup` put things.

use std::path::{Path, PathBuf};

/// Paths of the servers' programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    /// The tools folder itself; caches may live here.
    pub root: PathBuf,
    /// `nats-server`.
    pub nats: PathBuf,
    /// The folder of Postgres' programs.
    pub postgres_bin: PathBuf,
    /// `libchdb.so`.
    pub libchdb: PathBuf,
    /// Our launcher over it, beside the running program or one folder up (`deps`).
    pub clickhouse: PathBuf,
}

impl Tools {
    /// Reads `WRIT_TOOLS_DIR` (default `~/.cache/writ-tools`) and `WRIT_POSTGRES_BIN`; an error
    /// names what is missing and says what to run.
    #[allow(
        clippy::disallowed_methods,
        reason = "these two name where set-up put its tools; they are not a service's configuration"
    )]
    pub fn find() -> anyhow::Result<Self> {
        let root = match std::env::var_os("WRIT_TOOLS_DIR") {
            Some(dir) => PathBuf::from(dir),
            None => PathBuf::from(std::env::var_os("HOME").unwrap_or_default())
                .join(".cache/writ-tools"),
        };
        let postgres_bin = std::env::var_os("WRIT_POSTGRES_BIN").map_or_else(
            || PathBuf::from("/usr/lib/postgresql/15/bin"),
            PathBuf::from,
        );
        let tools = Self {
            nats: root.join("venv/bin/nats-server"),
            libchdb: root.join("chdb/libchdb.so"),
            clickhouse: beside_current_program("writ-clickhouse-server")?,
            postgres_bin,
            root,
        };
        tools.check()?;
        Ok(tools)
    }

    fn check(&self) -> anyhow::Result<()> {
        let postgres = self.postgres_bin.join("postgres");
        for path in [&self.nats, &self.libchdb, &self.clickhouse, &postgres] {
            anyhow::ensure!(
                path.exists(),
                "{} is missing: run `make setup`",
                path.display()
            );
        }
        Ok(())
    }
}

/// Test programs live in `target/<profile>/deps`, others in `target/<profile>`.
fn beside_current_program(name: &str) -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.parent().unwrap_or(Path::new("."));
    let folder = if folder.ends_with("deps") {
        folder.parent().unwrap_or(folder)
    } else {
        folder
    };
    Ok(folder.join(name))
}
