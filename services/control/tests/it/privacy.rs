//! Requests of data subjects: what is held, what may be erased, and who says that it is.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use writ_access::Role;
use writ_contract::{OrgId, PrivacyRequestId, Service, Stream, wire};
use writ_eventlog::{Content, Start};
use writ_testkit::eventually;

use crate::stand::{Answer, Stand};

const REQUESTS: &str = "/api/v1/privacy/requests";
const MEMBERS: &str = "/api/v1/members";

async fn receive(stand: &Stand, body: Value) -> Value {
    let answer = stand.owner(Method::POST, REQUESTS, &body.to_string()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.body["data"].clone()
}

fn path(request: &Value, more: &str) -> String {
    format!("{REQUESTS}/{}{more}", request["id"].as_str().unwrap())
}

async fn post(stand: &Stand, path: &str) -> Answer {
    stand.owner(Method::POST, path, "{}").await
}

async fn status(stand: &Stand, request: &Value) -> String {
    let answer = stand.owner(Method::GET, &path(request, ""), "").await;
    answer.body["data"]["status"].as_str().unwrap().to_owned()
}

/// What ingest and approval say when they have erased.
async fn erased(stand: &Stand, request: &Value, who: Service) {
    let id = request["id"].as_str().unwrap();
    let request_id = id.parse::<PrivacyRequestId>().unwrap().to_bytes();
    if who == Service::Ingest {
        let fact = wire::Erasure {
            request_id,
            ..wire::Erasure::default()
        };
        stand.state_as(who, id, "carried_out", &fact).await;
    } else {
        let fact = wire::CardErasure {
            request_id,
            ..wire::CardErasure::default()
        };
        stand.state_as(who, id, "carried_out", &fact).await;
    }
}

#[tokio::test]
async fn a_request_is_received_shown_with_its_end_and_completed() {
    let stand = Stand::start().await;
    let request = receive(
        &stand,
        json!({"type": "access", "subject": "u-1", "note": "by mail"}),
    )
    .await;
    assert_eq!(
        (&request["status"], &request["overdue"]),
        (&"open".into(), &false.into())
    );
    assert_eq!(request["subjects"], json!(["u-1"]));
    let held = stand.owner(Method::GET, &path(&request, "/data"), "").await;
    assert_eq!(held.body["data"]["members"], json!([]), "{held:?}");
    let done = post(&stand, &path(&request, "/complete")).await;
    assert_eq!(done.body["data"]["status"], "completed", "{done:?}");
    let again = post(&stand, &path(&request, "/complete")).await;
    assert_eq!(
        (again.status, again.code()),
        (StatusCode::CONFLICT, "PRIVACY_REQUEST_CLOSED")
    );
    let late = json!({"type": "access", "subject": "u-2", "receivedAt": "2026-01-01T00:00:00Z"});
    assert_eq!(receive(&stand, late).await["overdue"], true);
    let open = stand
        .owner(Method::GET, &format!("{REQUESTS}?status=open"), "")
        .await;
    assert_eq!(open.body["data"].as_array().unwrap().len(), 1, "{open:?}");
}

#[tokio::test]
async fn an_erasure_ends_when_everybody_has_erased_and_no_name_is_left() {
    let stand = Stand::start().await;
    let earlier = receive(
        &stand,
        json!({"type": "access", "subject": "ada@example.com"}),
    )
    .await;
    post(&stand, &path(&earlier, "/complete")).await;
    let agent = json!({"agentId": "bot", "name": "bot", "ownerEmail": "Ada@example.com"});
    let agent = agent.to_string();
    let agent = stand.owner(Method::POST, "/api/v1/agents", &agent).await;
    assert_eq!(
        agent.body["data"]["ownerEmail"], "Ada@example.com",
        "{agent:?}"
    );
    let body = json!({"type": "erasure", "subject": "u-1", "aliases": ["ada@example.com"]});
    let request = receive(&stand, body).await;
    let begun = post(&stand, &path(&request, "/complete")).await;
    assert_eq!(begun.body["data"]["status"], "erasing", "{begun:?}");
    assert_eq!(
        begun.body["data"]["awaiting"],
        json!(["ingest", "approval"])
    );
    erased(&stand, &request, Service::Ingest).await;
    eventually(Duration::from_secs(5), "ingest has erased", || async {
        let answer = stand.owner(Method::GET, &path(&request, ""), "").await;
        let waits = answer.body["data"]["awaiting"] == json!(["approval"]);
        if waits { Ok(()) } else { Err(answer) }
    })
    .await;
    assert_eq!(status(&stand, &request).await, "erasing");
    erased(&stand, &request, Service::Approval).await;
    eventually(
        Duration::from_secs(5),
        "the erasure is complete",
        || async {
            let now = status(&stand, &request).await;
            if now == "completed" { Ok(()) } else { Err(now) }
        },
    )
    .await;
    let mut sql = PgConnection::connect(&stand.db.superuser_url)
        .await
        .unwrap();
    let rows: String = sqlx::query_scalar(
        "select coalesce(string_agg(t::text, ' '), '') from control.privacy_requests t",
    )
    .fetch_one(&mut sql)
    .await
    .unwrap();
    assert!(rows.contains("erasure") && !rows.contains("ada@"), "{rows}");
    let agent = stand.owner(Method::GET, "/api/v1/agents/bot", "").await;
    assert_eq!(agent.body["data"]["ownerEmail"], Value::Null, "{agent:?}");
}

#[tokio::test]
async fn what_was_erased_while_nobody_listened_is_learnt_at_the_next_start() {
    let mut stand = Stand::start().await;
    let request = receive(&stand, json!({"type": "erasure", "subject": "u-1"})).await;
    post(&stand, &path(&request, "/complete")).await;
    stand.running.stop().await;
    erased(&stand, &request, Service::Ingest).await;
    erased(&stand, &request, Service::Approval).await;
    stand.start_again().await;
    eventually(
        Duration::from_secs(5),
        "the erasure is complete",
        || async {
            let now = status(&stand, &request).await;
            if now == "completed" { Ok(()) } else { Err(now) }
        },
    )
    .await;
}

#[tokio::test]
async fn a_member_is_forgotten_only_after_leaving() {
    let stand = Stand::start().await;
    let body = json!({"name": "Ada", "email": "ada@example.com", "role": "viewer"}).to_string();
    let added = stand.owner(Method::POST, MEMBERS, &body).await;
    let member = added.body["data"]["id"].as_str().unwrap().to_owned();
    let request = receive(&stand, json!({"type": "erasure", "subject": member})).await;
    assert_eq!(request["person"], member.as_str());
    assert_eq!(request["subjects"], json!(["ada@example.com", member]));
    let held = stand.owner(Method::GET, &path(&request, "/data"), "").await;
    assert_eq!(held.body["data"]["members"][0]["name"], "Ada", "{held:?}");
    let refused = post(&stand, &path(&request, "/complete")).await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::CONFLICT, "STILL_MEMBER")
    );
    let left = stand
        .owner(Method::DELETE, &format!("{MEMBERS}/{member}"), "")
        .await;
    assert_eq!(left.status, StatusCode::OK, "{left:?}");
    let begun = post(&stand, &path(&request, "/complete")).await;
    assert_eq!(begun.status, StatusCode::OK, "{begun:?}");
    let mut sql = PgConnection::connect(&stand.db.superuser_url)
        .await
        .unwrap();
    let known: i64 = sqlx::query_scalar("select count(*) from control.people where name = 'Ada'")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    assert_eq!(known, 0);
}

#[tokio::test]
async fn a_legal_hold_suspends_erasure() {
    let stand = Stand::start().await;
    let request = receive(&stand, json!({"type": "erasure", "subject": "u-1"})).await;
    let hold = json!({"legalHold": "case 12"}).to_string();
    let held = stand.owner(Method::PATCH, &path(&request, ""), &hold).await;
    assert_eq!(held.body["data"]["legalHold"], "case 12", "{held:?}");
    let refused = post(&stand, &path(&request, "/complete")).await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::CONFLICT, "LEGAL_HOLD")
    );
    let free = r#"{"legalHold": null}"#;
    stand.owner(Method::PATCH, &path(&request, ""), free).await;
    let begun = post(&stand, &path(&request, "/complete")).await;
    assert_eq!(begun.body["data"]["status"], "erasing", "{begun:?}");
}

#[tokio::test]
async fn facts_know_digests_and_tell_of_what_is_overdue() {
    let stand = Stand::start().await;
    let late = json!({"type": "erasure", "subject": "ada@example.com", "note": "Ada wrote",
        "receivedAt": "2026-01-01T00:00:00Z"});
    receive(&stand, late).await;
    stand.replica().await;
    let log = stand.log();
    let filters = vec![log.topology().facts::<wire::PrivacyRequest>()];
    let mut reader = log
        .read(Stream::Control, filters, Start::First)
        .await
        .unwrap();
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let delivered = reader.next().await.unwrap();
        let Content::Fact(envelope) = delivered.content else {
            panic!("a fact")
        };
        assert_eq!(envelope.org, OrgId(stand.orgs[0].id));
        let fact: wire::PrivacyRequest = envelope.open().unwrap();
        let bytes = String::from_utf8_lossy(&envelope.fact).into_owned();
        assert!(!bytes.contains("ada") && !bytes.contains("Ada"), "{bytes}");
        assert_eq!(fact.subject_digests.len(), 1);
        seen.push((envelope.kind.verb().to_owned(), fact.due));
    }
    assert_eq!(
        seen,
        [
            ("received".into(), String::new()),
            ("due".into(), "overdue".into())
        ]
    );
}

#[tokio::test]
async fn requests_are_for_administrators_of_their_own_organisation() {
    let stand = Stand::start().await;
    let request = receive(&stand, json!({"type": "access", "subject": "u-1"})).await;
    let foreign = stand.key(1, Role::Owner);
    let one = path(&request, "");
    for (method, more) in [
        (Method::GET, ""),
        (Method::PATCH, ""),
        (Method::GET, "/data"),
        (Method::POST, "/complete"),
        (Method::POST, "/refuse"),
    ] {
        let path = format!("{one}{more}");
        let answer = stand
            .call(&foreign, method.clone(), &path, r#"{"reason": "x"}"#)
            .await;
        let expected = if method == Method::PATCH {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::NOT_FOUND
        };
        assert_eq!(answer.status, expected, "{method} {more}: {answer:?}");
        let answer = stand.dev(method, &path, "{}").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{more}");
    }
    let answer = stand.call(&foreign, Method::PATCH, &one, "{}").await;
    assert_eq!(answer.code(), "PRIVACY_REQUEST_NOT_FOUND");
    let list = stand.call(&foreign, Method::GET, REQUESTS, "").await;
    assert_eq!(list.body["data"], json!([]));
    let wrong = stand
        .owner(Method::POST, REQUESTS, r#"{"type": "access", "who": 1}"#)
        .await;
    assert!(wrong.message().contains("who"), "{wrong:?}");
    let no_reason = stand
        .owner(Method::POST, &format!("{one}/refuse"), "{}")
        .await;
    assert!(no_reason.message().contains("reason"), "{no_reason:?}");
}
