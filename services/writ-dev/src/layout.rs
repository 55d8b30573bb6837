//! Where things are: folders and ports of one development stack.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The folders of a stack, all below one.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

/// The ports of a stack, counted from its base.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    base: u16,
}

impl Layout {
    /// Makes the folders and returns their absolute paths.
    ///
    /// # Errors
    /// When a folder cannot be made.
    pub fn create(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let layout = Self {
            root: root.canonicalize()?,
        };
        for folder in ["logs", "config", "nats", "spool"] {
            fs::create_dir_all(layout.root.join(folder))?;
        }
        Ok(layout)
    }

    /// A path below the stack's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The log of one child process.
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.root.join("logs").join(format!("{name}.log"))
    }

    /// `dev.env`: there while, and only while, the stack is ready.
    #[must_use]
    pub fn env_file(&self) -> PathBuf {
        self.path("dev.env")
    }

    /// Held by the running stack; holds its process id.
    #[must_use]
    pub fn lock_file(&self) -> PathBuf {
        self.path("lock")
    }
}

impl Ports {
    /// # Errors
    /// When the ports would not fit below 65536.
    pub fn from_base(base: u16) -> anyhow::Result<Self> {
        anyhow::ensure!(
            (1024..=u16::MAX - 200).contains(&base),
            "no room for ports from {base}"
        );
        Ok(Self { base })
    }

    /// REST and gRPC.
    #[must_use]
    pub fn door(self) -> u16 {
        self.base
    }

    /// NATS.
    #[must_use]
    pub fn nats(self) -> u16 {
        self.base + 1
    }

    /// Postgres.
    #[must_use]
    pub fn postgres(self) -> u16 {
        self.base + 2
    }

    /// ClickHouse: HTTP and native.
    #[must_use]
    pub fn clickhouse(self) -> (u16, u16) {
        (self.base + 3, self.base + 4)
    }

    /// The witness.
    #[must_use]
    pub fn witness(self) -> u16 {
        self.base + 5
    }

    /// The `index`th service process.
    #[must_use]
    pub fn process(self, index: u16) -> u16 {
        self.base + 10 + index
    }
}

/// Writes a file only its owner may read, whole or not at all.
///
/// # Errors
/// When the folder cannot be written.
pub fn write_private(path: &Path, content: &str) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}

/// Opens a log that only its owner may read, one that is there already too: what starts says with
/// which key to come in.
///
/// # Errors
/// When it cannot be opened.
pub fn append_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_log_is_for_its_owner_only_also_when_it_was_not() {
        let dir = tempfile::tempdir().unwrap();
        let (new, old) = (dir.path().join("new.log"), dir.path().join("old.log"));
        fs::write(&old, "before\n").unwrap();
        fs::set_permissions(&old, Permissions::from_mode(0o644)).unwrap();
        for path in [&new, &old] {
            append_private(path).unwrap().write_all(b"key\n").unwrap();
            assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read_to_string(&old).unwrap(), "before\nkey\n");
    }
}
