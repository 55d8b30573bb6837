//! Who signed in, as facts.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::json;
use writ_access::Role;
use writ_contract::{Envelope, wire};
use writ_testkit::eventually;

use crate::oidc::{ME, Provider, ada, registered, until};
use crate::stand::Stand;
use crate::switches::kill_postgres;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What was stated of sign-ins, in order.
async fn stated(stand: &Stand) -> Vec<Envelope> {
    let pool = sqlx::PgPool::connect(&stand.db.superuser_url).await;
    let kept: Vec<Vec<u8>> = sqlx::query_scalar(
        "select envelope from control.events where aggregate = 'login' order by id",
    )
    .fetch_all(&pool.unwrap())
    .await
    .unwrap();
    let read = kept.iter().map(|bytes| Envelope::decode(bytes).unwrap());
    read.collect()
}

fn traced(token: &str) -> Request<Body> {
    let request = Request::get(ME).header("authorization", format!("Bearer {token}"));
    request
        .header("traceparent", PARENT)
        .body(Body::empty())
        .unwrap()
}

#[tokio::test]
async fn a_sign_in_is_stated_once_whichever_replica_sees_it() {
    let stand = Stand::start().await;
    let other = stand.replica().await;
    let provider = Provider::start(true).await;
    let issuer = registered(&stand, &provider, json!({})).await;
    let id = ada(&stand, "viewer").await;
    let token = provider.token(json!({"sid": "s1"}));
    for running in [&stand.running, &other] {
        eventually(Duration::from_secs(5), "the member is known", || async {
            match running.send(traced(&token)).await {
                answer if answer.status == StatusCode::OK => Ok(()),
                answer => Err(answer),
            }
        })
        .await;
    }
    let refreshed = provider.token(json!({"sid": "s1", "exp": 4_000_000_000_u64}));
    let calls = [
        stand.running.send(traced(&refreshed)),
        other.send(traced(&refreshed)),
    ];
    futures::future::join_all(calls).await;
    let again = provider.token(json!({"sid": "s2"}));
    stand.call(&again, Method::GET, ME, "").await;

    let stated = stated(&stand).await;
    let seen: Vec<_> = stated
        .iter()
        .map(|it| (it.kind.as_str(), it.version))
        .collect();
    assert_eq!(seen, [("login.seen.v1", 1), ("login.seen.v1", 2)]);
    let first = &stated[0];
    assert_eq!(first.traceparent, PARENT);
    assert_eq!(first.aggregate_id, id);
    let audit = &first.audit;
    assert_eq!(
        (&audit.actor, &audit.action, &audit.target, &audit.outcome),
        (
            &format!("person:{id}"),
            &"login.sign_in".to_owned(),
            &format!("issuer:{issuer}"),
            &"succeeded".to_owned()
        )
    );
    let fact: wire::Login = first.open().unwrap();
    assert_eq!((fact.person, fact.session.len()), (id, 32));
    let bytes = String::from_utf8_lossy(&first.fact).into_owned();
    for secret in ["ada@example.com", "s1", token.as_str()] {
        assert!(!bytes.contains(secret), "{secret} is in the fact");
    }
}

#[tokio::test]
async fn refused_tokens_of_a_known_issuer_are_counted_and_stated_together() {
    let mut stand = Stand::start().await;
    let provider = Provider::start(true).await;
    let issuer = registered(&stand, &provider, json!({})).await;
    ada(&stand, "viewer").await;
    let good = provider.token(json!({}));
    until(&stand, &good, Method::GET, ME, StatusCode::OK).await;
    let late = provider.token(json!({"exp": 1_000}));
    let eve = provider.token(json!({"email": "eve@example.com"}));
    // One token's claims under another's signature.
    let (claims, signed): (Vec<_>, Vec<_>) = (eve.split('.').collect(), good.split('.').collect());
    let forged = [signed[0], claims[1], signed[2]].join(".");
    let elsewhere = provider.token(json!({"iss": "https://id.example.com"}));
    for token in [&late, &late, &late, &eve, &forged, &elsewhere] {
        let answer = stand.call(token, Method::GET, ME, "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
    }
    stand.running.stop().await;
    let stated = stated(&stand).await;
    let mut refused: Vec<_> = stated
        .iter()
        .filter(|it| it.kind.as_str() == "login.refused.v1")
        .map(|it| {
            assert_eq!(it.aggregate_id, issuer);
            assert_eq!(it.audit.outcome, "denied");
            let fact: wire::Login = it.open().unwrap();
            (it.audit.reason_code.as_str(), fact.refused)
        })
        .collect();
    refused.sort_unstable();
    // The first tokens may have come before the member was known.
    let unknown = refused.iter_mut().find(|it| it.0 == "NOT_A_MEMBER");
    let unknown = unknown.map(|it| std::mem::replace(&mut it.1, 1));
    assert!(unknown.is_some_and(|count| count >= 1));
    let once_each = [
        ("NOT_A_MEMBER", 1),
        ("TOKEN_SIGNATURE", 1),
        ("TOKEN_TIME", 3),
    ];
    assert_eq!(refused, once_each);
}

#[tokio::test]
async fn a_store_that_is_away_holds_no_sign_in_up_and_hears_of_it_later() {
    let stand = Stand::breakable().await;
    let agent = stand.agent("bot").await;
    let provider = Provider::start(true).await;
    registered(&stand, &provider, json!({})).await;
    ada(&stand, "admin").await;
    let before = provider.token(json!({"sid": "before"}));
    until(&stand, &before, Method::GET, ME, StatusCode::OK).await;
    kill_postgres(&stand).await;
    let token = provider.token(json!({"sid": "during"}));
    let path = format!("/api/v1/agents/{agent}/pause");
    let paused = stand
        .call(&token, Method::PATCH, &path, r#"{"reason":"drill"}"#)
        .await;
    assert_eq!(paused.status, StatusCode::OK, "{paused:?}");
    stand.postgres.restart();
    eventually(Duration::from_secs(30), "both are stated", || async {
        let owner = stand
            .call(&stand.key(0, Role::Owner), Method::GET, ME, "")
            .await;
        if owner.status != StatusCode::OK {
            return Err(0);
        }
        match stated(&stand).await.len() {
            2 => Ok(()),
            other => Err(other),
        }
    })
    .await;
}
