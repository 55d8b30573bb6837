//! `writ audit verify --file`.

use crate::fixture::{bundle, checkpoint, keys_file, leaves, org};
use crate::{code, err, out, writ};

struct Files {
    dir: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        keys_file(dir.path());
        Self { dir }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_string_lossy().into_owned()
    }

    fn verify(&self, lines: &[String], more: &[&str]) -> std::process::Output {
        let (bundle, keys) = (self.path("bundle"), self.path("keys.json"));
        std::fs::write(&bundle, lines.concat()).unwrap();
        let mut args = vec!["audit", "verify", "--file", &bundle, "--keys", &keys];
        // It is not in a log over all organisations.
        args.extend(["--quorum", "0"]);
        args.extend(more);
        writ(&args)
    }
}

#[test]
fn an_honest_bundle_verifies_and_says_by_whom() {
    let run = Files::new().verify(&bundle(org(7), 5), &[]);
    assert_eq!(code(&run), 0, "{}", err(&run));
    assert!(
        out(&run).contains("verified: 5 entries, 5 sealed by writ.test/ledger"),
        "{}",
        out(&run)
    );
}

#[test]
fn each_kind_of_trouble_has_its_own_exit_code() {
    let files = Files::new();
    let good = bundle(org(7), 5);

    let mut swapped = good.clone();
    swapped.swap(2, 3);
    assert_eq!(code(&files.verify(&swapped, &[])), 2);

    std::fs::write(
        files.path("other.json"),
        r#"["PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]"#,
    )
    .unwrap();
    std::fs::write(files.path("bundle"), good.concat()).unwrap();
    let (bundle, other) = (files.path("bundle"), files.path("other.json"));
    let run = writ(&["audit", "verify", "--file", &bundle, "--keys", &other]);
    assert_eq!(code(&run), 3, "{}", out(&run));

    assert_eq!(code(&files.verify(&good[..5], &[])), 4);

    let keys = files.path("keys.json");
    let gone = files.path("gone");
    assert_eq!(
        code(&writ(&[
            "audit", "verify", "--file", &gone, "--keys", &keys
        ])),
        1
    );
}

#[test]
fn a_bundle_of_another_organisation_is_bad_content() {
    let run = Files::new().verify(&bundle(org(7), 2), &["--org", &org(8).to_string()]);
    assert_eq!(code(&run), 2, "{}", out(&run));
}

#[test]
fn a_head_seen_earlier_shows_that_the_end_was_cut_off() {
    let files = Files::new();
    let all = leaves(org(7), 5);
    std::fs::write(files.path("seen"), checkpoint(org(7), &all, 5).1).unwrap();
    let (seen, owner) = (files.path("seen"), org(7).to_string());
    let args = ["--org", owner.as_str(), "--seen", seen.as_str()];
    assert_eq!(code(&files.verify(&bundle(org(7), 5), &args)), 0);
    assert_eq!(code(&files.verify(&bundle(org(7), 3), &args)), 4);
}

#[test]
fn programs_get_json() {
    let run = Files::new().verify(&bundle(org(7), 2), &["-o", "json"]);
    let reports: serde_json::Value = serde_json::from_str(&out(&run)).unwrap();
    assert_eq!(reports[0]["result"], "verified");
    assert_eq!(reports[0]["sealed"], 2);
}

#[test]
fn bytes_that_are_no_text_are_bad_content() {
    let files = Files::new();
    let keys = files.path("keys.json");
    let mut bytes = bundle(org(7), 2).concat().into_bytes();
    bytes.extend(b"\n\xff\xfe\n");
    let file = files.path("binary");
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(
        code(&writ(&[
            "audit", "verify", "--file", &file, "--keys", &keys
        ])),
        2
    );
}
