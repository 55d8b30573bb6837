//! Denials that could not be recorded: kept in a local file, on disk before they are answered, and
//! appended to the log when it is back. A denial must never wait for a store.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use uuid::Uuid;
use writ_contract::{EventId, OrgId};

const WAITING: &str = "denials.waiting";
const SENDING: &str = "denials.sending";
const HEADER: usize = 16 + 16 + 4 + 4;

/// One kept denial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Whose decision it was.
    pub org: OrgId,
    /// Its identity, kept so that it is recorded once.
    pub event_id: EventId,
    /// The encoded envelope.
    pub envelope: Vec<u8>,
}

/// The spool of one replica, in a directory of its own.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    file: Mutex<Option<File>>,
}

impl Spool {
    /// Opens the spool, making the directory.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn open(dir: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        Ok(Self {
            dir: dir.to_owned(),
            file: Mutex::new(None),
        })
    }

    /// Keeps one denial. Returned = on disk.
    ///
    /// # Errors
    /// When it could not be written and synced.
    pub fn keep(&self, kept: &Kept) -> std::io::Result<()> {
        let mut slot = self.file.lock().map_err(|_| ErrorKind::Other)?;
        let mut file = match slot.take() {
            Some(file) => file,
            None => self.waiting()?,
        };
        let length = file.metadata()?.len();
        let written = file
            .write_all(&encode(kept))
            .and_then(|()| file.sync_data());
        // A torn record would hide every one after it.
        if written.is_ok() || file.set_len(length).is_ok() {
            *slot = Some(file);
        }
        written
    }

    /// The file that denials are added to, made if need be, without what a crash tore.
    fn waiting(&self) -> std::io::Result<File> {
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(self.dir.join(WAITING))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let torn = torn_after(&bytes).len();
        if torn > 0 {
            tracing::warn!(bytes = torn, "torn record cut off the spool");
            file.set_len((bytes.len() - torn) as u64)?;
        }
        // A new file's name is on disk only with its directory.
        File::open(&self.dir)?.sync_all()?;
        Ok(file)
    }

    /// Everything kept so far. It stays on disk until [`Spool::sent`]; what is kept meanwhile goes
    /// into a new file. A torn last record, from a crash while writing, was never answered for.
    ///
    /// # Errors
    /// When the files cannot be moved or read.
    pub fn take(&self) -> std::io::Result<Vec<Kept>> {
        let (waiting, sending) = (self.dir.join(WAITING), self.dir.join(SENDING));
        if !sending.exists() {
            let mut slot = self.file.lock().map_err(|_| ErrorKind::Other)?;
            *slot = None;
            match std::fs::rename(&waiting, &sending) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
                renamed => renamed?,
            }
        }
        let mut bytes = Vec::new();
        File::open(&sending)?.read_to_end(&mut bytes)?;
        Ok(decode(&bytes))
    }

    /// Everything [`Spool::take`] gave has been recorded.
    ///
    /// # Errors
    /// When the file cannot be removed; its records are then sent again under the same ids.
    pub fn sent(&self) -> std::io::Result<()> {
        std::fs::remove_file(self.dir.join(SENDING))
    }
}

fn encode(kept: &Kept) -> Vec<u8> {
    let length = u32::try_from(kept.envelope.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(HEADER + kept.envelope.len());
    bytes.extend_from_slice(kept.org.0.as_bytes());
    bytes.extend_from_slice(kept.event_id.0.as_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&kept.envelope).to_le_bytes());
    bytes.extend_from_slice(&kept.envelope);
    bytes
}

fn decode(mut bytes: &[u8]) -> Vec<Kept> {
    let mut all = Vec::new();
    while let Some((kept, rest)) = next(bytes) {
        all.push(kept);
        bytes = rest;
    }
    if !bytes.is_empty() {
        tracing::warn!(bytes = bytes.len(), "torn record at the end of the spool");
    }
    all
}

/// What is left after the last whole record.
fn torn_after(mut bytes: &[u8]) -> &[u8] {
    while let Some((_, rest)) = next(bytes) {
        bytes = rest;
    }
    bytes
}

fn next(bytes: &[u8]) -> Option<(Kept, &[u8])> {
    let (org, bytes) = bytes.split_first_chunk::<16>()?;
    let (event, bytes) = bytes.split_first_chunk::<16>()?;
    let (length, bytes) = bytes.split_first_chunk::<4>()?;
    let (crc, bytes) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (envelope, rest) = bytes.split_at_checked(length)?;
    if crc32fast::hash(envelope) != u32::from_le_bytes(*crc) {
        return None;
    }
    let kept = Kept {
        org: OrgId(Uuid::from_bytes(*org)),
        event_id: EventId(Uuid::from_bytes(*event)),
        envelope: envelope.to_vec(),
    };
    Some((kept, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(n: u8) -> Kept {
        Kept {
            org: OrgId(Uuid::from_u128(1)),
            event_id: EventId(Uuid::from_u128(n.into())),
            envelope: vec![n; 100],
        }
    }

    #[test]
    fn what_is_kept_comes_back_in_order_until_it_was_sent() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(dir.path()).unwrap();
        spool.keep(&kept(1)).unwrap();
        spool.keep(&kept(2)).unwrap();
        assert_eq!(spool.take().unwrap(), [kept(1), kept(2)]);
        spool.keep(&kept(3)).unwrap();
        let again = Spool::open(dir.path()).unwrap();
        assert_eq!(again.take().unwrap(), [kept(1), kept(2)]);
        again.sent().unwrap();
        assert_eq!(again.take().unwrap(), [kept(3)]);
    }

    #[test]
    fn a_torn_last_record_does_not_hide_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(dir.path()).unwrap();
        spool.keep(&kept(1)).unwrap();
        let torn = encode(&kept(2));
        let path = dir.path().join(WAITING);
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(&torn[..torn.len() - 3]).unwrap();
        assert_eq!(spool.take().unwrap(), [kept(1)]);
    }

    #[test]
    fn what_is_kept_after_a_crash_is_not_hidden_by_what_the_crash_tore() {
        let dir = tempfile::tempdir().unwrap();
        Spool::open(dir.path()).unwrap().keep(&kept(1)).unwrap();
        let torn = encode(&kept(2));
        let path = dir.path().join(WAITING);
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(&torn[..torn.len() - 3]).unwrap();
        let restarted = Spool::open(dir.path()).unwrap();
        restarted.keep(&kept(3)).unwrap();
        restarted.keep(&kept(4)).unwrap();
        assert_eq!(restarted.take().unwrap(), [kept(1), kept(3), kept(4)]);
    }
}
