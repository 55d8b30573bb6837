//! The part of a bundle that stands beyond one organisation: the global log and its witnesses.

use super::{Finding, KnownHead, Trust, Verification};
use crate::checkpoint::{self, Checkpoint, NoteError, global_origin};
use crate::cosignature::{BadCosignature, cosigned};
use crate::global::{Inclusion, TenantHead};

/// Checks that the signed head is in the global log and that enough witnesses cosigned that log.
/// Returns the witnesses that did.
pub(super) fn check(
    run: &mut Verification,
    inclusion: Option<&Inclusion>,
    trust: &Trust,
) -> Vec<(String, u64)> {
    let witnesses = match inclusion {
        Some(inclusion) => included(run, inclusion, trust),
        None => Vec::new(),
    };
    if witnesses.len() < trust.quorum {
        run.findings.add(Finding::MissingQuorum {
            have: witnesses.len(),
            want: trust.quorum,
        });
    }
    witnesses
}

fn included(run: &mut Verification, inclusion: &Inclusion, trust: &Trust) -> Vec<(String, u64)> {
    let note = &inclusion.checkpoint;
    let global = match checkpoint::open(note, &trust.keys.checkpoint) {
        Ok(verified) => verified,
        Err(error) => {
            run.findings.add(refusal(error));
            return Vec::new();
        }
    };
    let named = |name: &String| global_origin(name) == global.checkpoint().origin;
    if !global.signed_by().iter().any(named) {
        run.findings.add(Finding::WrongOrigin);
        return Vec::new();
    }
    if run
        .head
        .is_some_and(|head| !inclusion.proves(&head, global.checkpoint()))
    {
        run.findings.add(Finding::NotInGlobalLog);
    }
    for known in &trust.known_global {
        run.findings.extend(set_back(global.checkpoint(), known));
    }
    match cosigned(note, &trust.keys.witness) {
        Ok(found) => found.into_iter().map(|it| (it.witness, it.time)).collect(),
        Err(BadCosignature(name)) => {
            run.findings.add(Finding::BadSignature { name });
            Vec::new()
        }
    }
}

fn set_back(global: &Checkpoint, known: &KnownHead) -> Option<Finding> {
    match global.size.cmp(&known.size) {
        std::cmp::Ordering::Less => Some(Finding::GlobalSetBack {
            size: global.size,
            known: known.size,
        }),
        std::cmp::Ordering::Equal if global.root != known.root => Some(Finding::NotInGlobalLog),
        std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => None,
    }
}

/// What a note that was not accepted is to a verifier.
pub(super) fn refusal(error: NoteError) -> Finding {
    match error {
        NoteError::UnknownKey => Finding::UnknownKey,
        NoteError::BadSignature { name } => Finding::BadSignature { name },
        NoteError::Malformed | NoteError::NotALine => Finding::UnreadableCheckpoint,
    }
}

impl Verification {
    pub(super) fn signed_head(&mut self, head: &Checkpoint) {
        self.head = Some(TenantHead {
            tenant: self.org,
            size: head.size,
            root: head.root,
        });
    }
}
