//! Lines for a SIEM and the manifest over them, by both verifiers.

use serde_json::json;
use writ_chain::export::{ExportSigner, Header, Writer};
use writ_chain::keys::NamedSigner;
use writ_chain::verify::{is_for_siem, verify_siem};

use super::bundle::{Keys, Signers, tenant};
use super::python::{self, Job};

const LINES: [&str; 3] = ["CEF:0|Writ|a\n", "CEF:0|Writ|b\n", "CEF:0|Writ|c\n"];

/// The lines of an export of `size` entries, and their manifest.
fn export(lines: &[&str], size: u64, signers: &[&dyn ExportSigner]) -> (String, String) {
    let header = Header::whole(tenant(1), size, String::new());
    let mut writer = Writer::foreign(header, "cef/0");
    lines.iter().for_each(|line| writer.count(line));
    (lines.concat(), writer.finish(signers).unwrap())
}

/// Cases for both verifiers.
struct Desk {
    keys: Keys,
    jobs: Vec<Job>,
    codes: Vec<(&'static str, u8)>,
}

impl Desk {
    fn case(&mut self, name: &'static str, text: &str, beside: Option<&str>, code: u8) {
        let keys = self.keys.clone();
        self.told(name, (text, beside), &keys, false, code);
    }

    fn told(
        &mut self,
        name: &'static str,
        (text, beside): (&str, Option<&str>),
        keys: &Keys,
        filtered: bool,
        code: u8,
    ) {
        assert!(beside.is_some() || is_for_siem(text.as_bytes()), "{name}");
        let lines = text.as_bytes().split_inclusive(|byte| *byte == b'\n');
        let manifest = beside.map(str::as_bytes);
        let report = verify_siem(lines, manifest, &keys.trusted(), filtered);
        assert_eq!(report.class().exit_code(), code, "{name}");
        let mut job = Job::new(text.into(), keys);
        if let Some(beside) = beside {
            job = job.with("beside", json!(beside));
        }
        if filtered {
            job = job.with("asked", json!(["shown"]));
        }
        self.jobs.push(job);
        self.codes.push((name, code));
    }
}

#[test]
fn lines_are_those_that_were_exported_and_all_of_them() {
    let by = Signers::new();
    let stranger = NamedSigner::from_seed("other", &[9; 32]).unwrap();
    let (lines, manifest) = export(&LINES, 3, &[&by.export, &by.rsa]);
    let (_, foreign) = export(&LINES, 3, &[&stranger]);
    let (_, more) = export(&LINES, 4, &[&by.export]);
    let (nothing, empty) = export(&[], 0, &[&by.export]);
    let whole = lines.clone() + &manifest;
    let signed = Some(&*manifest);
    let mut desk = Desk {
        keys: by.keys(),
        jobs: Vec::new(),
        codes: Vec::new(),
    };
    desk.case("at its end", &whole, None, 0);
    desk.case("beside it", &lines, signed, 0);
    desk.case("nothing", &nothing, Some(&empty), 0);
    desk.case("none", &lines, None, 4);
    desk.case("both", &whole, signed, 2);
    desk.case("the manifest alone", &manifest, None, 2);
    desk.case(
        "a line less",
        lines.strip_prefix(LINES[0]).unwrap(),
        signed,
        2,
    );
    desk.case("a line more", &(lines.clone() + LINES[0]), signed, 2);
    desk.case("a byte", &lines.replace("|b", "|B"), signed, 2);
    desk.case("no line end", lines.trim_end(), signed, 2);
    desk.case("by a stranger", &lines, Some(&foreign), 3);
    let unsigned = manifest.replace('—', "--");
    desk.case("no signature", &lines, Some(&unsigned), 2);
    desk.case("of four", &lines, Some(&more), 4);
    desk.case("a foreign file", &lines, Some("nothing"), 4);
    let keys = by.keys();
    desk.told("of four, filtered", (&lines, Some(&more)), &keys, true, 0);
    let keys = Keys {
        export_keys: Vec::new(),
        ..keys
    };
    desk.told("no export key", (&whole, None), &keys, false, 3);
    let found = python::codes(desk.jobs);
    let named = desk.codes.iter().map(|(name, _)| *name).zip(found);
    assert_eq!(named.collect::<Vec<_>>(), desk.codes);
}
