//! Policies that nobody wrote: what an agent's registration says, the bundle of its autonomy level,
//! a caller's own wish for approval, and a look at the tools it sends. They are judged first and listed like any other.

mod asked;
mod autonomy;
mod integrity;
mod registration;

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::context::Context;
use crate::model::{Mode, Policy, PolicyType, Severity};
use crate::rule::{Failure, Verdict};

pub(crate) use asked::asked;
pub(crate) use autonomy::bundle;
pub(crate) use integrity::integrity;
pub(crate) use registration::registration;

/// A built-in policy and what it says.
pub(crate) type Said = (Policy, Result<Verdict, Failure>);

/// A policy with a stable id derived from what it stands for.
fn policy(name: String, parts: &[&[u8]], policy_type: PolicyType, mode: Mode) -> Policy {
    Policy {
        evaluation_order: 0,
        severity: Severity::High,
        ..Policy::new(
            id_of(parts),
            name,
            policy_type,
            mode,
            serde_json::Value::Null,
        )
    }
}

/// A UUID (version 8, RFC 9562) of the parts' digest.
fn id_of(parts: &[&[u8]]) -> Uuid {
    let mut hasher = Sha256::new();
    hasher.update(b"writ/built-in/v1");
    for part in parts {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part);
    }
    let mut bytes = [0; 16];
    for (byte, digest) in bytes.iter_mut().zip(hasher.finalize()) {
        *byte = digest;
    }
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// What stands in for the bundle of a level that nobody knows.
pub(crate) fn unknown_level(context: &Context<'_>) -> Option<Said> {
    let level = context.request.agent.limits.autonomy_level.as_str();
    if level.is_empty() || bundle(level).is_some() {
        return None;
    }
    let parts: [&[u8]; 1] = [b"unknown autonomy level"];
    let name = "Autonomy: unknown level".to_owned();
    let policy = policy(name, &parts, PolicyType::AccessControl, Mode::Block);
    let failure = Failure::Broken("the autonomy level is not a known one".to_owned());
    Some((policy, Err(failure)))
}
