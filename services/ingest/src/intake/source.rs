//! Who sends traces, how many bytes may be sent, and what became of them.

use writ_access::Caller;
use writ_contract::{KeyId, OrgId};

use crate::domain::Refused;

/// Where traces come from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Whose they are.
    pub(crate) org: OrgId,
    /// `rest` or `nats`.
    pub(crate) origin: &'static str,
    /// The caller, when a key was presented.
    pub(crate) caller: Option<Caller>,
    /// W3C traceparent of the request, where what it tells becomes a fact; else empty.
    pub(crate) traceparent: String,
}

impl Source {
    /// What a caller sends.
    pub(crate) fn of(caller: Caller, origin: &'static str) -> Self {
        Self {
            org: OrgId(caller.org_id()),
            origin,
            caller: Some(caller),
            traceparent: String::new(),
        }
    }

    /// The caller as facts name it.
    pub(crate) fn actor(&self) -> String {
        let caller = self.caller.as_ref();
        let key = caller.and_then(Caller::key_id);
        match (key, caller.and_then(Caller::person)) {
            (Some(key), _) => format!("key:{}", KeyId(key)),
            (None, Some(person)) => format!("person:{person}"),
            (None, None) => "system:ingest".to_owned(),
        }
    }

    /// The person behind the key, where one is known.
    pub(crate) fn person(&self) -> Vec<String> {
        let person = self.caller.as_ref().and_then(Caller::person);
        person.map(str::to_owned).into_iter().collect()
    }

    /// The bytes of the key's id; empty without one.
    pub(crate) fn key(&self) -> Vec<u8> {
        let key = self.caller.as_ref().and_then(Caller::key_id);
        key.map(|key| KeyId(key).to_bytes()).unwrap_or_default()
    }
}

/// What became of a chunk. Everything accepted is stored on the log.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Traces that are stored, repeats included.
    pub(crate) accepted: usize,
    /// Those of them that had been stored before.
    pub(crate) repeated: usize,
    /// Traces that were not taken.
    pub(crate) refused: Vec<Refused>,
    /// Sequence of the last message of the chunk on the input stream.
    pub(crate) last_seq: Option<u64>,
}

/// Limits of the intake.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of one trace.
    pub(crate) trace_bytes: usize,
    /// Bytes that may wait for the log.
    pub(crate) waiting_bytes: usize,
}
