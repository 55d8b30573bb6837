//! Who gets through.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::json;
use writ_access::signature::sign_request;
use writ_access::{ApiKey, Role};
use writ_service_kit::Clock;
use writ_service_kit::clock::SystemClock;
use writ_service_kit::routes::LimitsConfig;

use crate::stand::Stand;

fn post(path: &str, key: &ApiKey, body: &str) -> Request<Full<Bytes>> {
    Request::post(path)
        .header("authorization", format!("Bearer {}", key.expose()))
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap()
}

#[tokio::test]
async fn a_role_opens_its_own_routes_and_those_below() {
    let stand = Stand::start().await;
    let viewer = stand.key(Role::Viewer, |_| {});
    let owner = stand.key(Role::Owner, |_| {});
    assert_eq!(
        stand.as_key(&viewer, "/api/v1/read").await.status,
        StatusCode::OK
    );
    assert_eq!(
        stand.send(post("/api/v1/admin", &owner, "")).await.status,
        StatusCode::OK
    );
    let refused = stand.send(post("/api/v1/admin", &viewer, "")).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::FORBIDDEN, "FORBIDDEN")
    );
}

#[tokio::test]
async fn revoked_expired_and_foreign_keys_are_401() {
    let stand = Stand::start().await;
    let revoked = stand.key(Role::Owner, |key| key.revoked = true);
    let expired = stand.key(Role::Owner, |key| key.expires_at_ms = Some(1));
    let unknown = ApiKey::generate(writ_access::Prefix::Live, [200; 32]);
    for key in [revoked, expired, unknown] {
        let answer = stand.as_key(&key, "/api/v1/read").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
}

#[tokio::test]
async fn a_network_is_judged_by_the_nearest_untrusted_hop() {
    let stand = Stand::start().await;
    let bound = stand.key(Role::Viewer, |key| {
        key.cidrs = vec!["203.0.113.0/24".parse().unwrap()]
    });
    let from = async |forwarded: &str| {
        let request = Request::get("/api/v1/read")
            .header("x-api-key", bound.expose())
            .header("x-forwarded-for", forwarded)
            .body(Full::default())
            .unwrap();
        stand.send(request).await.status
    };
    assert_eq!(from("203.0.113.9").await, StatusCode::OK);
    assert_eq!(from("203.0.113.9, 127.0.0.5").await, StatusCode::OK);
    assert_eq!(
        from("203.0.113.9, 198.51.100.1").await,
        StatusCode::UNAUTHORIZED,
        "forged"
    );
    assert_eq!(from("nonsense").await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        stand.as_key(&bound, "/api/v1/read").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_signature_is_checked_over_the_raw_body_which_the_handler_still_gets() {
    let stand = Stand::start().await;
    let key = stand.key(Role::Viewer, |_| {});
    let body = r#"{ "a":  "b\u0000" }"#;
    let now = (SystemClock.now_ms() / 1000).to_string();
    let signed = |over: &str| {
        let mut request = post("/api/v1/lenient", &key, body);
        let signature = sign_request(key.expose(), &now, over.as_bytes());
        request
            .headers_mut()
            .insert("x-execlave-timestamp", now.parse().unwrap());
        request
            .headers_mut()
            .insert("x-execlave-signature", signature.parse().unwrap());
        request
    };
    let answer = stand.send(signed(body)).await;
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::OK, json!({"a": "b\u{fffd}"}))
    );
    let wrong = stand.send(signed("{}")).await;
    assert_eq!(
        (wrong.status, wrong.code().as_str()),
        (StatusCode::UNAUTHORIZED, "SIGNATURE_INVALID")
    );
    let mut half = signed(body);
    half.headers_mut().remove("x-execlave-signature");
    assert_eq!(stand.send(half).await.code(), "SIGNATURE_INVALID");
}

#[tokio::test]
async fn bodies_are_bounded_and_refused_in_words() {
    let stand = Stand::start().await;
    let key = stand.key(Role::Viewer, |_| {});
    let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(100));
    let answer = stand.send(post("/api/v1/strict", &key, &long)).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE")
    );
    let unknown = stand
        .send(post("/api/v1/strict", &key, r#"{"name":"a","x":1}"#))
        .await;
    assert!(
        unknown.json()["error"]["message"]
            .as_str()
            .unwrap()
            .contains("unknown field `x`")
    );
    let blank = stand.send(post("/api/v1/lenient", &key, "")).await;
    assert_eq!((blank.status, blank.json()), (StatusCode::OK, json!({})));
    let deep = stand
        .send(post("/api/v1/lenient", &key, &"[".repeat(100_000)))
        .await;
    assert_eq!(deep.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_encoding_nobody_reads_is_refused_but_left_to_a_deferred_route() {
    let stand = Stand::start().await;
    let owner = stand.key(Role::Owner, |_| {});
    let packed = |path: &str| {
        let mut request = post(path, &owner, "{}");
        let encoding = "br".parse().unwrap();
        request.headers_mut().insert("content-encoding", encoding);
        request
    };
    let lenient = stand.send(packed("/api/v1/lenient")).await;
    assert_eq!(lenient.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let deferred = stand.send(packed("/api/v1/deferred")).await;
    assert_eq!(deferred.json()["allowed"], true);
}

#[tokio::test]
async fn a_deferred_route_answers_refusals_in_its_own_way() {
    let stand = Stand::start().await;
    let revoked = stand.key(Role::Owner, |key| key.revoked = true);
    let answer = stand.send(post("/api/v1/deferred", &revoked, "")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.json()["allowed"], json!(false));
}

#[tokio::test]
async fn limits_are_per_key_and_class_and_say_when_to_come_back() {
    let limits = LimitsConfig {
        control_per_minute: 3,
        enforce_per_minute: 1,
        ..LimitsConfig::default()
    };
    let stand = Stand::with_limits(limits).await;
    let (one, other) = (
        stand.key(Role::Viewer, |_| {}),
        stand.key(Role::Viewer, |_| {}),
    );
    for left in ["2", "1", "0"] {
        let answer = stand.as_key(&one, "/api/v1/read").await;
        assert_eq!(
            (answer.status, &answer.headers["ratelimit-remaining"]),
            (StatusCode::OK, &left.parse().unwrap())
        );
    }
    let over = stand.as_key(&one, "/api/v1/read").await;
    assert_eq!(
        (over.status, over.code().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED")
    );
    assert!(over.headers.contains_key("retry-after") && over.headers["ratelimit-limit"] == "3");
    assert_eq!(
        stand.as_key(&one, "/api/v1/poll").await.status,
        StatusCode::OK
    );
    assert_eq!(
        stand.as_key(&other, "/api/v1/read").await.status,
        StatusCode::OK
    );
    // Enforce never answers 429: its handler is told and says no in its own words.
    stand.send(post("/api/v1/deferred", &one, "")).await;
    let spent = stand.send(post("/api/v1/deferred", &one, "")).await;
    assert_eq!(
        (spent.status, &spent.json()["why"]),
        (StatusCode::FORBIDDEN, &json!("RATE_LIMITED"))
    );
}

#[tokio::test]
async fn the_body_of_a_signed_request_is_not_taken_in_for_an_unknown_key() {
    let stand = Stand::start().await;
    let unknown = ApiKey::generate(writ_access::Prefix::Live, [200; 32]);
    let known = stand.key(Role::Owner, |_| {});
    let too_large = format!(r#"{{"name":"{}"}}"#, "x".repeat(100));
    for (key, status) in [
        (&known, StatusCode::PAYLOAD_TOO_LARGE),
        (&unknown, StatusCode::UNAUTHORIZED),
    ] {
        let mut request = post("/api/v1/strict", key, &too_large);
        let headers = request.headers_mut();
        headers.insert("x-execlave-signature", "v1=00".parse().unwrap());
        assert_eq!(stand.send(request).await.status, status);
    }
}
