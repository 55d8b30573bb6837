//! The delegations of an organisation, by whether they hold.

use std::sync::Arc;

use writ_contract::{DelegationId, Envelope, Unreadable, wire};

use crate::domain::{Delegations, Stated};

/// Takes over a fact. Whoever looks at the delegations meanwhile keeps what there was.
pub(super) fn apply(known: &mut Arc<Delegations>, envelope: &Envelope) -> Result<(), Unreadable> {
    let fact = envelope.open::<wire::DelegationState>()?;
    let id = DelegationId::from_bytes(&fact.delegation_id).map_err(|source| Unreadable::Id {
        field: "delegation_id",
        source,
    })?;
    if envelope.version > known.get(&id).map_or(0, |stated| stated.version) {
        let stated = Stated {
            version: envelope.version,
            revoked: fact.revoked,
        };
        Arc::make_mut(known).insert(id, stated);
    }
    Ok(())
}
