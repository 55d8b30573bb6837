//! Postgres, as a user that is not root (it refuses to run as root).

use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::{OnOrphaned, Tools, tied};

/// Roles of a cluster, idempotent; to be run as [`SUPERUSER`].
pub const ROLES: &str = include_str!("../../../postgres/roles.sql");
const CONFIG: &str = include_str!("../../../postgres/postgresql.conf");

/// The cluster's own superuser, used for roles and databases only.
pub const SUPERUSER: &str = "postgres";

/// Makes a cluster in `dir` unless there is one, and writes its configuration. Local connections
/// are `trust`ed or need a password (`scram-sha-256`): `auth` is the method's name.
pub fn prepare(
    tools: &Tools,
    dir: &Path,
    auth: &str,
    password_file: Option<&Path>,
) -> anyhow::Result<()> {
    if !dir.join("PG_VERSION").exists() {
        std::fs::create_dir_all(dir)?;
        give_away(dir)?;
        let mut initdb = tied("KILL", &privileges()?, &tools.postgres_bin.join("initdb"));
        initdb.args([
            "--username",
            SUPERUSER,
            "--auth",
            auth,
            "--encoding",
            "UTF8",
        ]);
        initdb
            .args(["--locale", "C.UTF-8", "--no-sync", "--pgdata"])
            .arg(dir);
        if let Some(file) = password_file {
            give_away(file)?;
            initdb.arg("--pwfile").arg(file);
        }
        run(initdb).context("initdb")?;
    }
    // Replaces initdb's file: what is not in ours is Postgres' built-in default.
    let config = dir.join("postgresql.conf");
    std::fs::write(&config, CONFIG)?;
    give_away(&config)
}

/// The server over `dir`, which [`prepare`] made; `settings` stand over the configuration file.
pub fn command(
    tools: &Tools,
    dir: &Path,
    port: u16,
    settings: &[&str],
    end: OnOrphaned,
) -> anyhow::Result<Command> {
    let mut command = tied(
        end.signal("INT"),
        &privileges()?,
        &tools.postgres_bin.join("postgres"),
    );
    command.arg("-D").arg(dir).args(["-p", &port.to_string()]);
    for setting in settings {
        command.args(["-c", setting]);
    }
    Ok(command)
}

/// Copies a cluster that is not running.
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut copy = Command::new("cp");
    copy.arg("--archive")
        .arg("--reflink=auto")
        .arg("--no-target-directory")
        .arg(from)
        .arg(to);
    run(copy).context("copying a cluster")
}

fn run(mut command: Command) -> anyhow::Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .context("cannot start")?;
    let text = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{}: {text}", output.status);
    Ok(())
}

/// As root: become Debian's `postgres`, but keep the right to pass folders that only root may
/// enter, such as a clone below its home. Otherwise nothing.
fn privileges() -> anyhow::Result<Vec<String>> {
    let Some((uid, gid)) = other_user()? else {
        return Ok(Vec::new());
    };
    const PASS: &str = "-all,+dac_override,+dac_read_search";
    Ok(vec![
        format!("--reuid={uid}"),
        format!("--regid={gid}"),
        "--clear-groups".to_owned(),
        format!("--inh-caps={PASS}"),
        format!("--ambient-caps={PASS}"),
    ])
}

fn give_away(path: &Path) -> anyhow::Result<()> {
    if let Some((uid, gid)) = other_user()? {
        chown(path, Some(uid), Some(gid))?;
    }
    Ok(())
}

/// The user and group to run as, when this process is root.
fn other_user() -> anyhow::Result<Option<(u32, u32)>> {
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let found = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (name == SUPERUSER).then_some((uid, gid))
    });
    found
        .map(Some)
        .context("there is no user `postgres` to run Postgres as: run `make setup`")
}
