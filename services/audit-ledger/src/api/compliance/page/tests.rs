use chrono::NaiveDate;
use uuid::Uuid;

use super::super::oscal;
use super::super::report::{FORMAT, FrameworkOf, LedgerOf, NOTE, Summary, WindowOf};
use super::*;

fn control(title: &str) -> ControlReport {
    ControlReport {
        id: "164.312(a)(1)".into(),
        group: "Technical safeguards".into(),
        title: title.into(),
        assessment: "partly",
        rule: "Some of what the control needs was found (decisions.recorded: 3), and not all."
            .into(),
        policies: vec![PolicyEvidence {
            policy_type: "pii_access".into(),
            in_force: 1,
            at_end: 1,
            changes: 2,
            hits: 3,
        }],
        evidence: vec![EvidenceOf {
            evidence: "gaps.found",
            role: "against",
            what: "holes in the numbers of those who record",
            count: 1,
            first_seq: Some(4),
            last_seq: Some(4),
        }],
        samples: vec![Sample {
            seq: 4,
            hash: "ab".repeat(32),
            r#type: "decision.made.v1".into(),
            action: Some("decision.make".into()),
            actor: Some("key:<script>alert(1)</script>".into()),
            target: None,
            outcome: Some("denied".into()),
            reason_code: None,
            occurred_at: "2026-11-20T10:00:00Z".into(),
            receipt: "/api/v1/audit/entries/7/receipt".into(),
        }],
        gaps: vec!["1 found: holes".into()],
        recommendations: vec!["Find out what was lost.".into()],
    }
}

fn signed(title: &str) -> SignedReportDto {
    let day = |day| NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
    SignedReportDto {
        statement: Report {
            format: FORMAT,
            note: NOTE,
            org: Uuid::from_u128(5),
            framework: FrameworkOf {
                id: "hipaa".into(),
                name: "HIPAA Security Rule".into(),
                edition: "45 CFR 164".into(),
                scope: "Safeguards.".into(),
            },
            window: WindowOf {
                from: day(1),
                to: day(30),
            },
            generated_at: "2026-11-20T10:00:00Z".into(),
            ledger: LedgerOf {
                checkpoint: "writ.test/ledger\n5\n".into(),
                size: 5,
                root_hash: "AA==".into(),
            },
            summary: Summary {
                operated: 0,
                partly: 1,
                no_evidence: 0,
            },
            controls: vec![control(title)],
        },
        key_name: "writ.test/export".into(),
        key_id: "01020304".into(),
        signature: "c2ln".into(),
    }
}

#[test]
fn text_from_outside_is_never_markup() {
    let page = page(&signed("</h3><script>"));
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;/h3&gt;&lt;script&gt;"));
    assert!(page.contains("key:&lt;script&gt;alert(1)"));
}

#[test]
fn the_page_stands_alone() {
    let page = page(&signed("Access control"));
    for outside in ["src=", "@import", "url(", "<link", "http://"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn the_page_and_the_oscal_form_speak_of_evidence_only() {
    let signed = signed("Access control");
    let texts = [page(&signed), oscal::results(&signed).to_string()];
    for text in texts {
        let text = text.to_ascii_lowercase();
        assert!(text.contains("evidence"));
        for word in ["certified", "compliant", "certification"] {
            assert!(!text.contains(word), "{word}");
        }
    }
}
