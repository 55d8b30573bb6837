//! A small ledger with its key.

use std::path::{Path, PathBuf};

use uuid::Uuid;
use writ_chain::chain::{Appended, Chain};
use writ_chain::checkpoint::{Checkpoint, sign, tenant_origin};
use writ_chain::export::{Header, Writer};
use writ_chain::keys::NamedSigner;
use writ_chain::leaf::{EntryBody, leaf_hash};
use writ_chain::merkle::Frontier;

pub(crate) fn signer() -> NamedSigner {
    NamedSigner::from_seed("writ.test/ledger", &[1; 32]).unwrap()
}

pub(crate) fn org(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

pub(crate) fn leaves(org: Uuid, count: u64) -> Vec<Appended> {
    let mut chain = Chain::new(org);
    (0..count)
        .map(|n| {
            chain
                .append(Uuid::from_u128(1000 + u128::from(n)), &body(n))
                .unwrap()
        })
        .collect()
}

/// What an entry about a month that was taken out is about.
const MONTH: &str = "entries:0-2 of 2025-01";

/// Six leaves, of which the fifth says so of the first three.
pub(crate) fn leaves_with_month(org: Uuid) -> Vec<Appended> {
    let mut chain = Chain::new(org);
    let mut leaf = |n: u64| {
        let mut body = body(n);
        if n == 4 {
            body.kind = "ledger.month_detached.v1".to_owned();
            body.action = Some("ledger.detach".to_owned());
            body.target = Some(MONTH.to_owned());
            body.source.stream = "ledger".to_owned();
        }
        chain
            .append(Uuid::from_u128(5000 + u128::from(n)), &body)
            .unwrap()
    };
    (0..6).map(&mut leaf).collect()
}

fn body(n: u64) -> EntryBody {
    serde_json::from_value(serde_json::json!({
        "type": "agent.updated.v1",
        "occurred_at": 1_800_000_000_000_000u64 + n,
        "source": { "stream": "EVT_CONTROL", "subject": "s", "emitter": "e", "version": n + 1 },
        "digest": "00".repeat(32),
    }))
    .unwrap()
}

/// The head over the first `size` leaves, as the ledger signs it.
pub(crate) fn checkpoint(org: Uuid, leaves: &[Appended], size: u64) -> (Checkpoint, String) {
    let mut tree = Frontier::default();
    for leaf in leaves.iter().filter(|leaf| leaf.seq < size) {
        tree.append(leaf_hash(&leaf.leaf_bytes));
    }
    let checkpoint = Checkpoint {
        origin: tenant_origin(signer().verifier().name(), org),
        size,
        root: tree.root(),
        extensions: Vec::new(),
    };
    let note = sign(&checkpoint, &[&signer()]).unwrap();
    (checkpoint, note)
}

/// Lines with their line ends.
pub(crate) fn bundle(org: Uuid, count: u64) -> Vec<String> {
    let leaves = leaves(org, count);
    let header = Header::whole(org, count, checkpoint(org, &leaves, count).1);
    let (mut bundle, first) = Writer::open(header).unwrap();
    let mut lines = vec![first];
    let entries = leaves.iter();
    lines.extend(entries.map(|it| bundle.entry(it.seq, &it.leaf_bytes)));
    lines.push(bundle.finish(&[]).unwrap());
    lines
}

pub(crate) fn keys_file(dir: &Path) -> PathBuf {
    let path = dir.join("keys.json");
    let keys = serde_json::json!({ "keys": [signer().verifier().to_string()] });
    std::fs::write(&path, keys.to_string()).unwrap();
    path
}
