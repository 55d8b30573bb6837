//! A compliance report in a file: who signed it, and over which head of the ledger.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;
use writ_chain::checkpoint::{self, NoteError, tenant_origin};
use writ_chain::keys::Trusted;
use writ_chain::statement::{SignatureRefusal, Signed, Statement};
use writ_chain::verify::Class;

use super::outcome::Outcome;

/// The report as it is signed; what it says is for a reader to judge.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Report(Value);

impl Statement for Report {
    const FORMATS: &'static [&'static str] = &["writ-compliance-report/1"];

    fn format(&self) -> &str {
        self.text("/format")
    }
}

impl Report {
    fn text(&self, pointer: &str) -> &str {
        let found = self.0.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_default()
    }
}

/// Checks a report, offline. The entries it cites are checked by an export of the ledger.
pub(super) fn verify(signed: &Signed<Report>, org: Option<Uuid>, keys: &Trusted) -> Outcome {
    let named = signed.statement.text("/org").to_owned();
    let mut outcome = Outcome::named(&named);
    match check(signed, org, keys) {
        Ok((size, signed_by)) => {
            outcome.sealed = Some(size);
            outcome.signed_by = signed_by;
        }
        Err((class, text)) => {
            outcome.class = class;
            outcome.findings.push(text);
            outcome.total = 1;
        }
    }
    outcome
}

fn check(
    signed: &Signed<Report>,
    wanted: Option<Uuid>,
    keys: &Trusted,
) -> Result<(u64, Vec<String>), (Class, String)> {
    let report = signed.open(&keys.export).map_err(|refusal| {
        let class = match refusal {
            SignatureRefusal::UnknownKey(_) => Class::UnknownKey,
            SignatureRefusal::Format(_) | SignatureRefusal::BadSignature(_) => Class::BadContent,
        };
        (class, refusal.to_string())
    })?;
    let bad = |text: &str| (Class::BadContent, text.to_owned());
    let org: Uuid = report
        .text("/org")
        .parse()
        .map_err(|_| bad("it names no organisation"))?;
    if wanted.is_some_and(|wanted| wanted != org) {
        return Err(bad("it is of another organisation"));
    }
    let note = report.text("/ledger/checkpoint");
    let head = checkpoint::open(note, &keys.checkpoint).map_err(|refusal| {
        let class = match refusal {
            NoteError::UnknownKey => Class::UnknownKey,
            NoteError::Malformed | NoteError::BadSignature { .. } | NoteError::NotALine => {
                Class::BadContent
            }
        };
        (class, format!("its checkpoint: {refusal}"))
    })?;
    let origins = keys
        .checkpoint
        .iter()
        .map(|key| tenant_origin(key.name(), org));
    if !origins
        .into_iter()
        .any(|origin| origin == head.checkpoint().origin)
    {
        return Err(bad("its checkpoint is of another log"));
    }
    let mut by = vec![signed.key_name.clone()];
    by.extend(head.signed_by().iter().cloned());
    Ok((head.checkpoint().size, by))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use writ_chain::checkpoint::{Checkpoint, sign};
    use writ_chain::keys::NamedSigner;
    use writ_chain::statement;

    use super::*;

    const ORG: Uuid = Uuid::from_u128(7);

    fn signer(name: &str, seed: u8) -> NamedSigner {
        NamedSigner::from_seed(name, &[seed; 32]).unwrap()
    }

    fn trusted() -> Trusted {
        Trusted {
            checkpoint: vec![signer("log", 1).verifier().clone()],
            export: vec![signer("export", 2).verifier().clone()],
            ..Trusted::default()
        }
    }

    fn report(org: Uuid) -> Signed<Report> {
        let head = Checkpoint {
            origin: tenant_origin("log", org),
            size: 5,
            root: [3; 32],
            extensions: Vec::new(),
        };
        let note = sign(&head, &[&signer("log", 1)]).unwrap();
        let report = json!({"format": Report::FORMATS[0], "org": ORG, "ledger": {"checkpoint": note},
            "summary": {"operated": 3}});
        statement::sign(Report(report), &signer("export", 2)).unwrap()
    }

    #[test]
    fn a_report_verifies_as_it_was_signed() {
        let text = serde_json::to_string(&report(ORG)).unwrap();
        let signed = statement::read(&text).unwrap();
        let outcome = verify(&signed, Some(ORG), &trusted());
        assert_eq!((outcome.class, outcome.sealed), (Class::Clean, Some(5)));
        assert_eq!(outcome.signed_by, ["export", "log"]);
    }

    #[test]
    fn a_changed_or_foreign_report_or_an_unknown_key_is_found() {
        let class = |signed: &Signed<Report>, org| verify(signed, org, &trusted()).class;
        let mut changed = report(ORG);
        changed.statement.0["summary"]["operated"] = 9.into();
        assert_eq!(class(&changed, None), Class::BadContent);
        let other = report(Uuid::from_u128(8));
        assert_eq!(
            class(&other, None),
            Class::BadContent,
            "a head of another log"
        );
        let foreign = Some(Uuid::from_u128(9));
        assert_eq!(class(&report(ORG), foreign), Class::BadContent);
        let stranger = Trusted {
            export: vec![signer("export", 9).verifier().clone()],
            ..trusted()
        };
        let outcome = verify(&report(ORG), None, &stranger);
        assert_eq!(outcome.class, Class::UnknownKey);
    }
}
