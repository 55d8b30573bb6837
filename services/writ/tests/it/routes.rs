//! Commands against a server that answers what the test says.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Output;
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::{code, err, out, writ, writ_with};

/// Answers one call with this; what was asked is what the thread ends with.
fn server(status: &str, body: &Value) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let body = body.to_string();
    let answer = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answering = std::thread::spawn(move || {
        let (mut caller, _) = listener.accept().unwrap();
        let request = whole(&mut caller);
        caller.write_all(answer.as_bytes()).unwrap();
        request
    });
    (url, answering)
}

fn whole(caller: &mut impl Read) -> String {
    let mut text = String::new();
    let mut bytes = [0; 4096];
    loop {
        let read = caller.read(&mut bytes).unwrap();
        text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .to_ascii_lowercase()
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
    }
}

/// The command, and the request it made.
fn answered(args: &[&str], status: &str, body: &Value) -> (Output, String) {
    let (url, answering) = server(status, body);
    let run = writ_with(args, &[("WRIT_URL", &url), ("WRIT_API_KEY", "k")]);
    (run, answering.join().unwrap())
}

fn body_of(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn a_list_without_pages_is_written_whole() {
    let list = json!({"data": [{"id": "a"}, {"id": "b"}]});
    for command in [
        &["agent", "discover"][..],
        &["prompt", "list-versions", "--agent-id", "x"],
        &["policy", "list-types"],
        &["policy", "list-false-positives", "pol_1"],
        &["compliance", "list-frameworks"],
    ] {
        let args = [command, &["-o", "json"]].concat();
        let (run, _) = answered(&args, "200 OK", &list);
        assert_eq!(code(&run), 0, "{command:?}: {}", err(&run));
        let written: Value = serde_json::from_str(&out(&run)).unwrap();
        assert_eq!(written, list["data"], "{command:?}");
    }
}

#[test]
fn a_key_is_not_sent_to_the_address_of_a_validator() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let key = [("WRIT_API_KEY", "k")];
    for verb in [
        &["register", "--name", "x"][..],
        &["update", "val_1", "--name", "x"],
    ] {
        let mistaken = [&["validator"], verb, &["--url", &url]].concat();
        let run = writ_with(&mistaken, &key);
        assert_eq!(code(&run), 64, "{}", err(&run));
        for said in ["--validator-url", "WRIT_URL", "--context"] {
            assert!(err(&run).contains(said), "{}", err(&run));
        }
    }
    assert!(listener.accept().is_err(), "somebody was called");
    let help = out(&writ(&["validator", "register", "--help"]));
    assert!(help.contains("--url is something else"), "{help}");
}

#[test]
fn what_a_validator_cannot_do_without_is_asked_for_before_anything_is_sent() {
    let env = [("WRIT_URL", "http://127.0.0.1:9"), ("WRIT_API_KEY", "k")];
    for (args, missing) in [
        (
            &["validator", "register", "--name", "x"][..],
            "--validator-url",
        ),
        (
            &[
                "validator",
                "register",
                "--validator-url",
                "https://v.example/",
            ],
            "--name",
        ),
    ] {
        let run = writ_with(args, &env);
        assert_eq!(code(&run), 64, "{}", err(&run));
        assert!(err(&run).contains(missing), "{}", err(&run));
    }
    let (run, request) = answered(
        &[
            "validator",
            "update",
            "val_1",
            "--validator-url",
            "https://v.example/",
        ],
        "200 OK",
        &json!({"data": {"id": "val_1"}}),
    );
    assert_eq!(code(&run), 0, "{}", err(&run));
    assert_eq!(body_of(&request), json!({"url": "https://v.example/"}));
}

#[test]
fn a_decision_that_is_no_is_written_and_ends_with_5() {
    let violation = json!({"policyName": "no wires", "message": "the tool is denied"});
    let no = json!({"allowed": false, "violations": [violation], "warnings": [], "risk": 80});
    let args = ["policy", "enforce", "--agent-id", "a"];
    for format in ["json", "jsonl", "yaml", "table"] {
        let args = [&args[..], &["-o", format]].concat();
        let (run, _) = answered(&args, "403 Forbidden", &no);
        assert_eq!(code(&run), 5, "{}", err(&run));
        assert!(out(&run).contains("no wires"), "{format}: {}", out(&run));
        assert!(
            err(&run).contains("refused: the tool is denied"),
            "{format}"
        );
    }
    let held = json!({"allowed": false, "requiresApproval": true, "approvalRequestId": "apr_1"});
    let (run, _) = answered(&args, "202 Accepted", &held);
    assert_eq!(code(&run), 5, "{}", err(&run));
    let yes = json!({"allowed": true, "warnings": [], "risk": 0});
    let (run, _) = answered(&args, "200 OK", &yes);
    assert_eq!(code(&run), 0, "{}", err(&run));
}

#[test]
fn a_trace_that_was_not_taken_is_told_and_ends_with_5() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.json");
    std::fs::write(&file, r#"{"traces": []}"#).unwrap();
    let args = ["trace", "ingest", "--body", file.to_str().unwrap()];
    let error = json!({"index": 0, "error": "agentId is required"});
    for accepted in [0, 1] {
        let answer =
            json!({"data": {"accepted": accepted, "rejected": 1}, "errors": [error.clone()]});
        let (run, _) = answered(&args, "202 Accepted", &answer);
        assert_eq!(code(&run), 5, "{}", err(&run));
        assert!(err(&run).contains("agentId is required"), "{}", err(&run));
    }
    let answer = json!({"data": {"accepted": 1, "rejected": 0}});
    let (run, _) = answered(&args, "202 Accepted", &answer);
    assert_eq!(code(&run), 0, "{}", err(&run));
}

#[test]
fn an_error_speaks_of_flags() {
    let message = "this agent id exists in several environments: add ?environment=";
    let error = json!({"error": {"code": "AMBIGUOUS", "message": message}});
    let (run, _) = answered(&["agent", "pause", "rev-1"], "409 Conflict", &error);
    assert!(err(&run).contains("add --environment ("), "{}", err(&run));
}

#[test]
fn a_key_is_created_with_all_that_limits_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    std::fs::write(&file, r#"{"role": "viewer", "name": "of the file"}"#).unwrap();
    let (run, request) = answered(
        &[
            "key",
            "create",
            "ci",
            "--cidr",
            "10.0.0.0/8",
            "--cidr",
            "::1/128",
            "--signature-required",
            "--test",
            "--person",
            "per_1",
            "--environment",
            "staging",
            "--body",
            file.to_str().unwrap(),
        ],
        "201 Created",
        &json!({"data": {"id": "key_1"}}),
    );
    assert_eq!(code(&run), 0, "{}", err(&run));
    let expected = json!({
        "name": "ci", "role": "viewer", "cidrs": ["10.0.0.0/8", "::1/128"], "person": "per_1",
        "signatureRequired": true, "test": true, "environments": ["staging"],
    });
    assert_eq!(body_of(&request), expected);
    let plain = ["key", "create", "ci"];
    let (_, request) = answered(&plain, "201 Created", &json!({"data": {"id": "key_1"}}));
    let expected = json!({"name": "ci", "role": "developer"});
    assert_eq!(body_of(&request), expected);
}

#[test]
fn the_signature_of_a_key_is_required_from_now_on() {
    let (run, request) = answered(
        &[
            "key",
            "update",
            "key_1",
            "--signature-required",
            "true",
            "--if-match",
            "\"1\"",
        ],
        "200 OK",
        &json!({"data": {"id": "key_1", "signatureRequired": true}}),
    );
    assert_eq!(code(&run), 0, "{}", err(&run));
    assert!(
        request.starts_with("PATCH /api/v1/keys/key_1 "),
        "{request}"
    );
    assert!(request.contains("if-match: \"1\""), "{request}");
    assert_eq!(body_of(&request), json!({"signatureRequired": true}));
}

#[test]
fn an_agent_is_registered_with_all_that_bounds_it() {
    let (run, request) = answered(
        &[
            "agent",
            "register",
            "bot",
            "--platform",
            "langchain",
            "--allowed-actions",
            "read",
            "--allowed-actions",
            "write",
            "--allowed-data-sources",
            "crm",
            "--requires-human-approval-for",
            "pay",
            "--metadata",
            r#"{"team": "x"}"#,
        ],
        "201 Created",
        &json!({"data": {"id": "1"}}),
    );
    assert_eq!(code(&run), 0, "{}", err(&run));
    let expected = json!({
        "agentId": "bot", "name": "bot", "environment": "production", "type": "chatbot",
        "platform": "langchain", "allowedActions": ["read", "write"],
        "allowedDataSources": ["crm"], "requiresHumanApprovalFor": ["pay"],
        "metadata": {"team": "x"},
    });
    assert_eq!(body_of(&request), expected);
}

#[test]
fn lists_ask_for_what_their_flags_say() {
    let none = json!({"data": [], "nextCursor": null});
    let time = "2026-11-20T00:00:00Z";
    for (args, asked) in [
        (
            &["agent", "list", "--archived", "--environment", "e"][..],
            &["archived=true", "environment=e"][..],
        ),
        (
            &[
                "trace",
                "list",
                "--environment",
                "e",
                "--since",
                time,
                "--until",
                time,
                "--user",
                "u",
                "--decision",
                "d",
                "--key-id",
                "key_1",
            ],
            &[
                "environment=e",
                "since=2026",
                "until=2026",
                "userId=u",
                "decisionId=d",
                "keyId=key_1",
            ],
        ),
        (&["audit", "log", "--until", time], &["until=2026"]),
    ] {
        let (run, request) = answered(args, "200 OK", &none);
        assert_eq!(code(&run), 0, "{}", err(&run));
        for said in asked {
            assert!(request.contains(said), "{said}: {request}");
        }
    }
    let help = out(&writ(&["audit", "log", "--help"]));
    assert!(help.contains("such as agent.pause\n"), "{help}");
}

#[test]
fn a_webhook_says_what_it_is_for() {
    let (run, request) = answered(
        &[
            "webhook",
            "create",
            "https://h.example/",
            "--event",
            "agent.paused",
            "--description",
            "on call",
        ],
        "201 Created",
        &json!({"data": {"id": "wh_1"}}),
    );
    assert_eq!(code(&run), 0, "{}", err(&run));
    let expected = json!({
        "url": "https://h.example/", "events": ["agent.paused"], "description": "on call",
    });
    assert_eq!(body_of(&request), expected);
}
