//! The validators of one organisation, as control states them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use writ_contract::{Envelope, Unreadable, ValidatorId, wire};
use writ_seal::Sealed;

/// Longest a validator is given, whatever its fact says.
const LONGEST: Duration = Duration::from_millis(500);

/// A validator that may be asked. Its secret is opened when something is signed with it.
#[derive(Debug, PartialEq, Eq)]
pub struct Validator {
    /// Its identity.
    pub id: ValidatorId,
    /// Where it is asked.
    pub url: String,
    /// How long it has to answer.
    pub timeout: Duration,
    /// Nobody is denied because it does not answer.
    pub fail_open: bool,
    /// What requests are signed with.
    pub secret: Sealed,
}

/// All of an organisation; a deleted one keeps its version.
#[derive(Debug, Default)]
pub(crate) struct Validators(HashMap<ValidatorId, (u64, Option<Arc<Validator>>)>);

impl Validators {
    /// The validator, unless it is unknown or deleted.
    pub(crate) fn get(&self, id: ValidatorId) -> Option<Arc<Validator>> {
        self.0.get(&id).and_then(|(_, known)| known.clone())
    }

    /// Applies a fact; an older version than the known one changes nothing.
    pub(crate) fn apply(&mut self, envelope: &Envelope) -> Result<(), Unreadable> {
        let fact = envelope.open::<wire::Validator>()?;
        let id = ValidatorId::from_bytes(&fact.validator_id).map_err(|source| Unreadable::Id {
            field: "validator_id",
            source,
        })?;
        if envelope.version > self.0.get(&id).map_or(0, |(version, _)| *version) {
            let read = read(id, fact)?;
            self.0.insert(id, (envelope.version, read.map(Arc::new)));
        }
        Ok(())
    }
}

/// `None` when it is deleted.
fn read(id: ValidatorId, fact: wire::Validator) -> Result<Option<Validator>, Unreadable> {
    if fact.deleted {
        return Ok(None);
    }
    let malformed = |what: &str| Unreadable::Malformed(format!("validator {id}: {what}"));
    let fail_open = match fact.fail_mode.as_str() {
        "open" => true,
        "closed" => false,
        _ => return Err(malformed("unknown fail mode")),
    };
    let nonce = fact.nonce.try_into().map_err(|_| malformed("its nonce"))?;
    Ok(Some(Validator {
        id,
        url: fact.url,
        timeout: Duration::from_millis(fact.timeout_ms.into()).min(LONGEST),
        fail_open,
        secret: Sealed {
            key_id: fact.key_id,
            nonce,
            bytes: fact.sealed_secret,
        },
    }))
}
