//! Every export is in the ledger: who took what, in which form, and how much it was.

use http::StatusCode;
use serde_json::{Value, json};
use writ_chain::leaf::Leaf;
use writ_contract::OrgId;
use writ_testkit::eventually;

use crate::stage::{SOON, Stage, org};

/// The entries about exports, oldest first: type, target, who, and what they say.
async fn noted(stage: &Stage, org: OrgId, count: usize) -> Vec<(String, String, String, Value)> {
    eventually(SOON, "the exports are entries", || async {
        let leaves: Vec<Vec<u8>> = sqlx::query_scalar(
            "select leaf_bytes from ledger.entries
             where org_id = $1 and type like 'ledger.export%' order by seq",
        )
        .bind(org.0)
        .fetch_all(&mut stage.sql().await)
        .await
        .unwrap();
        if leaves.len() == count {
            Ok(leaves)
        } else {
            Err(leaves.len())
        }
    })
    .await
    .iter()
    .map(|leaf| {
        let body = Leaf::parse(leaf).unwrap().entry().unwrap();
        let said = serde_json::from_str(&body.aggregate_id.unwrap()).unwrap();
        (body.kind, body.target.unwrap(), body.actor.unwrap(), said)
    })
    .collect()
}

#[tokio::test]
async fn every_export_is_an_entry_whatever_was_asked_for() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    stage.policies(org, 1, 5).await;
    stage.sealed(org, 6).await;
    let asked = [
        (
            "format=ocsf&action=policy.update",
            "ocsf/1.3.0",
            "entries:0-5",
            5,
            "policy.update",
        ),
        (
            "action=somebody%40example.com",
            "writ-ledger-export/2",
            "entries:0-7",
            0,
            "(matches nothing)",
        ),
        (
            "to=2020-01-01T00:00:00Z",
            "writ-ledger-export/2",
            "entries:none",
            0,
            "",
        ),
    ];
    for (at, (query, format, range, shown, action)) in asked.into_iter().enumerate() {
        let (status, body) = stage
            .get(&format!("/api/v1/audit/export?{query}"), &key)
            .await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let all = noted(&stage, org, at * 2 + 2).await;
        let (begun, done) = (&all[at * 2], &all[at * 2 + 1]);
        assert_eq!(
            (begun.0.as_str(), begun.1.as_str()),
            ("ledger.export_begun.v1", range)
        );
        assert_eq!(
            (done.0.as_str(), done.1.as_str()),
            ("ledger.exported.v1", range)
        );
        assert!(begun.2.starts_with("key:key_") && done.2 == begun.2);
        assert_eq!(
            (&done.3["format"], &done.3["entries"]),
            (&json!(format), &json!(shown))
        );
        assert_eq!(done.3["action"].as_str().unwrap_or_default(), action);
        assert_eq!(begun.3.get("entries"), None);
        // Until they are sealed, an export does not see them.
        stage
            .sealed(org, 6 + i64::try_from(at).unwrap() * 2 + 2)
            .await;
    }
    let all = noted(&stage, org, 6).await;
    assert_eq!(all[5].3["to"], "2020-01-01T00:00:00+00:00");
}

#[tokio::test]
async fn an_export_that_is_broken_off_was_begun() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    for first in [1, 401, 801] {
        let numbers: Vec<u64> = (first..first + 400).collect();
        stage.decisions(org, 1, &numbers).await;
    }
    stage.sealed(org, 1_201).await;
    let request = http::Request::get("/api/v1/audit/export")
        .header("x-api-key", &key)
        .body(axum::body::Body::empty())
        .unwrap();
    let answer = tower::ServiceExt::oneshot(stage.router(), request)
        .await
        .unwrap();
    let mut body = answer.into_body().into_data_stream();
    let first = futures::StreamExt::next(&mut body).await.unwrap().unwrap();
    assert!(first.starts_with(b"{\"checkpoint\""));
    drop(body);
    let all = noted(&stage, org, 1).await;
    assert_eq!(
        (all[0].0.as_str(), all[0].1.as_str()),
        ("ledger.export_begun.v1", "entries:0-1200")
    );
}

#[tokio::test]
async fn an_export_is_of_days_or_instants_and_never_of_nothing() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    stage.policies(org, 1, 3).await;
    stage.sealed(org, 4).await;
    let ask = |query: &str| {
        let path = format!("/api/v1/audit/export?{query}");
        async {
            let path = path;
            stage.get(&path, &key).await
        }
    };
    let (status, body) = ask("from=2026-09-21&to=2026-09-22").await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body.matches("{\"leaf\"").count(), 4, "{body}");
    for (query, said) in [
        ("from=2026-09-22&to=2026-09-21", "from must be before to"),
        (
            "from=2026-09-21&to=2026-09-21T00:00:00Z",
            "from must be before to",
        ),
        ("from=soon", "must be a day like"),
        ("to=-200000-01-01", "must be"),
        ("from=0001-01-01T00:00:00Z", "between the years"),
    ] {
        let (status, body) = ask(query).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {body}");
        assert!(body.contains(said), "{query}: {body}");
    }
}
