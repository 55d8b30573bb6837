//! `writ audit verify --file` and `infra/verify/verify.py`, run as their users run them: one code.

use std::process::{Command, Stdio};

use serde_json::json;

use crate::fixture::{bundle, checkpoint, keys_file, leaves, org, signer};
use crate::writ;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/verify/verify.py");

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        keys_file(desk.0.path());
        desk.write("whole", bundle(org(7), 5).concat());
        desk
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The code of both, which is one.
    fn code(&self, file: &str, keys: &str, more: &[&str]) -> i32 {
        let (file, keys) = (self.path(file), self.path(keys));
        let rust = ["audit", "verify", "--file", &file, "--keys", &keys];
        let rust = writ(&[&rust[..], more].concat());
        let mut python = Command::new("python3");
        python.args(["-B", SCRIPT, &file, "--keys", &keys]);
        let python = python.args(more).output().unwrap();
        let words = [&rust, &python].map(|it| {
            let bytes = [&it.stdout[..], &it.stderr[..]].concat();
            String::from_utf8_lossy(&bytes).into_owned()
        });
        assert!(!words[1].contains("Traceback"), "{}", words[1]);
        assert!(!words.iter().any(|it| it.contains('\u{1b}')), "{words:?}");
        let codes = (rust.status.code(), python.status.code());
        assert_eq!(codes.0, codes.1, "{file} {keys} {more:?}: {words:?}");
        codes.0.unwrap()
    }
}

#[test]
fn keys_that_cannot_be_used_are_refused_and_not_left_out() {
    let desk = Desk::new();
    let key = signer().verifier().to_string();
    let typo = json!({"keys": [key], "exportkeys": [key]}).to_string();
    let twice = format!(r#"{{"keys":["{key}"],"keys":[]}}"#);
    let all = json!({"keys": [key], "details": [{"x": 1}], "certificateKeys": []}).to_string();
    for (name, text, code) in [
        ("typo", &*typo, 64),
        ("twice", &twice, 64),
        ("all", &all, 0),
        ("list", &json!([key]).to_string(), 0),
        ("empty", "", 64),
        ("none", "{}", 64),
        ("nobody", r#"{"keys":[]}"#, 64),
        ("no list", r#"{"keys":"x"}"#, 64),
        ("no key", r#"["a+b"]"#, 64),
        ("deep", &"[".repeat(100_000), 64),
    ] {
        desk.write(name, text);
        assert_eq!(desk.code("whole", name, &["--quorum", "0"]), code, "{name}");
    }
    assert_eq!(desk.code("whole", "gone", &[]), 1);
}

#[test]
fn a_question_that_cannot_be_asked_is_refused() {
    let desk = Desk::new();
    let paper = json!({"statement": {"format": "writ-receipt/1"}, "keyName": "x"});
    desk.write("paper", paper.to_string());
    desk.write("empty", "");
    desk.write("lines", "CEF:0|Writ|a\n");
    let note = |n: u128| checkpoint(org(n), &leaves(org(n), 5), 3).1;
    let (own, other) = (desk.write("own", note(7)), desk.write("other", note(8)));
    let (broken, gone) = (desk.write("broken", "x"), desk.path("gone"));
    let whole = desk.path("whole");
    let alone = ["--quorum", "0"];
    for (file, more, code) in [
        ("whole", &alone[..], 0),
        ("whole", &[], 4),
        ("whole", &["--quorum", "1"], 4),
        ("whole", &["--quorum", "-1"], 64),
        ("whole", &["--quorum", "x"], 64),
        ("whole", &["--from", "yesterday"], 64),
        ("whole", &["--from", "+5"], 64),
        ("whole", &["--from", "2026-13-01"], 64),
        ("whole", &["--from", "10", "--to", "2026-11-21"], 64),
        ("whole", &["--from", "0000-01-01"], 64),
        ("whole", &["--from", "2026-11-21T09:00:60Z"], 64),
        ("whole", &["--from", "2026-1-2"], 64),
        ("whole", &["--from", "4", "--to", "2"], 64),
        ("whole", &["--from", "2", "--to", "2", "--filtered"], 64),
        ("whole", &["--from", "2026-11-22", "--to", "2026-11-21"], 64),
        ("whole", &["--quorum", "0", "--seen", &own], 0),
        ("whole", &["--seen", &other], 64),
        ("whole", &["--seen", &broken], 64),
        ("whole", &["--seen", &gone], 1),
        ("whole", &["--against", &whole], 64),
        ("paper", &["--against", &whole], 64),
        ("paper", &["--against", &gone], 64),
        ("paper", &["--filtered"], 64),
        ("paper", &["--from", "3"], 64),
        ("paper", &[], 2),
        ("empty", &[], 2),
        ("gone", &[], 1),
        ("lines", &[], 4),
        ("lines", &["--quorum", "0"], 64),
        ("lines", &["--from", "1"], 64),
    ] {
        let found = desk.code(file, "keys.json", more);
        assert_eq!(found, code, "{file} {more:?}");
    }
}

/// The entries are of 2027, and nothing later is in the file.
#[test]
fn what_is_asked_of_a_whole_bundle_must_be_in_it() {
    let desk = Desk::new();
    for (more, code) in [
        (&["--from", "2", "--to", "5"][..], 0),
        (&["--from", "5"], 0),
        (&["--from", "6"], 4),
        (&["--from", "1000"], 4),
        (&["--to", "6"], 4),
        (&["--to", "6", "--filtered"], 4),
        (&["--to", "4", "--filtered"], 0),
        (&["--from", "2020-01-01", "--to", "2020-02-01"], 0),
        (
            &["--from", "2020-01-01", "--to", "2020-02-01", "--filtered"],
            0,
        ),
        (&["--from", "2020-01-01"], 0),
        (&["--from", "2020-01-01", "--to", "2040-01-01"], 4),
        (&["--to", "2040-01-01", "--filtered"], 4),
    ] {
        let more = [&["--quorum", "0"], more].concat();
        assert_eq!(desk.code("whole", "keys.json", &more), code, "{more:?}");
    }
}

#[test]
fn what_comes_through_a_pipe_is_no_file() {
    let desk = Desk::new();
    let (file, keys) = ("/dev/stdin", desk.path("keys.json"));
    let mut rust = Command::new(env!("CARGO_BIN_EXE_writ"));
    rust.args(["audit", "verify", "--file", file, "--keys", &keys]);
    let mut python = Command::new("python3");
    python.args(["-B", SCRIPT, file, "--keys", &keys]);
    for mut command in [rust, python] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(writer);
        let output = command.stdin(reader).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{command:?}");
    }
}

#[test]
fn what_a_file_says_does_not_steer_a_terminal() {
    let desk = Desk::new();
    let name = "\u{1b}[2J";
    let paper = json!({"statement": {"format": "writ-compliance-report/1", name: 1},
        "keyName": name, "keyId": name, "signature": ""});
    desk.write("paper", paper.to_string());
    assert_eq!(desk.code("paper", "keys.json", &[]), 3);
    desk.write("names", json!({ name: 1 }).to_string());
    assert_eq!(desk.code("whole", "names", &[]), 64);
}

/// As `| head` does.
#[test]
fn the_code_is_the_same_when_nobody_reads_the_words() {
    let desk = Desk::new();
    let (file, keys) = (desk.path("whole"), desk.path("keys.json"));
    let mut rust = Command::new(env!("CARGO_BIN_EXE_writ"));
    rust.args(["audit", "verify", "--file", &file, "--keys", &keys]);
    let mut python = Command::new("python3");
    python.args(["-B", SCRIPT, &file, "--keys", &keys]);
    for mut command in [rust, python] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = command
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(4), "{command:?}");
    }
}
