//! What the sealed secrets of facts are bound to.

use crate::ids::{OrgId, ValidatorId};
use crate::wire;

impl wire::Validator {
    /// What a validator's secret is sealed for: it opens for no other validator and organisation.
    #[must_use]
    pub fn place(org: OrgId, id: ValidatorId) -> Vec<u8> {
        format!("validator:{org}:{id}").into_bytes()
    }
}
