//! The part of a bundle that stands beyond one organisation: the global log and its witnesses.

use super::{Above, Finding, Seen, Trust, Verification};
use crate::checkpoint::{self, Checkpoint, NoteError, global_origin};
use crate::cosignature::{BadCosignature, cosigned};
use crate::global::{Inclusion, TenantHead};
use std::cmp::Ordering;

/// Checks that the signed head is in the global log and that enough witnesses cosigned that log. The
/// trusted witnesses that did, and when (seconds since 1970).
pub(super) fn check(
    run: &mut Verification,
    inclusion: Option<&Inclusion>,
    trust: &Trust,
) -> Vec<(String, u64)> {
    let witnesses = match inclusion {
        Some(inclusion) => included(run, inclusion, trust).unwrap_or_default(),
        None => {
            // Who demands no witness may be shown a ledger alone.
            if trust.quorum != Some(0) || !trust.known_global.is_empty() {
                run.findings.add(Finding::Above(Above::NotShown));
            }
            Vec::new()
        }
    };
    let (have, want) = (witnesses.len(), trust.witnesses());
    if have < want {
        run.findings
            .add(Finding::Above(Above::MissingQuorum { have, want }));
    }
    witnesses
}

fn included(
    run: &mut Verification,
    inclusion: &Inclusion,
    trust: &Trust,
) -> Option<Vec<(String, u64)>> {
    let note = &inclusion.checkpoint;
    let opened = checkpoint::open(note, &trust.keys.checkpoint);
    let global = opened
        .map_err(|error| run.findings.add(refusal(error)))
        .ok()?;
    let named = |name: &String| global_origin(name) == global.checkpoint().origin;
    if !global.signed_by().iter().any(named) {
        run.findings.add(Finding::WrongOrigin);
        return None;
    }
    let proved = |head| inclusion.proves(&head, global.checkpoint());
    if !run.head.is_none_or(proved) {
        run.findings.add(Finding::Above(Above::NotIncluded));
    }
    let witnesses = match cosigned(note, &trust.keys.witness) {
        Ok(found) => found.into_iter().map(|it| (it.witness, it.time)).collect(),
        Err(BadCosignature(name)) => {
            run.findings.add(Finding::BadSignature { name });
            Vec::new()
        }
    };
    for seen in &trust.known_global {
        let found = set_back(global.checkpoint(), &witnesses, seen);
        run.findings.extend(found.map(Finding::Above));
    }
    Some(witnesses)
}

fn set_back(global: &Checkpoint, witnesses: &[(String, u64)], seen: &Seen) -> Option<Above> {
    let (size, known) = (global.size, seen.head.size);
    match size.cmp(&known) {
        Ordering::Less => Some(Above::SetBack { size, known }),
        Ordering::Equal if global.root != seen.head.root => Some(Above::Differs { size }),
        Ordering::Greater if !seen.is_vouched_for(witnesses) => {
            Some(Above::NotShownToHaveGrown { known })
        }
        Ordering::Equal | Ordering::Greater => None,
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
