//! What was cosigned last, one file for each log: the checkpoint with the log's signature and the
//! witness's. A file is replaced whole or not at all, and is on disk before anybody is told.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use writ_chain::checkpoint::{self, Checkpoint};
use writ_chain::cosignature::cosigned;

use crate::domain::{Latest, Witness};

/// The folder, and what is in it.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    notes: BTreeMap<String, (Latest, String)>,
    /// Held while the process lives: two witnesses must not share a folder.
    _lock: File,
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or a file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another witness uses the folder.
    #[error("{0} is in use by another witness")]
    InUse(PathBuf),
    /// A file is not what this witness wrote: going on could mean signing two histories.
    #[error("{0} is not a checkpoint this witness cosigned; restore it or ask the log's auditors")]
    Damaged(PathBuf),
}

impl Store {
    /// Reads what is kept of the witness's logs; makes the folder when there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn open(folder: &Path, witness: &Witness) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(|error| io_error(folder, error))?;
        let lock = folder.join("lock");
        let file = File::create(&lock).map_err(|error| io_error(&lock, error))?;
        file.try_lock()
            .map_err(|_| StoreError::InUse(folder.to_owned()))?;
        let mut notes = BTreeMap::new();
        for origin in witness.logs.keys() {
            let path = path_in(folder, origin);
            match fs::read_to_string(&path) {
                Ok(note) => {
                    let latest = read(&note, origin, witness);
                    let latest = latest.ok_or(StoreError::Damaged(path))?;
                    notes.insert(origin.clone(), (latest, note));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io_error(&path, error)),
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            notes,
            _lock: file,
        })
    }

    /// What was cosigned last of a log.
    pub(crate) fn latest(&self, origin: &str) -> Option<Latest> {
        self.notes.get(origin).map(|(latest, _)| *latest)
    }

    /// The cosigned checkpoint of the log whose origin hashes to this (lower-case hexadecimal).
    pub(crate) fn note_by_hash(&self, hash: &str) -> Option<&str> {
        let mut notes = self.notes.iter();
        let found = notes.find(|(origin, _)| origin_hash(origin) == hash);
        found.map(|(_, (_, note))| note.as_str())
    }

    /// Replaces what is kept of a log; returned = on disk.
    ///
    /// # Errors
    /// [`StoreError::Io`]; the checkpoint before it is then still what is kept.
    pub(crate) fn keep(&mut self, head: &Checkpoint, note: String) -> Result<(), StoreError> {
        let path = path_in(&self.folder, &head.origin);
        let new = path.with_extension("new");
        let written = (|| {
            let mut file = File::create(&new)?;
            file.write_all(note.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.folder)?.sync_all()
        })();
        written.map_err(|error| io_error(&path, error))?;
        let latest = Latest {
            size: head.size,
            root: head.root,
        };
        self.notes.insert(head.origin.clone(), (latest, note));
        Ok(())
    }
}

/// The head in a stored note, if the log signed it and this witness did.
fn read(note: &str, origin: &str, witness: &Witness) -> Option<Latest> {
    let own = witness.signer.verifier().clone();
    let ours = cosigned(note, &[own]).ok()?;
    let head = checkpoint::unverified(note)?;
    (ours.len() == 1 && head.origin == origin).then_some(Latest {
        size: head.size,
        root: head.root,
    })
}

/// SHA-256 of the origin, lower-case hexadecimal: its name in paths (C2SP tlog-witness).
pub(crate) fn origin_hash(origin: &str) -> String {
    hex::encode(Sha256::digest(origin))
}

fn path_in(folder: &Path, origin: &str) -> PathBuf {
    folder.join(format!("{}.checkpoint", origin_hash(origin)))
}

fn io_error(path: &Path, error: io::Error) -> StoreError {
    StoreError::Io {
        path: path.to_owned(),
        error,
    }
}
