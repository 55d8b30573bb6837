//! What nothing inside a bundle shows: the tamperer holds the ledger's own keys.

use writ_chain::checkpoint::global_origin;

use super::bundle::{KEY_NAME, Ledger};
use super::tamper::{Tamper, World, forged, other_view, relink};

/// What somebody with the checkpoint and export keys can do: nothing inside the bundle shows it.
/// Each gives the bundle without any witness, and the note an honest witness holds.
pub(crate) const INSIDE: [(&str, Tamper); 4] = [
    ("cut the tail off and seal anew", |w, at| {
        let mut ledger = w.ledger.clone();
        ledger.leaves.truncate(w.place(at));
        unwitnessed(w, &ledger)
    }),
    ("restore a backup and go on from there", |w, at| {
        let mut ledger = w.ledger.clone();
        let place = w.place(at);
        ledger.leaves.truncate(place);
        (0..60).for_each(|n| ledger.leaves.push(forged(n + at)));
        relink(&mut ledger.leaves, place);
        unwitnessed(w, &ledger)
    }),
    ("write history anew", |w, at| {
        unwitnessed(w, &other_view(w, at))
    }),
    ("show an old bundle again", |w, at| {
        let mut ledger = w.ledger.clone();
        ledger.leaves.truncate(w.place(at));
        // It was witnessed then: one interval, long before the one the witness holds now.
        ledger.intervals = (1, 0);
        ledger.whole(&w.signers).signed(&w.signers)
    }),
];

fn unwitnessed(w: &World, ledger: &Ledger) -> Vec<u8> {
    let mut parts = ledger.whole(&w.signers);
    parts.header.global = Some(ledger.inclusion(&w.signers.log, None));
    parts.signed(&w.signers)
}

/// The global checkpoint that the witness holds, for `seen`.
pub(crate) fn held_by_the_witness(w: &World) -> String {
    let note = &w.parts.header.global.as_ref().unwrap().checkpoint;
    assert!(note.starts_with(&global_origin(KEY_NAME)));
    note.clone()
}
