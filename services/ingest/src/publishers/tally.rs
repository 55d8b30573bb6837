//! What publishers sent, counted in memory by each replica.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;
use writ_contract::OrgId;

use crate::intake::Taken;

/// What the publishers of one organisation sent to this replica since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "PublishedMessages")]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sent {
    /// Messages.
    messages: u64,
    /// Messages without a reply subject: taken at most once, and nobody learns of a refusal.
    without_reply: u64,
    /// Traces stored, repeats included.
    accepted: u64,
    /// Traces not taken from messages of which others were.
    refused: u64,
    /// Messages of which nothing was read.
    failed: u64,
}

/// Counts by organisation.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<HashMap<OrgId, Sent>>);

impl Tally {
    /// The counts of an organisation.
    pub(crate) fn of(&self, org: OrgId) -> Sent {
        let tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tally.get(&org).copied().unwrap_or_default()
    }

    /// Counts one message and what was taken of it.
    pub(crate) fn note(&self, org: OrgId, answered: bool, taken: Option<&Taken>) {
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = tally.entry(org).or_default();
        sent.messages += 1;
        sent.without_reply += u64::from(!answered);
        match taken {
            Some(taken) => {
                sent.accepted += taken.accepted as u64;
                sent.refused += taken.refused.len() as u64;
            }
            None => sent.failed += 1,
        }
    }
}
