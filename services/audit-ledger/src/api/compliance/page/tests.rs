use chrono::NaiveDate;
use uuid::Uuid;

use super::super::oscal;
use super::super::report::{FORMAT, FrameworkOf, LedgerOf, NOTE, RecordingOf, Summary, WindowOf};
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
            watching: 0,
            changes: 2,
            hits: 3,
            first_seq: Some(2),
            last_seq: Some(2),
        }],
        evidence: vec![EvidenceOf {
            evidence: "gaps.found",
            role: "against",
            what: "holes in the numbers of those who record",
            count: 1,
            first_seq: Some(4),
            last_seq: Some(4),
            first_size: None,
            last_size: None,
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
                to: day(20),
                until: "2026-11-20T10:00:00Z".into(),
            },
            recording: RecordingOf {
                began: "2026-11-18T09:00:00Z".into(),
                first_checkpoint: "2026-11-18T09:00:01Z".into(),
                window_seconds: 1_677_600,
                recorded_seconds: 176_400,
            },
            gaps: vec!["nothing was recorded before 2026-11-18T09:00:00Z".into()],
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
fn a_browser_applies_the_style_of_the_page_and_nothing_else() {
    let page = page(&signed("Access control"));
    let (_, rest) = page.split_once("<style>").unwrap();
    let (style, rest) = rest.split_once("</style>").unwrap();
    let hash = BASE64.encode(Sha256::digest(style));
    let policy = policy();
    assert!(policy.contains(&format!("style-src 'sha256-{hash}';")));
    assert!(policy.starts_with("default-src 'none';"));
    assert!(!policy.contains("unsafe") && !rest.contains(" style="));
}

#[test]
fn every_form_says_since_when_there_is_a_record_and_until_when_it_was_judged() {
    let signed = signed("Access control");
    let page = page(&signed);
    assert!(page.contains("<p class=\"gap\">nothing was recorded before 2026-11-18T09:00:00Z</p>"));
    assert!(page.contains("Recorded since") && page.contains("Judged until"));
    assert!(page.contains("<dd>2 days of 19 days</dd>"));
    let oscal = oscal::results(&signed);
    let results = &oscal["assessment-results"];
    assert_eq!(results["results"][0]["end"], "2026-11-20T10:00:00Z");
    let metadata = results["metadata"].to_string();
    assert!(
        metadata.contains("nothing was recorded before") && metadata.contains("recorded-since")
    );
    assert!(
        metadata.contains("\"176400\"") && metadata.contains("recorded-seconds"),
        "{metadata}"
    );
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
