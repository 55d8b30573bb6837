//! `make bench-ledger`: how fast an export is verified from a file, and in how much memory.
//!
//! `ENTRIES` (default 500,000) decisions of one organisation, chained and signed as the ledger does
//! it. A second file has a quarter of them: peak memory must not grow with the file.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a program of its own, and a step that fails is the end of it"
)]

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use uuid::Uuid;
use writ_chain::chain::{Appended, Chain};
use writ_chain::checkpoint::{Checkpoint, sign, tenant_origin};
use writ_chain::export::{Header, Writer};
use writ_chain::keys::{NamedSigner, Trusted};
use writ_chain::leaf::{EntryBody, Source};
use writ_chain::verify::{Class, Trust, verify_export};

const ORG: Uuid = Uuid::from_u128(5);

fn main() {
    let entries = std::env::var("ENTRIES").ok();
    let entries = entries.map_or(500_000, |text| text.parse().unwrap());
    for entries in [entries / 4, entries] {
        let file = std::env::temp_dir().join(format!("writ-bench-{}.jsonl", std::process::id()));
        write(&file, entries);
        verify(&file, entries);
        std::fs::remove_file(&file).unwrap();
    }
}

fn log() -> NamedSigner {
    NamedSigner::from_seed("writ.bench/ledger", &[1; 32]).unwrap()
}

fn export() -> NamedSigner {
    NamedSigner::from_seed("writ.bench/export", &[2; 32]).unwrap()
}

fn verify(file: &PathBuf, entries: u64) {
    let keys = Trusted {
        checkpoint: vec![log().verifier().clone()],
        export: vec![export().verifier().clone()],
        ..Trusted::default()
    };
    let bytes = std::fs::metadata(file).unwrap().len();
    // One ledger by itself, without its place in the log over all.
    let trust = Trust {
        quorum: Some(0),
        ..Trust::new(ORG, keys)
    };
    forget_peak();
    let started = Instant::now();
    let report = verify_export(Lines(BufReader::new(File::open(file).unwrap())), trust);
    let took = started.elapsed().as_secs_f64();
    assert_eq!(
        (report.class(), report.entries),
        (Class::Clean, entries),
        "{report:?}"
    );
    println!(
        "{entries} entries, {:.0} MB: verified in {took:.2} s: {:.0} entries/s, {:.0} MB/s; peak memory {}",
        bytes as f64 / 1e6,
        entries as f64 / took,
        bytes as f64 / 1e6 / took,
        peak()
    );
}

/// Lines with their ends, as `writ audit verify --file` reads them.
struct Lines(BufReader<File>);

impl Iterator for Lines {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::with_capacity(1536);
        (self.0.read_until(b'\n', &mut line).unwrap() > 0).then_some(line)
    }
}

/// The bundle: once through the chain for its head, once more for its lines.
fn write(file: &Path, entries: u64) {
    let mut chain = Chain::new(ORG);
    (0..entries).for_each(|n| drop(append(&mut chain, n)));
    let head = Checkpoint {
        origin: tenant_origin("writ.bench/ledger", ORG),
        size: entries,
        root: chain.frontier().root(),
        extensions: Vec::new(),
    };
    let note = sign(&head, &[&log()]).unwrap();
    let (mut bundle, header) = Writer::open(Header::whole(ORG, entries, note)).unwrap();
    let mut out = BufWriter::new(File::create(file).unwrap());
    out.write_all(header.as_bytes()).unwrap();
    let mut chain = Chain::new(ORG);
    for n in 0..entries {
        let line = bundle.entry(n, &append(&mut chain, n).leaf_bytes);
        out.write_all(line.as_bytes()).unwrap();
    }
    let manifest = bundle.finish(&[&export()]).unwrap();
    out.write_all(manifest.as_bytes()).unwrap();
    out.flush().unwrap();
}

fn append(chain: &mut Chain, n: u64) -> Appended {
    let id = Uuid::from_u128(u128::from(n) << 64 | 7);
    let body = EntryBody {
        kind: "decision.made.v1".into(),
        occurred_at: 1_790_000_000_000_000 + i64::try_from(n).unwrap() * 200,
        actor: Some(format!("agent:{}", Uuid::from_u128(u128::from(n % 40)))),
        action: Some("decision.make".into()),
        target: Some(format!("decision:dec_{}", id.simple())),
        aggregate_id: Some(format!("dec_{}", id.simple())),
        on_behalf_of: vec![format!("per_{}", Uuid::from_u128(9).simple())],
        outcome: Some("allowed".into()),
        reason_code: None,
        policy_set_hash: Some("5a".repeat(32)),
        trace_id: Some("7b".repeat(16)),
        window: None,
        source: Source {
            stream: "EVT_GATE".into(),
            subject: "writ.evt.gate.3.decision".into(),
            emitter: Uuid::from_u128(77).to_string(),
            emitter_seq: Some(n + 1),
            version: None,
        },
        digest: hex::encode(id.as_bytes().repeat(2)),
    };
    chain.append(id, &body).unwrap()
}

/// The most memory this process had since [`forget_peak`], as Linux counts it.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.map_or("unknown".to_owned(), |line| {
        line.replace("VmHWM:", "").trim().to_owned()
    })
}

fn forget_peak() {
    drop(std::fs::write("/proc/self/clear_refs", "5"));
}
