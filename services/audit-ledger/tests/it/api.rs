//! What the edge shows, and to whom.

use http::StatusCode;
use serde_json::Value;
use writ_chain::verify::{Class, Trust, verify_export};
use writ_contract::wire;
use writ_testkit::eventually;

use crate::stage::{KEY_NAME, SOON, Stage, checkpoint_key, org};

fn seqs(body: &Value) -> Vec<i64> {
    body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["seq"].as_i64().unwrap())
        .collect()
}

async fn json(stage: &Stage, path: &str, key: &str) -> Value {
    let (status, body) = stage.get(path, key).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn the_audit_log_lists_newest_first_and_pages() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "developer").await;
    stage.policies(org, 1, 6).await;
    stage.sealed(org, 7).await;
    let first = json(&stage, "/api/v1/audit-logs?limit=3", &key).await;
    assert_eq!(seqs(&first), [6, 5, 4]);
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = json(
        &stage,
        &format!("/api/v1/audit-logs?limit=3&cursor={cursor}"),
        &key,
    )
    .await;
    assert_eq!(seqs(&second), [3, 2, 1]);
    let entry = &first["data"][0];
    assert_eq!(entry["action"], "policy.update");
    assert_eq!(
        (&entry["actor"], &entry["sealed"]),
        (&"key:key_1".into(), &true.into())
    );
    assert_eq!(entry["hash"].as_str().unwrap().len(), 64);
}

#[tokio::test]
async fn the_audit_log_is_filtered() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    stage.policies(org, 1, 2).await;
    stage.decisions(org, 1, &[1, 2]).await;
    stage.sealed(org, 5).await;
    let count = async |query: &str| {
        seqs(&json(&stage, &format!("/api/v1/audit-logs?{query}"), &key).await).len()
    };
    assert_eq!(count("action=policy.update").await, 2);
    assert_eq!(count("agentId=support").await, 2);
    assert_eq!(
        count("agentId=00000000-0000-0000-0000-000000000004").await,
        2
    );
    assert_eq!(count("actor=key:key_1&action=decision.update").await, 2);
    assert_eq!(count("actor=nobody").await, 0);
    assert_eq!(
        count("since=2026-01-01T00:00:00Z&until=2027-01-01T00:00:00Z").await,
        5
    );
    assert_eq!(count("until=2020-01-01T00:00:00Z").await, 0);
    let decisions = json(&stage, "/api/v1/audit-logs?action=decision.update", &key).await;
    assert!(
        decisions["data"][0]["decisionId"]
            .as_str()
            .unwrap()
            .starts_with("dec_")
    );
    for wrong in [
        "limit=0",
        "limit=201",
        "cursor=x",
        "since=yesterday",
        "what=1",
    ] {
        let (status, body) = stage
            .get(&format!("/api/v1/audit-logs?{wrong}"), &key)
            .await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}: {body}");
    }
}

#[tokio::test]
async fn roles_and_organisations_are_kept_apart() {
    let stage = Stage::running().await;
    let (ours, theirs) = (org(), org());
    let viewer = stage.key(ours, "viewer").await;
    let developer = stage.key(ours, "developer").await;
    let other = stage.key(theirs, "owner").await;
    stage.sealed(ours, 2).await;
    stage.sealed(theirs, 1).await;
    for (path, key, expected) in [
        ("/api/v1/audit-logs", viewer.as_str(), StatusCode::FORBIDDEN),
        (
            "/api/v1/audit/export",
            developer.as_str(),
            StatusCode::FORBIDDEN,
        ),
        ("/api/v1/audit/checkpoint", viewer.as_str(), StatusCode::OK),
        (
            "/api/v1/audit-logs",
            "ag_nonsense",
            StatusCode::UNAUTHORIZED,
        ),
    ] {
        assert_eq!(stage.get(path, key).await.0, expected, "{path}");
    }
    assert_eq!(seqs(&json(&stage, "/api/v1/audit-logs", &other).await), [0]);
    let theirs_note = json(&stage, "/api/v1/audit/checkpoint", &other).await;
    assert_eq!(theirs_note["data"]["size"], 1);
}

#[tokio::test]
async fn the_checkpoint_is_json_or_the_bare_note() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "owner").await;
    stage.sealed(org, 1).await;
    let json = json(&stage, "/api/v1/audit/checkpoint", &key).await;
    let data = &json["data"];
    let (status, text) = stage
        .get_as("/api/v1/audit/checkpoint", &key, "text/plain")
        .await;
    assert_eq!(
        (status, data["checkpoint"].as_str()),
        (StatusCode::OK, Some(text.as_str()))
    );
    assert_eq!(
        data["publicKey"].as_str().unwrap(),
        checkpoint_key().to_string()
    );
    assert_eq!(
        data["origin"].as_str().unwrap(),
        format!("{KEY_NAME}/{}", org.0)
    );
    let note = writ_chain::checkpoint::open(&text, &[checkpoint_key()]).unwrap();
    assert_eq!(note.checkpoint().origin, data["origin"].as_str().unwrap());
}

#[tokio::test]
async fn an_export_verifies_offline_and_a_changed_one_does_not() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    stage.publish(org, "a", 1, &wire::Agent::default()).await;
    for message in 0..4u64 {
        let numbers: Vec<u64> = (message * 300 + 1..=message * 300 + 300).collect();
        stage.decisions(org, 1, &numbers).await;
    }
    stage.sealed(org, 1_202).await;
    let (status, bundle) = stage.get("/api/v1/audit/export", &key).await;
    assert_eq!(status, StatusCode::OK);
    let trust = || Trust::new(org.0, vec![checkpoint_key()].into());
    let report = verify_export(bundle.split_inclusive('\n'), trust());
    assert_eq!((report.findings.len(), report.entries), (0, 1_202));
    let without = bundle
        .split_inclusive('\n')
        .enumerate()
        .filter(|(line, _)| *line != 700)
        .map(|(_, line)| line);
    assert_eq!(verify_export(without, trust()).class(), Class::BadContent);
    let cut = bundle.split_inclusive('\n').take(700);
    assert_eq!(verify_export(cut, trust()).class(), Class::IncompleteRange);
}

#[tokio::test]
async fn before_anything_is_sealed_there_is_no_checkpoint() {
    let stage = Stage::running().await;
    let (with_key, key) = {
        let org = org();
        (org, stage.key(org, "admin").await)
    };
    // The key's own fact is sealed soon; until then the answer says what is missing.
    eventually(SOON, "the checkpoint is there", || async {
        match stage.get("/api/v1/audit/checkpoint", &key).await {
            (StatusCode::OK, _) => Ok(()),
            (StatusCode::NOT_FOUND, body) if body.contains("checkpoint not found") => Err(body),
            (StatusCode::UNAUTHORIZED, body) => Err(body),
            other => panic!("{other:?}"),
        }
    })
    .await;
    stage.sealed(with_key, 1).await;
}
