//! The report as OSCAL assessment results, <https://pages.nist.gov/OSCAL/>.
//!
//! A finding's status must be one of two words there. It is `satisfied` where the evidence a control
//! needs was found, with the reason `other` and a remark that says so: it is no opinion about the
//! control.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::report::{ControlReport, Report, Sample, SignedReportDto};

const VERSION: &str = "1.0.6";
const NAMES: &str = "https://writ.dev/ns/oscal";

/// The whole document.
pub(super) fn results(signed: &SignedReportDto) -> Value {
    let report = &signed.statement;
    let ids = Ids(report);
    let until = &report.window.until;
    let title = format!(
        "{}: evidence from the audit ledger, {} to {}",
        report.framework.name, report.window.from, report.window.to
    );
    let remarks: Vec<&str> = std::iter::once(report.note)
        .chain(report.gaps.iter().map(String::as_str))
        .collect();
    let observations: Vec<Value> = report
        .controls
        .iter()
        .map(|it| observation(it, &ids))
        .collect();
    let findings: Vec<Value> = report.controls.iter().map(|it| finding(it, &ids)).collect();
    let controls = report.controls.iter();
    let selected: Vec<Value> = controls
        .map(|it| json!({"control-id": token(&it.id)}))
        .collect();
    json!({"assessment-results": {
        "uuid": ids.of("document"),
        "metadata": {
            "title": title,
            "last-modified": report.generated_at,
            "version": report.format,
            "oscal-version": VERSION,
            "props": [
                property("organization", &report.org.to_string()),
                property("framework", &report.framework.id),
                property("recorded-since", &report.recording.began),
                property("first-checkpoint", &report.recording.first_checkpoint),
                property("recorded-seconds", &report.recording.recorded_seconds.to_string()),
                property("window-seconds", &report.recording.window_seconds.to_string()),
                property("ledger-size", &report.ledger.size.to_string()),
                property("ledger-root", &report.ledger.root_hash),
                property("signing-key", &format!("{}+{}", signed.key_name, signed.key_id)),
                property("report-signature", &signed.signature),
            ],
            "remarks": remarks.join(" "),
        },
        "import-ap": {"href": format!("#{}", ids.of("plan"))},
        "results": [{
            "uuid": ids.of("result"),
            "title": title,
            "description": report.framework.scope,
            "start": format!("{}T00:00:00Z", report.window.from),
            "end": until,
            "reviewed-controls": {"control-selections": [{"include-controls": selected}]},
            "observations": observations,
            "findings": findings,
        }],
        "back-matter": {"resources": [{
            "uuid": ids.of("plan"),
            "title": "No assessment plan",
            "description": "The report was made from the ledger by the catalogue of its framework.",
        }]},
    }})
}

fn observation(control: &ControlReport, ids: &Ids<'_>) -> Value {
    let mut properties = vec![property("assessment", control.assessment)];
    let evidence = control.evidence.iter();
    properties.extend(evidence.map(|it| property(it.evidence, &it.count.to_string())));
    let policies = control.policies.iter();
    properties.extend(policies.map(|it| {
        property(
            &format!("policy.{}", it.policy_type),
            &it.in_force.to_string(),
        )
    }));
    let watching = control.policies.iter().filter(|it| it.watching > 0);
    properties.extend(watching.map(|it| {
        property(
            &format!("policy-watching.{}", it.policy_type),
            &it.watching.to_string(),
        )
    }));
    let mut observation = json!({
        "uuid": ids.of(&format!("observation {}", control.id)),
        "title": format!("{} {}", control.id, control.title),
        "description": control.rule,
        "props": properties,
        "methods": ["EXAMINE"],
        "collected": ids.0.generated_at,
    });
    // An empty list is not allowed.
    if !control.samples.is_empty() {
        let cited: Vec<Value> = control.samples.iter().map(cited).collect();
        insert(&mut observation, "relevant-evidence", cited.into());
    }
    observation
}

fn cited(sample: &Sample) -> Value {
    let what = sample.action.as_deref().unwrap_or(&sample.r#type);
    json!({
        "href": sample.receipt,
        "description": format!("Entry {} of the ledger: {what}", sample.seq),
        "props": [property("seq", &sample.seq.to_string()), property("leaf-hash", &sample.hash)],
    })
}

fn finding(control: &ControlReport, ids: &Ids<'_>) -> Value {
    let found = control.assessment == "operated";
    let mut remarks = control.gaps.clone();
    remarks.extend(control.recommendations.iter().cloned());
    remarks.push("The status says whether the evidence was found; it is no opinion.".to_owned());
    json!({
        "uuid": ids.of(&format!("finding {}", control.id)),
        "title": format!("{} {}", control.id, control.title),
        "description": control.rule,
        "target": {
            "type": "objective-id",
            "target-id": token(&control.id),
            "status": {
                "state": if found { "satisfied" } else { "not-satisfied" },
                "reason": "other",
                "remarks": remarks.join(" "),
            },
        },
        "related-observations": [
            {"observation-uuid": ids.of(&format!("observation {}", control.id))}
        ],
    })
}

fn insert(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

fn property(name: &str, value: &str) -> Value {
    json!({"name": name, "ns": NAMES, "value": value})
}

/// An identifier as OSCAL writes it: a letter first, then letters, digits, `.`, `-` and `_`.
fn token(id: &str) -> String {
    let mut token = String::new();
    for c in id.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || c == '.' => token.push(c.to_ascii_lowercase()),
            _ if !token.is_empty() && !token.ends_with(['-', '.']) => token.push('-'),
            _ => {}
        }
    }
    let token = token.trim_end_matches(['-', '.']);
    if token.starts_with(|c: char| c.is_ascii_alphabetic()) {
        token.to_owned()
    } else {
        format!("s-{token}")
    }
}

/// Ids of the document's parts: of the report and the part's name, so that a report that is shown
/// twice has the same.
struct Ids<'a>(&'a Report);

impl Ids<'_> {
    fn of(&self, part: &str) -> Uuid {
        let report = self.0;
        let what = format!(
            "{} {} {} {} {} {} {part}",
            report.format,
            report.org,
            report.framework.id,
            report.window.from,
            report.window.to,
            report.generated_at
        );
        let digest = Sha256::digest(what);
        let bytes = digest.first_chunk::<16>().copied().unwrap_or_default();
        // OSCAL knows UUIDs of versions 4 and 5 only.
        uuid::Builder::from_sha1_bytes(bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_becomes_a_token() {
        for (id, expected) in [
            ("CC6.1", "cc6.1"),
            ("A.8.15", "a.8.15"),
            ("164.312(a)(2)(i)", "s-164.312-a-2-i"),
            ("Art. 5(1)(b)", "art.5-1-b"),
            ("GOVERN 1.2", "govern-1.2"),
            ("T1", "t1"),
        ] {
            assert_eq!(token(id), expected);
        }
    }
}
