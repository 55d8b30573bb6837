//! Reports about controls: what they count, cite and never say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use http::StatusCode;
use http::header::CONTENT_SECURITY_POLICY;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use writ_chain::leaf::leaf_hash;
use writ_chain::receipt::{Receipt, verify};
use writ_chain::statement::{Signed, Statement, read};
use writ_chain::verify::{Trust, verify_export};
use writ_contract::{Kind, OrgId, wire};

use super::stage::{Stage, checkpoint_key, envelope, org, trusted};

/// The report as anyone reads it from a file.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
struct Report(Value);

impl Statement for Report {
    const FORMATS: &'static [&'static str] = &["writ-compliance-report/1"];

    fn format(&self) -> &str {
        self.0["format"].as_str().unwrap_or_default()
    }
}

/// Facts of the tests happen in September 2026, checkpoints when the tests run.
const WINDOW: &str = "from=2026-09-21&to=2036-12-31";

async fn get(stage: &Stage, key: &str, query: &str) -> Value {
    let path = format!("/api/v1/compliance/reports?{query}");
    let (status, body) = stage.get(&path, key).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    serde_json::from_str(&body).unwrap()
}

async fn report(stage: &Stage, key: &str, framework: &str) -> Value {
    let answer = get(stage, key, &format!("framework={framework}&{WINDOW}")).await;
    answer["data"]["statement"].clone()
}

fn control<'a>(report: &'a Value, id: &str) -> &'a Value {
    let mut controls = report["controls"].as_array().unwrap().iter();
    controls.find(|it| it["id"] == id).unwrap()
}

fn count(control: &Value, evidence: &str) -> u64 {
    let mut pieces = control["evidence"].as_array().unwrap().iter();
    let piece = pieces.find(|it| it["evidence"] == evidence).unwrap();
    piece["count"].as_u64().unwrap()
}

fn pii_policy(active: bool) -> wire::Policy {
    wire::Policy {
        policy_type: "pii_access".into(),
        enforcement_mode: "block".into(),
        is_active: active,
        ..wire::Policy::default()
    }
}

/// A key, a policy on personal data, an agent and twelve decisions: fifteen entries.
async fn with_decisions(stage: &Stage, org: OrgId) -> String {
    let key = stage.key(org, "admin").await;
    stage.publish(org, "pol_1", 1, &pii_policy(true)).await;
    stage.publish(org, "a", 1, &wire::Agent::default()).await;
    stage.decisions(org, 1, &(1..=12).collect::<Vec<_>>()).await;
    stage.sealed(org, 15).await;
    key
}

#[tokio::test]
async fn a_report_says_what_it_counted_and_cites_entries() {
    let stage = Stage::running().await;
    let org = org();
    let key = with_decisions(&stage, org).await;
    // The first day of the record is recorded in part: nobody asked for the rest of it.
    let answer = get(&stage, &key, "framework=hipaa&to=2026-09-30").await;
    let report = &answer["data"]["statement"];
    let access = control(report, "164.312(a)(1)");
    assert_eq!(access["assessment"], "operated", "{access}");
    assert_eq!(count(access, "decisions.recorded"), 12);
    let policy = &access["policies"][0];
    assert_eq!(policy["policyType"], "pii_access");
    assert_eq!(
        (&policy["inForce"], &policy["atEnd"], &policy["changes"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!(policy["firstSeq"], policy["lastSeq"], "{policy}");
    assert!(policy["firstSeq"].is_u64(), "{policy}");
    let samples = access["samples"].as_array().unwrap();
    assert!(samples.len() >= 2, "{samples:?}");
    // Which of two streams is read first is nobody's promise.
    assert_eq!(samples[0]["type"], "policy.updated.v1");
    for sample in samples {
        let (status, receipt) = stage.get(sample["receipt"].as_str().unwrap(), &key).await;
        assert_eq!(status, StatusCode::OK, "{receipt}");
        let receipt = read::<Receipt>(&receipt).unwrap();
        assert!(verify(&receipt, &trusted()).is_ok(), "{sample}");
        let leaf = BASE64.decode(&receipt.statement.leaf).unwrap();
        assert_eq!(sample["hash"], hex::encode(leaf_hash(&leaf)));
    }
    let none = control(report, "164.310(d)(2)(i)");
    assert_eq!(none["assessment"], "no evidence");
    assert!(!none["gaps"].as_array().unwrap().is_empty());
    assert!(!none["recommendations"].as_array().unwrap().is_empty());
    let total = report["controls"].as_array().unwrap().len();
    let summary = &report["summary"];
    let sum = ["operated", "partly", "noEvidence"].map(|it| summary[it].as_u64().unwrap());
    assert_eq!(sum.iter().sum::<u64>(), u64::try_from(total).unwrap());
}

#[tokio::test]
async fn a_policy_counts_from_when_it_was_in_force_until_it_was_not() {
    let stage = Stage::running().await;
    let org = org();
    let key = with_decisions(&stage, org).await;
    stage.publish(org, "pol_1", 2, &pii_policy(false)).await;
    stage.publish(org, "pol_2", 1, &pii_policy(false)).await;
    stage.sealed(org, 17).await;
    let during = report(&stage, &key, "hipaa").await;
    let policy = &control(&during, "164.312(a)(1)")["policies"][0];
    assert_eq!(
        (&policy["inForce"], &policy["atEnd"]),
        (&1.into(), &0.into())
    );
    let answer = get(
        &stage,
        &key,
        "framework=hipaa&from=2026-10-01&to=2026-10-31",
    )
    .await;
    let after = control(&answer["data"]["statement"], "164.312(a)(1)");
    assert_eq!(after["policies"][0]["inForce"], 0, "{after}");
    assert_eq!(after["assessment"], "no evidence");
}

#[tokio::test]
async fn a_hole_in_the_record_is_counted_against_the_control() {
    let stage = Stage::running().await;
    let org = org();
    let key = with_decisions(&stage, org).await;
    stage.decisions(org, 1, &[20]).await;
    stage.sealed(org, 17).await;
    let report = report(&stage, &key, "hipaa").await;
    let audit = control(&report, "164.312(b)");
    assert_eq!(audit["assessment"], "partly", "{audit}");
    assert_eq!(count(audit, "gaps.found"), 1);
    assert_eq!(audit["samples"][0]["type"], "ledger.gap_detected.v1");
}

#[tokio::test]
async fn a_fact_that_comes_twice_is_counted_once() {
    let stage = Stage::running().await;
    let org = org();
    let key = with_decisions(&stage, org).await;
    let packed = stage.decisions(org, 1, &[13, 14]).await;
    stage.append(org, &packed).await;
    stage.decisions(org, 1, &[15]).await;
    stage.sealed(org, 18).await;
    let report = report(&stage, &key, "soc2").await;
    assert_eq!(count(control(&report, "CC2.1"), "decisions.recorded"), 15);
}

#[tokio::test]
async fn the_signature_holds_for_the_report_and_for_nothing_else() {
    let stage = Stage::running().await;
    let org = org();
    let key = with_decisions(&stage, org).await;
    let answer = get(&stage, &key, &format!("framework=gdpr&{WINDOW}")).await;
    let mut signed: Signed<Report> = serde_json::from_value(answer["data"].clone()).unwrap();
    signed.open(&trusted().export).unwrap();
    signed.statement.0["summary"]["operated"] = 99.into();
    assert!(signed.open(&trusted().export).is_err());
}

#[tokio::test]
async fn the_same_report_is_a_page_and_oscal_results() {
    let stage = Stage::running().await;
    let org = org();
    let key = with_decisions(&stage, org).await;
    let path = format!("/api/v1/compliance/reports?framework=iso27001&{WINDOW}");
    let (status, page) = stage.get_as(&path, &key, "text/html,*/*").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    let (_, again) = stage.get(&format!("{path}&format=html"), &key).await;
    assert!(again.starts_with("<!doctype html>"));
    let oscal = get(
        &stage,
        &key,
        &format!("framework=iso27001&{WINDOW}&format=oscal"),
    )
    .await;
    let result = &oscal["assessment-results"]["results"][0];
    let signed = get(&stage, &key, &format!("framework=iso27001&{WINDOW}")).await;
    let controls = signed["data"]["statement"]["controls"].as_array().unwrap();
    for part in ["observations", "findings"] {
        assert_eq!(
            result[part].as_array().unwrap().len(),
            controls.len(),
            "{part}"
        );
    }
    for text in [page, oscal.to_string(), signed.to_string()] {
        let text = text.to_ascii_lowercase();
        assert!(text.contains("evidence"));
        assert!(!text.contains("certified") && !text.contains("compliant"));
    }
}

#[tokio::test]
async fn reports_are_of_ones_own_ledger_and_for_administrators() {
    let stage = Stage::running().await;
    let (org, other) = (org(), org());
    with_decisions(&stage, org).await;
    let foreign = stage.key(other, "admin").await;
    let developer = stage.key(other, "developer").await;
    stage.sealed(other, 2).await;
    let report = report(&stage, &foreign, "soc2").await;
    assert_eq!(count(control(&report, "CC2.1"), "decisions.recorded"), 0);
    for path in ["reports?framework=soc2", "frameworks"] {
        let (status, _) = stage
            .get(&format!("/api/v1/compliance/{path}"), &developer)
            .await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_by_name() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    stage.sealed(org, 1).await;
    for (query, said) in [
        ("framework=pci", "one of: soc2, iso27001"),
        ("framework=soc2&from=soon", "from must be a day"),
        ("framework=soc2&to=2026-01-01T12:00:00Z", "YYYY-MM-DD"),
        ("framework=soc2&from=2026-02-01&to=2026-01-01", "after"),
        (
            "framework=soc2&from=-200000-01-01",
            "between the years 2000",
        ),
        ("framework=soc2&from=2999-01-01", "future"),
        ("framework=soc2&format=pdf", "format"),
        ("from=2026-01-01", "framework"),
        ("framework=soc2&since=2026-01-01", "since"),
    ] {
        let (status, body) = stage
            .get(&format!("/api/v1/compliance/reports?{query}"), &key)
            .await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {body}");
        assert!(body.contains(said), "{query}: {body}");
    }
    let (status, body) = stage.get("/api/v1/compliance/frameworks", &key).await;
    assert_eq!(status, StatusCode::OK);
    let frameworks: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(frameworks["data"].as_array().unwrap().len(), 7);
}

#[tokio::test]
async fn an_erasure_is_an_entry_and_every_proof_stays() {
    let stage = Stage::running().await;
    let org = org();
    let key = with_decisions(&stage, org).await;
    let (_, before) = stage.get("/api/v1/audit/export", &key).await;
    for (version, state) in [(1, "open"), (2, "erasing")] {
        let fact = wire::PrivacyRequest {
            kind: "erasure".into(),
            state: state.into(),
            ..wire::PrivacyRequest::default()
        };
        stage.publish(org, "prq_1", version, &fact).await;
    }
    stage
        .publish(org, "prq_1", 1, &wire::Erasure::default())
        .await;
    // That the export before was begun and was taken are entries too.
    stage.sealed(org, 20).await;
    let (_, after) = stage.get("/api/v1/audit/export", &key).await;
    for (bundle, entries) in [(&before, 15), (&after, 20)] {
        let trust = Trust::new(org.0, vec![checkpoint_key()].into());
        let checked = verify_export(bundle.split_inclusive('\n'), trust);
        assert_eq!(checked.findings, [], "{entries}");
        assert_eq!(checked.entries, entries);
    }
    let entry = |line: &&str| line.starts_with("{\"leaf\"");
    let kept = before.lines().filter(entry);
    assert!(kept.eq(after.lines().filter(entry).take(15)));
    let report = report(&stage, &key, "gdpr").await;
    assert_eq!(count(control(&report, "Art. 17"), "privacy.erased"), 1);
    assert!(count(control(&report, "Art. 5(2)"), "exports.made") >= 1);
}

#[tokio::test]
async fn a_report_says_since_when_there_is_a_record_and_what_part_of_the_window_that_is() {
    let stage = Stage::running().await;
    let org = org();
    let key = with_decisions(&stage, org).await;
    let answer = get(
        &stage,
        &key,
        "framework=hipaa&from=2026-09-01&to=2026-09-30",
    )
    .await;
    let report = &answer["data"]["statement"];
    assert_eq!(report["recording"]["began"], "2026-09-21T14:13:20Z");
    assert_eq!(report["recording"]["windowSeconds"], 30 * 86_400);
    assert_eq!(report["recording"]["recordedSeconds"], 812_800);
    let gap = report["gaps"][0].as_str().unwrap();
    assert!(gap.contains("9 days of 30 days"), "{gap}");
    assert_eq!(report["summary"]["operated"], 0, "a part is not recorded");
    // A day that was asked for is asked for whole.
    let day = get(
        &stage,
        &key,
        "framework=hipaa&from=2026-09-21&to=2026-09-21",
    )
    .await;
    let report = &day["data"]["statement"];
    assert_eq!(report["recording"]["windowSeconds"], 86_400);
    assert_eq!(report["summary"]["operated"], 0, "a part is not recorded");
    // Nobody asked for what was before.
    let answer = get(&stage, &key, "framework=hipaa&to=2026-09-30").await;
    let report = &answer["data"]["statement"];
    assert_eq!(report["window"]["from"], "2026-09-21");
    assert_eq!(control(report, "164.312(a)(1)")["assessment"], "operated");
}

#[tokio::test]
async fn a_report_ends_when_it_is_made() {
    let stage = Stage::running().await;
    let org = org();
    let key = with_decisions(&stage, org).await;
    let answer = get(&stage, &key, &format!("framework=soc2&{WINDOW}&format=all")).await;
    let report = &answer["data"]["report"]["statement"];
    let until: DateTime<Utc> = report["window"]["until"].as_str().unwrap().parse().unwrap();
    assert!(until <= Utc::now() && until > Utc::now() - chrono::TimeDelta::hours(1));
    let result = &answer["data"]["oscal"]["assessment-results"]["results"][0];
    assert_eq!(result["end"], report["window"]["until"]);
    assert!(report["window"]["to"].as_str().unwrap() < "2036");
}

#[tokio::test]
async fn the_three_forms_are_of_one_report() {
    let stage = Stage::running().await;
    let org = org();
    let key = with_decisions(&stage, org).await;
    let answer = get(&stage, &key, &format!("framework=soc2&{WINDOW}&format=all")).await;
    let forms = &answer["data"];
    let signed: Signed<Report> = serde_json::from_value(forms["report"].clone()).unwrap();
    signed.open(&trusted().export).unwrap();
    let signature = forms["report"]["signature"].as_str().unwrap();
    for other in [forms["html"].as_str().unwrap(), &forms["oscal"].to_string()] {
        assert!(other.contains(signature));
    }
}

#[tokio::test]
async fn the_page_is_served_with_the_hash_of_its_style_and_other_forms_load_nothing() {
    let stage = Stage::running().await;
    let org = org();
    let key = with_decisions(&stage, org).await;
    let path = format!("/api/v1/compliance/reports?framework=soc2&{WINDOW}");
    let (status, headers, page) = stage.raw(&format!("{path}&format=html"), &key).await;
    assert_eq!(status, StatusCode::OK);
    let page = String::from_utf8(page).unwrap();
    let (_, rest) = page.split_once("<style>").unwrap();
    let (style, _) = rest.split_once("</style>").unwrap();
    let hash = BASE64.encode(Sha256::digest(style));
    let allowed = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(
        allowed.contains(&format!("style-src 'sha256-{hash}'")),
        "{allowed}"
    );
    assert!(allowed.starts_with("default-src 'none'"), "{allowed}");
    let (_, headers, _) = stage.raw(&path, &key).await;
    assert_eq!(headers.get(CONTENT_SECURITY_POLICY), None, "as everywhere");
}

#[tokio::test]
async fn a_request_of_a_data_subject_is_evidence_of_its_own_kind_and_of_time_only_when_in_time() {
    let stage = Stage::running().await;
    let org = org();
    let key = with_decisions(&stage, org).await;
    let fact = |state: &str, closed_at_us| wire::PrivacyRequest {
        kind: "access".into(),
        state: state.into(),
        due_at_us: 1_790_000_000_000_000,
        closed_at_us,
        ..wire::PrivacyRequest::default()
    };
    let late = Some(1_790_000_000_000_001);
    for (verb, version, fact) in [
        ("received", 1, fact("open", None)),
        ("completed", 2, fact("completed", late)),
    ] {
        let mut stated = envelope(org, "prq_1", version, &fact);
        stated.kind = Kind::of::<wire::PrivacyRequest>(verb);
        stage
            .publish_again::<wire::PrivacyRequest>("prq_1", &stated)
            .await;
    }
    stage.sealed(org, 17).await;
    let report = report(&stage, &key, "gdpr").await;
    let assessment = |id| control(&report, id)["assessment"].as_str().unwrap();
    assert_eq!(assessment("Art. 15"), "partly", "it was late");
    assert_eq!(
        count(control(&report, "Art. 15"), "privacy.answered_late"),
        1
    );
    assert_eq!(assessment("Art. 16"), "no evidence");
    assert_eq!(assessment("Art. 20"), "no evidence");
    let answered = control(&report, "Art. 12");
    assert_eq!(answered["assessment"], "partly");
    assert_eq!(count(answered, "privacy.answered_in_time"), 0);
    assert_eq!(count(answered, "privacy.answered_late"), 1);
}
