//! `GET /api/v1/anomalies`.

use http::StatusCode;

use crate::stage::{Stage, org};

#[tokio::test]
async fn a_tenant_sees_only_its_own_findings() {
    let stage = Stage::running().await;
    let (one, two) = (org(), org());
    let (key_one, key_two) = (stage.key(one).await, stage.key(two).await);
    stage.minutes(one, "bot", 0, 30).await;
    stage.minute(one, "bot", 30, 40_000).await;
    stage.anomalies(&key_one, 1).await;
    stage.anomalies(&key_two, 0).await;
}

#[tokio::test]
async fn pages_follow_each_other_and_filters_narrow() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org).await;
    for agent in ["a", "b", "c"] {
        stage.minutes(org, agent, 0, 30).await;
        stage.minute(org, agent, 30, 40_000).await;
    }
    stage.anomalies(&key, 3).await;
    let (_, first) = stage.get("/api/v1/anomalies?limit=2", &key).await;
    let cursor = first["nextCursor"].as_str().unwrap();
    let (_, second) = stage
        .get(&format!("/api/v1/anomalies?limit=2&cursor={cursor}"), &key)
        .await;
    assert_eq!(first["data"].as_array().unwrap().len(), 2);
    assert_eq!(second["data"].as_array().unwrap().len(), 1);
    assert_eq!(second["nextCursor"], serde_json::Value::Null);
    let (_, filtered) = stage
        .get("/api/v1/anomalies?agentId=b&metric=cost", &key)
        .await;
    assert_eq!(filtered["data"][0]["agentId"], "b");
    let (_, none) = stage.get("/api/v1/anomalies?metric=latency", &key).await;
    assert_eq!(none["data"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn bad_queries_and_strangers_are_refused_in_words() {
    let stage = Stage::running().await;
    let key = stage.key(org()).await;
    for query in ["limit=0", "limit=201", "limit=x", "cursor=x", "agnet=b"] {
        let (status, body) = stage.get(&format!("/api/v1/anomalies?{query}"), &key).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(body["error"]["code"], "INVALID_REQUEST");
        assert!(body["error"]["message"].is_string());
    }
    let (status, body) = stage.get("/api/v1/anomalies", "ag_nonsense").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(body["error"]["code"], "INVALID_API_KEY");
}
