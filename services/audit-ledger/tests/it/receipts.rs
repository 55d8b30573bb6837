//! A decision has a receipt that anyone can check, and only its own organisation gets it.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::Value;
use uuid::Uuid;
use writ_chain::receipt::{Receipt, verify};
use writ_chain::statement::Signed;
use writ_contract::{DecisionId, Envelope, OrgId, Packed};

use crate::stage::{Stage, org, trusted};

const SCHEMA: &str = include_str!("../../../../schemas/receipt.v1.json");

fn ids(packed: &Packed) -> Vec<String> {
    let id = |record: &writ_contract::Record| Envelope::decode(&record.envelope).unwrap();
    packed
        .records
        .iter()
        .map(|it| id(it).aggregate_id)
        .collect()
}

async fn receipt(stage: &Stage, id: &str, key: &str) -> Value {
    let path = format!("/api/v1/audit/decisions/{id}/receipt");
    let (status, body) = stage.get(&path, key).await;
    assert_eq!(status, StatusCode::OK, "{id}: {body}");
    serde_json::from_str::<Value>(&body).unwrap()["data"].take()
}

fn verified(receipt: &Value) -> u64 {
    let signed: Signed<Receipt> = serde_json::from_value(receipt.clone()).unwrap();
    verify(&signed, &trusted()).unwrap().size()
}

#[tokio::test]
async fn every_decision_of_a_long_log_has_a_receipt_that_verifies() {
    let stage = Stage::running().await;
    let (ours, theirs) = (org(), org());
    let viewer = stage.key(ours, "viewer").await;
    stage.policies(theirs, 1, 3).await;
    let mut all = Vec::new();
    for message in 0..4u64 {
        let numbers: Vec<u64> = (message * 200 + 1..=message * 200 + 200).collect();
        all.extend(ids(&stage.decisions(ours, 1, &numbers).await));
        stage.policies(theirs, 10 + message, 1).await;
    }
    stage.sealed(ours, 801).await;
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    for at in [0, 1, 254, 255, 256, 400, 511, 512, 799] {
        let found = receipt(&stage, &all[at], &viewer).await;
        let problems: Vec<String> = schema
            .iter_errors(&found)
            .map(|it| it.to_string())
            .collect();
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(
            found["statement"]["entry"]["aggregate_id"],
            all[at].as_str()
        );
        assert_eq!(found["statement"]["witnessed"], false);
        assert!(verified(&found) > at as u64);
    }
    let tiles: i64 = sqlx::query_scalar("select count(*) from ledger.tiles where org_id = $1")
        .bind(ours.0)
        .fetch_one(&mut stage.sql().await)
        .await
        .unwrap();
    assert_eq!(tiles, 3, "801 entries are three full tiles");
}

#[tokio::test]
async fn a_bare_uuid_names_the_same_decision() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "viewer").await;
    let id = ids(&stage.decisions(org, 1, &[1]).await).remove(0);
    let bare = id.parse::<DecisionId>().unwrap().0.to_string();
    // Asked at once: the answer waits for the seal.
    assert_eq!(verified(&receipt(&stage, &bare, &key).await), 2);
}

#[tokio::test]
async fn every_entry_has_a_receipt_and_only_a_decisions_names_one() {
    let stage = Stage::running().await;
    let (ours, theirs) = (org(), org());
    let (key, other) = (
        stage.key(ours, "developer").await,
        stage.key(theirs, "owner").await,
    );
    let decision = ids(&stage.decisions(ours, 1, &[1]).await).remove(0);
    stage.policies(ours, 1, 2).await;
    stage.sealed(ours, 4).await;
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let (mut named, mut kinds, mut seq) = (Vec::new(), BTreeSet::new(), 0);
    let path = |seq: u64| format!("/api/v1/audit/entries/{seq}/receipt");
    loop {
        let (status, body) = stage.get(&path(seq), &key).await;
        if status == StatusCode::NOT_FOUND {
            break;
        }
        assert_eq!(status, StatusCode::OK, "{seq}: {body}");
        let found = serde_json::from_str::<Value>(&body).unwrap()["data"].take();
        assert!(schema.is_valid(&found), "{found:#}");
        let statement = &found["statement"];
        assert_eq!(statement["inclusion"]["index"], seq);
        assert_eq!(statement["org"], ours.0.to_string());
        verified(&found);
        named.extend(statement["decisionId"].as_str().map(str::to_owned));
        kinds.insert(statement["entry"]["type"].as_str().unwrap().to_owned());
        seq += 1;
    }
    assert!(seq > 3 && kinds.len() > 2, "{seq} entries: {kinds:?}");
    let (foreign, _) = stage.get(&path(seq - 1), &other).await;
    assert_eq!(foreign, StatusCode::NOT_FOUND);
    assert_eq!(named, [decision]);
    let viewer = stage.key(ours, "viewer").await;
    let (status, _) = stage.get(&path(0), &viewer).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    for nowhere in ["1000000", "18446744073709551615", "-1", "x"] {
        let path = format!("/api/v1/audit/entries/{nowhere}/receipt");
        let (status, body) = stage.get(&path, &key).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{nowhere}: {body}");
    }
}

#[tokio::test]
async fn another_organisations_decision_and_none_at_all_are_not_found() {
    let stage = Stage::running().await;
    let (ours, theirs) = (org(), org());
    let key = stage.key(ours, "owner").await;
    let foreign = ids(&stage.decisions(theirs, 1, &[1]).await).remove(0);
    stage.sealed(theirs, 1).await;
    let old = DecisionId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001)).to_string();
    for id in [
        foreign.as_str(),
        old.as_str(),
        "dec_",
        "nonsense",
        "dec_%25",
    ] {
        let path = format!("/api/v1/audit/decisions/{id}/receipt");
        assert_eq!(
            stage.get(&path, &key).await.0,
            StatusCode::NOT_FOUND,
            "{id}"
        );
    }
}

#[tokio::test]
async fn a_decision_that_may_be_on_its_way_is_to_be_asked_for_again() {
    let stage = Stage::running().await;
    let key = stage.key(org(), "viewer").await;
    let id = DecisionId(Uuid::now_v7());
    let path = format!("/api/v1/audit/decisions/{id}/receipt");
    let (status, body) = stage.get(&path, &key).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        body.contains("NOT_SEALED_YET") && body.contains("AUD0004"),
        "{body}"
    );
}

/// The stored leaf is changed behind the triggers: what comes out would not verify, so nothing does.
#[tokio::test]
async fn no_receipt_is_given_that_would_not_verify() {
    let stage = Stage::running().await;
    let org: OrgId = org();
    let key = stage.key(org, "viewer").await;
    let id = ids(&stage.decisions(org, 1, &[1, 2, 3]).await).remove(1);
    stage.sealed(org, 4).await;
    receipt(&stage, &id, &key).await;
    let mut sql = stage.sql().await;
    sqlx::raw_sql("set session_replication_role = replica")
        .execute(&mut sql)
        .await
        .unwrap();
    let damage = "update ledger.places p set leaf_hash = sha256('x') from ledger.entries e
                  where e.org_id = p.org_id and e.seq = p.seq and e.decision_id <> $1";
    sqlx::query(damage)
        .bind(&id)
        .execute(&mut sql)
        .await
        .unwrap();
    let path = format!("/api/v1/audit/decisions/{id}/receipt");
    let (status, _) = stage.get(&path, &key).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
}
