//! Bad input on every edge: a clear error body, never a 500 for a client's fault.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::stack::Stack;

/// What no endpoint expects.
fn garbage() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("nothing", Vec::new()),
        ("half an object", b"{\"name\":".to_vec()),
        ("an array", b"[]".to_vec()),
        ("null", b"null".to_vec()),
        ("no UTF-8", vec![0xff, 0xfe, b'{', b'}']),
        ("an unknown field", br#"{"noSuchField":1}"#.to_vec()),
        (
            "wrong types",
            br#"{"name":1,"agentId":[],"traces":{},"url":7,"reason":{}}"#.to_vec(),
        ),
        (
            "a NUL",
            br#"{"name":"a\u0000b","agentId":"\u0000","reason":"\ud800"}"#.to_vec(),
        ),
        ("deep nesting", "[".repeat(50_000).into_bytes()),
        (
            "a long name",
            format!(r#"{{"name":"{}"}}"#, "x".repeat(50_000)).into_bytes(),
        ),
    ]
}

/// Endpoints as `schemas/endpoints.txt` lists them: method and path, with ids filled in.
fn endpoints() -> Vec<(Method, String)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/endpoints.txt");
    let text = std::fs::read_to_string(path).expect("make gen");
    let read = |line: &str| {
        // "<service> <METHOD> <path> <access>"
        let mut words = line.split_whitespace().skip(1);
        let method: Method = words.next()?.parse().ok()?;
        let path = words.next().filter(|p| p.starts_with('/'))?.to_owned();
        let fill = |part: &str| match part.starts_with('{') {
            true => "no%20such%2Fthing".to_owned(),
            false => part.to_owned(),
        };
        Some((
            method,
            path.split('/').map(fill).collect::<Vec<_>>().join("/"),
        ))
    };
    // Socket.IO answers by its own protocol.
    let own = |path: &str| !path.starts_with("/socket.io");
    let all = text.lines().filter_map(read);
    all.filter(|(_, path)| own(path)).collect()
}

#[tokio::test]
async fn garbage_is_refused_with_a_clear_error_on_every_endpoint() {
    let stack = Stack::start().await;
    let all = endpoints();
    assert!(all.len() >= 30, "{} endpoints", all.len());
    // A connection whose request was refused unread may be closed; none is used twice.
    let http = reqwest::Client::builder()
        .pool_max_idle_per_host(0)
        .build()
        .unwrap();
    let mut wrong = Vec::new();
    for (method, path) in all {
        // A server may answer a request whose body it does not read before all of it was sent.
        let read = method != Method::GET && method != Method::DELETE;
        for (what, body) in garbage()
            .into_iter()
            .filter(|(_, body)| read || body.len() < 100)
        {
            let url = format!("{}{path}?limit=-1&cursor=%00", stack.var("WRIT_URL"));
            let request = http.request(method.clone(), url).body(body);
            let request = request.header("x-api-key", stack.var("WRIT_ADMIN_KEY"));
            let answer = request
                .header("content-type", "application/json")
                .send()
                .await;
            let answer = answer.unwrap_or_else(|e| panic!("{method} {path} with {what}: {e}"));
            let status = answer.status();
            // A stream of events never ends.
            if status.is_success() && content_type(&answer) == "text/event-stream" {
                continue;
            }
            let text = answer.text().await.unwrap();
            if let Some(why) = unclear(status, &text) {
                wrong.push(format!(
                    "{method} {path} with {what}: {status} {why}: {text:.200}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn content_type(answer: &reqwest::Response) -> &str {
    let header = answer.headers().get(reqwest::header::CONTENT_TYPE);
    header.and_then(|v| v.to_str().ok()).unwrap_or_default()
}

/// Why an answer is not as clear as it should be.
fn unclear(status: StatusCode, text: &str) -> Option<&'static str> {
    if status.is_server_error() {
        return Some("a server error");
    }
    if status.is_success() {
        return None;
    }
    let body: Value = serde_json::from_str(text).unwrap_or_default();
    if body["allowed"] == Value::Bool(false) {
        return body["violations"][0]["message"]
            .as_str()
            .is_none()
            .then_some("no violation");
    }
    let error = &body["error"];
    let clear = ["code", "message", "requestId"]
        .iter()
        .all(|field| error[field].as_str().is_some_and(|text| !text.is_empty()));
    (!clear).then_some("no error body")
}

#[tokio::test]
async fn a_spent_quota_is_a_402_in_the_form_the_sdk_reads() {
    let stack = Stack::start().await;
    let trace = serde_json::json!({"traceId": "tr_1", "agentId": "bot", "status": "success"});
    let act = serde_json::json!({"agentId": "bot", "input": "hello"});
    for (path, body) in [
        ("/traces/ingest", serde_json::json!({ "traces": [trace] })),
        ("/policies/enforce", act),
    ] {
        let (status, body) = stack
            .call("WRIT_QUOTA_KEY", Method::POST, path, Some(body))
            .await;
        assert_eq!(status, StatusCode::PAYMENT_REQUIRED, "{path}: {body}");
        let error = &body["error"];
        assert_eq!(error["resource"], "maxTracesPerMonth", "{path}: {body}");
        assert_eq!((&error["current"], &error["max"]), (&0.into(), &0.into()));
        for text in ["code", "message", "requestId"] {
            assert!(error[text].as_str().is_some_and(|text| !text.is_empty()));
        }
    }
}
