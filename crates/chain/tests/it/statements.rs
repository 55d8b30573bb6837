//! Receipts and statements of coverage, honest and changed, by both verifiers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use writ_chain::canonical;
use writ_chain::chain::Chain;
use writ_chain::checkpoint;
use writ_chain::coverage::{self, Coverage, EXCLUDES, Emitter, Outcomes, Tail};
use writ_chain::document::{Document, Report, Told};
use writ_chain::export::ExportSigner;
use writ_chain::keys::NamedSigner;
use writ_chain::leaf::{EntryBody, leaf_hash};
use writ_chain::merkle::{prove_inclusion, root_of};
use writ_chain::receipt::{self, Inclusion, Interval, Receipt, path_text};
use writ_chain::statement::sign;
use writ_chain::verify::Class;

use super::bundle::{KEY_NAME, Keys, Ledger, Signers, body, tenant};
use super::changes::tampered;
use super::python::{self, Job};

fn decision(n: u64) -> EntryBody {
    EntryBody {
        aggregate_id: Some(format!("dec_{n:032x}")),
        ..body(n)
    }
}

/// Decisions, but for one entry.
fn entry(n: u64) -> EntryBody {
    match n {
        6 => EntryBody {
            kind: "policy.updated.v1".into(),
            aggregate_id: Some("pol_6".into()),
            ..body(n)
        },
        n => decision(n),
    }
}

pub(crate) fn ledger() -> Ledger {
    let mut chain = Chain::new(tenant(1));
    let leaf = |n: u64| chain.append(tenant(u128::from(n)), &entry(n)).unwrap();
    Ledger {
        leaves: (0..11).map(leaf).map(|it| it.leaf_bytes).collect(),
        ..Ledger::of(tenant(1), 0)
    }
}

/// The receipt of an entry, over a head that a witness saw.
pub(crate) fn receipt(by: &Signers, n: usize) -> Value {
    let ledger = ledger();
    let hashes = ledger.hashes();
    let above = ledger.inclusion(&by.log, Some((&by.witness, 1_790_000_000)));
    let number = n as u64;
    let body = entry(number);
    let statement = Receipt {
        format: receipt::FORMAT.into(),
        org: tenant(1),
        decision_id: body
            .aggregate_id
            .clone()
            .filter(|id| id.starts_with("dec_")),
        event_id: tenant(u128::from(number)),
        entry: serde_json::to_value(body).unwrap(),
        leaf: BASE64.encode(&ledger.leaves[n]),
        inclusion: Inclusion {
            index: number,
            path: path_text(&prove_inclusion(&hashes[..], number, 11).unwrap()),
            checkpoint: ledger.note(&by.log),
        },
        interval: Interval {
            index: above.head,
            size: above.heads,
            path: path_text(&above.head_path),
        },
        global: Inclusion {
            index: above.index,
            path: path_text(&above.path),
            checkpoint: above.checkpoint,
        },
        witnessed: true,
        issued_at: 1_790_000_000_000_000,
    };
    assert_eq!(leaf_hash(&ledger.leaves[n]), hashes[n]);
    serde_json::to_value(sign(statement, &by.export).unwrap()).unwrap()
}

pub(crate) fn coverage(by: &Signers) -> Value {
    let emitter = |emitter: &str, last, tail| Emitter {
        emitter: emitter.into(),
        after: 4,
        last,
        present: last - 5,
        tail,
    };
    let statement = Coverage {
        format: coverage::FORMAT.into(),
        org: tenant(1),
        agent: "support".into(),
        from: 1_760_000_000_000_000,
        to: 1_760_000_600_000_000,
        decisions: 7,
        outcomes: Outcomes {
            allowed: 4,
            held: 1,
            denied: 2,
        },
        names: vec!["support".into(), tenant(4).to_string()],
        unnamed: Some(1),
        heard_seconds: Some(580),
        silent_seconds: Some(20),
        ungoverned_seconds: 31,
        ungoverned_acts: 2,
        lost_reports: 0,
        missing: Some(2),
        emitters: vec![
            emitter("a", 9, Tail::Continued),
            emitter("b", 7, Tail::Closed),
        ],
        silent_emitters: 1,
        excludes: EXCLUDES.map(str::to_owned).to_vec(),
        checkpoint: ledger().note(&by.log),
        issued_at: 1_790_000_000_000_000,
    };
    serde_json::to_value(sign(statement, &by.export).unwrap()).unwrap()
}

/// As `writ audit verify --file` judges it.
fn rust(text: &str, keys: &Keys) -> u8 {
    told(text, keys, &Told::default())
}

pub(crate) fn told(text: &str, keys: &Keys, told: &Told) -> u8 {
    // What is no document is read as a bundle, and is none.
    let Some(document) = Document::read(text) else {
        return Class::BadContent.exit_code();
    };
    let checked = document.check(&keys.trusted(), told);
    checked.map_or(MISUSE, |it| it.class().exit_code())
}

/// The code of a question that cannot be asked.
pub(crate) const MISUSE: u8 = 64;

/// What is to be checked: its name, its text, the keys, and the code if it is known.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) keys: Keys,
    pub(crate) code: Option<u8>,
}

pub(crate) fn judge(cases: Vec<Case>) -> Vec<(String, u8)> {
    let jobs = cases
        .iter()
        .map(|it| Job::new(it.text.clone().into(), &it.keys));
    let found = python::codes(jobs.collect());
    let both = cases.into_iter().zip(found).map(|(case, python)| {
        let rust = rust(&case.text, &case.keys);
        assert_eq!(rust, python, "{}: Rust, Python\n{}", case.name, case.text);
        if let Some(code) = case.code {
            assert_eq!(rust, code, "{}", case.name);
        }
        (case.name, rust)
    });
    both.collect()
}

/// What somebody with the export key, and no other, can make of it.
pub(crate) fn signed_anew(mut value: Value, by: &NamedSigner) -> Value {
    let statement = &value["statement"];
    let format = statement.get("format").and_then(Value::as_str);
    let mut message = format!("{}\n", format.unwrap_or_default()).into_bytes();
    message.extend(canonical::to_vec(statement).unwrap());
    value["signature"] = json!(BASE64.encode(ExportSigner::sign(by, &message).unwrap()));
    value
}

/// As it was stated before it said how long the agent was heard of.
fn older_coverage(by: &Signers) -> Value {
    let mut older = coverage(by);
    let statement = older["statement"].as_object_mut().unwrap();
    statement.retain(|name, _| {
        !["names", "unnamed", "heardSeconds", "silentSeconds"].contains(&name.as_str())
    });
    statement["format"] = json!("writ-coverage/1");
    signed_anew(older, &by.export)
}

/// A compliance report, as much of one as is checked.
pub(crate) fn report(by: &Signers) -> Value {
    let (ledger, head) = (ledger(), ledger().note(&by.log));
    let root = root_of(&ledger.hashes()[..], ledger.size()).unwrap();
    let control = |id: &str, assessment: &str| json!({"id": id, "assessment": assessment});
    let report = json!({
        "format": "writ-compliance-report/1",
        "org": tenant(1),
        "note": "evidence",
        "ledger": {"checkpoint": head, "rootHash": BASE64.encode(root), "size": ledger.size()},
        "summary": {"noEvidence": 1, "operated": 2, "partly": 0},
        "controls": [
            control("1", "operated"), control("2", "no evidence"), control("3", "operated"),
        ],
    });
    let report: Report = serde_json::from_value(report).unwrap();
    serde_json::to_value(sign(report, &by.export).unwrap()).unwrap()
}

fn each(by: &Signers) -> [(&'static str, Value); 5] {
    [
        ("receipt", receipt(by, 5)),
        ("receipt of another kind", receipt(by, 6)),
        ("coverage", coverage(by)),
        ("coverage of format 1", older_coverage(by)),
        ("report", report(by)),
    ]
}

#[test]
fn every_field_of_a_receipt_and_of_coverage_is_checked_by_both_verifiers() {
    let by = Signers::new();
    let mut cases = Vec::new();
    for (kind, honest) in each(&by) {
        let case = |name: String, value: &Value, code| Case {
            name: format!("{kind}: {name}"),
            text: value.to_string(),
            keys: by.keys(),
            code,
        };
        cases.push(case("honest".into(), &honest, Some(0)));
        cases.push(case("answered".into(), &json!({"data": honest}), Some(0)));
        for (name, value) in tampered(&honest) {
            if name.starts_with("/statement") {
                let anew = signed_anew(value.clone(), &by.export);
                cases.push(case(format!("{name}, signed anew"), &anew, None));
            }
            cases.push(case(name, &value, None));
        }
    }
    let found = judge(cases);
    let (anew, plain): (Vec<_>, Vec<_>) = found
        .iter()
        .filter(|(name, _)| !name.ends_with("honest") && !name.ends_with("answered"))
        .partition(|(name, _)| name.ends_with("signed anew"));
    for (name, code) in &plain {
        assert_ne!(*code, 0, "{name}");
    }
    let passed = anew.iter().filter(|(_, code)| *code == 0);
    for (name, _) in passed {
        // A receipt's own words prove nothing, and how many heads an interval has stands under no
        // signature; what coverage counts is compared with the entries.
        let words = ["issuedAt", "interval/size"];
        let word = words.map(|it| format!(": /statement/{it} ="));
        let word = name.starts_with("receipt") && word.iter().any(|word| name.contains(word));
        let judged = name.starts_with("coverage") || name.starts_with("report");
        assert!(word || judged, "{name}");
    }
    println!("{} changes, {} signed anew", plain.len(), anew.len());
}

#[test]
fn a_statement_says_nothing_to_who_does_not_trust_its_keys() {
    let by = Signers::new();
    // The same names, so that the ids alone tell the keys apart.
    let named = |name: &str| key(&NamedSigner::from_seed(name, &[9; 32]).unwrap());
    let (log, export) = (key(&by.log), key(&by.export));
    let with = |keys: &[String], export_keys: &[String]| Keys {
        keys: keys.to_vec(),
        export_keys: export_keys.to_vec(),
        witness_keys: Vec::new(),
    };
    let all = [
        ("all", by.keys(), 0),
        ("no witness", with(&log, &export), 0),
        ("no export key", with(&log, &[]), 3),
        ("another export key", with(&log, &named("other")), 3),
        ("named as it", with(&log, &named("writ.test/export")), 3),
        ("another log's key", with(&named("other"), &export), 3),
        ("named as the log", with(&named(KEY_NAME), &export), 3),
        ("swapped", with(&export, &log), 3),
    ];
    let mut cases = Vec::new();
    for (kind, honest) in each(&by) {
        for (name, keys, code) in &all {
            cases.push(Case {
                name: format!("{kind}: {name}"),
                text: honest.to_string(),
                keys: keys.clone(),
                code: Some(*code),
            });
        }
    }
    judge(cases);
}

fn key(signer: &NamedSigner) -> Vec<String> {
    vec![signer.verifier().to_string()]
}

#[test]
fn a_statement_by_another_key_or_with_a_field_twice_is_found() {
    let by = Signers::new();
    let stranger = NamedSigner::from_seed("other", &[9; 32]).unwrap();
    let mut cases = Vec::new();
    for (kind, honest) in each(&by) {
        let mut case = |name: &str, text: String, code| {
            cases.push(Case {
                name: format!("{kind}: {name}"),
                text,
                keys: by.keys(),
                code: Some(code),
            });
        };
        let mut foreign = signed_anew(honest.clone(), &stranger);
        case("by another key in its name", foreign.to_string(), 2);
        foreign["keyName"] = json!(stranger.verifier().name());
        case("by a key nobody knows", foreign.to_string(), 3);
        let (once, twice) = ("\"statement\":{", "\"statement\":{\"issuedAt\":1,");
        case("twice", honest.to_string().replacen(once, twice, 1), 2);
    }
    judge(cases);
}

#[test]
fn what_contradicts_itself_is_found_whoever_signed_it() {
    let by = Signers::new();
    let (whole, coverage, paper) = (receipt(&by, 5), coverage(&by), report(&by));
    let twin = json!([{"emitter": "a", "after": 9, "last": 5, "present": 0, "tail": "closed"}]);
    let many = json!([{"emitter": "a", "after": 4, "last": 9, "present": 6, "tail": "closed"}]);
    let head = paper["statement"]["ledger"]["checkpoint"].clone();
    let changes = [
        (&coverage, "ungovernedSeconds", json!(601)),
        (&coverage, "to", json!(1_759_999_999_999_999_u64)),
        (&coverage, "emitters", json!([])),
        (&coverage, "emitters", twin),
        (&coverage, "emitters", many),
        (&paper, "controls", json!([])),
        (&paper, "controls", json!([{"assessment": "operated"}])),
        (&paper, "summary", json!({"operated": 3})),
        (&paper, "summary", json!({})),
        (
            &paper,
            "ledger",
            json!({"checkpoint": head, "rootHash": "x", "size": 11}),
        ),
        (&paper, "ledger", json!({"checkpoint": head})),
        (&paper, "org", json!(tenant(1).simple().to_string())),
        (&whole, "witnessed", json!(false)),
    ];
    let mut cases: Vec<Case> = Vec::new();
    for (honest, field, value) in changes {
        let mut changed = honest.clone();
        let name = format!("{field} = {value}");
        changed["statement"][field] = value;
        cases.push(Case {
            name,
            text: signed_anew(changed, &by.export).to_string(),
            keys: by.keys(),
            code: Some(2),
        });
    }
    judge(cases);
}

/// A head of an origin is worth what the key of that origin's name signed.
#[test]
fn a_report_over_another_trusted_keys_head_is_found() {
    let by = Signers::new();
    let second = NamedSigner::from_seed("second.test/ledger", &[8; 32]).unwrap();
    let mut paper = report(&by);
    let text = paper["statement"]["ledger"]["checkpoint"].as_str().unwrap();
    let head = checkpoint::unverified(text).unwrap();
    let note = checkpoint::sign(&head, &[&second]).unwrap();
    paper["statement"]["ledger"]["checkpoint"] = json!(note);
    let mut keys = by.keys();
    keys.keys.push(second.verifier().to_string());
    judge(vec![Case {
        name: "another trusted key's".into(),
        text: signed_anew(paper, &by.export).to_string(),
        keys,
        code: Some(2),
    }]);
}
