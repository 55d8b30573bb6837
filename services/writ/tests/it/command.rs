//! Exit codes, help and what a user is told to do.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::{code, err, out, writ, writ_with};

#[test]
fn help_and_version_are_results() {
    let help = writ(&["--help"]);
    assert_eq!(code(&help), 0);
    assert!(out(&help).contains("Exit codes:"), "{}", out(&help));
    assert_eq!(code(&writ(&["--version"])), 0);
    assert!(out(&writ(&["audit", "verify", "--help"])).contains("4  incomplete range"));
}

#[test]
fn a_command_line_that_is_not_understood_ends_with_64() {
    for args in [
        &["agnet"][..],
        &[],
        &["agent", "list", "--limit", "many"],
        &["audit", "verify"],
    ] {
        assert_eq!(code(&writ(args)), 64, "{args:?}");
    }
}

#[test]
fn an_error_is_one_line_that_says_what_to_do() {
    let run = writ(&["agent", "list", "--url", "http://127.0.0.1:9", "--key", "k"]);
    assert_eq!(code(&run), 1);
    assert_eq!(err(&run).lines().count(), 1, "{}", err(&run));
    assert!(err(&run).contains("writ dev"), "{}", err(&run));

    let run = writ(&["agent", "list", "--url", "http://127.0.0.1:9"]);
    assert_eq!(code(&run), 6);
    assert!(err(&run).contains("WRIT_API_KEY"), "{}", err(&run));
}

#[test]
fn a_secret_from_the_environment_is_never_shown() {
    let env = [
        ("WRIT_API_KEY", "hush-hush"),
        ("DATABASE_URL", "postgres://a:hush-hush@h/d"),
    ];
    for args in [
        &["--help"][..],
        &["doctor", "--help"],
        &["doctor"],
        &["agent", "list"],
    ] {
        let run = writ_with(args, &env);
        assert!(
            !out(&run).contains("hush-hush") && !err(&run).contains("hush-hush"),
            "{args:?}"
        );
    }
}

#[test]
fn doctor_names_every_problem_and_what_to_do() {
    let run = writ(&["doctor", "--tools-dir", "/nowhere"]);
    assert_eq!(code(&run), 1);
    let text = out(&run);
    assert_eq!(text.lines().count(), 6, "{text}");
    assert!(
        text.lines().all(|line| line.starts_with("problem")),
        "{text}"
    );
    assert!(
        text.contains("make setup") && text.contains("NATS_URL"),
        "{text}"
    );
}

#[test]
fn completion_scripts_know_the_commands() {
    let run = writ(&["completion", "bash"]);
    assert_eq!(code(&run), 0);
    assert!(out(&run).contains("policy"));
}

#[test]
fn a_call_over_the_limit_is_made_again_when_the_server_says() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let busy = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\n";
    let list = "HTTP/1.1 200 OK\r\n";
    let server = std::thread::spawn(move || {
        for (head, body) in [(busy, "{}"), (list, "{\"data\":[]}")] {
            let (mut caller, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            assert!(caller.read(&mut request).unwrap() > 0);
            let length = body.len();
            let answer =
                format!("{head}connection: close\r\ncontent-length: {length}\r\n\r\n{body}");
            caller.write_all(answer.as_bytes()).unwrap();
        }
    });
    let run = writ(&["agent", "list", "--url", &url, "--key", "k"]);
    server.join().unwrap();
    assert_eq!(code(&run), 0, "{}", err(&run));
    assert!(err(&run).contains("waiting 1 s"), "{}", err(&run));
}

#[test]
fn a_context_is_kept_for_its_owner_only_and_its_key_goes_to_no_other_server() {
    let home = tempfile::tempdir().unwrap();
    let with_home = |args: &[&str], env: &[(&str, &str)]| {
        let mut all = vec![("HOME", home.path().to_str().unwrap())];
        all.extend_from_slice(env);
        writ_with(args, &all)
    };
    let add = ["context", "add", "prod", "--url", "http://127.0.0.1:9"];
    let added = with_home(&add, &[("EXECLAVE_API_KEY", "ag_hush_hush_hush")]);
    assert_eq!(code(&added), 0, "{}", err(&added));
    let file = home.path().join(".config/writ/contexts.json");
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    let list = with_home(&["context", "list", "-o", "jsonl"], &[]);
    assert_eq!(out(&list).lines().count(), 1);
    assert!(out(&list).contains("http://127.0.0.1:9") && !out(&list).contains("hush_hush_hush"));
    // It is tried with the key of the context …
    let run = with_home(&["agent", "list"], &[]);
    assert_eq!(code(&run), 1, "{}", err(&run));
    // … which another server is not given.
    let run = with_home(&["agent", "list", "--url", "http://127.0.0.1:10"], &[]);
    assert_eq!(code(&run), 6, "{}", err(&run));

    assert_eq!(code(&with_home(&["context", "remove", "prod"], &[])), 0);
    assert_eq!(code(&with_home(&["context", "use", "prod"], &[])), 7);
}

#[test]
fn a_route_without_a_command_of_its_own_has_one_from_the_document() {
    let help = writ(&["policy", "create", "--help"]);
    assert_eq!(code(&help), 0);
    assert!(out(&help).contains("--enforcement-mode"), "{}", out(&help));
    let wrong = ["policy", "create", "--enforcement-mode", "maybe"];
    assert_eq!(code(&writ(&wrong)), 64);
    let missing = ["webhook", "rotate-secret"];
    assert_eq!(code(&writ(&missing)), 64);
}

#[test]
fn a_request_from_flags_and_a_file_is_one_body() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut caller, _) = listener.accept().unwrap();
        let mut request = String::new();
        let mut bytes = [0; 4096];
        while !request.contains("from-the-flag") {
            let read = caller.read(&mut bytes).unwrap();
            request.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
        }
        let body = "{\"data\":{\"id\":\"pol_1\"}}";
        let length = body.len();
        let head = "HTTP/1.1 201 Created\r\nconnection: close\r\n";
        let answer = format!("{head}content-length: {length}\r\n\r\n{body}");
        caller.write_all(answer.as_bytes()).unwrap();
        request
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.json");
    std::fs::write(&file, r#"{"name":"from-the-file","isActive":true}"#).unwrap();
    let run = writ(&[
        "policy",
        "create",
        "--url",
        &url,
        "--key",
        "k",
        "--body",
        file.to_str().unwrap(),
        "--name",
        "from-the-flag",
        "--evaluation-order",
        "7",
        "--idempotency-key",
        "once",
        "-o",
        "yaml",
    ]);
    let request = server.join().unwrap();
    assert_eq!(code(&run), 0, "{}", err(&run));
    assert!(out(&run).contains("id: pol_1"), "{}", out(&run));
    assert!(request.starts_with("POST /api/v1/policies "), "{request}");
    assert!(request.contains("idempotency-key: once"), "{request}");
    for said in [r#""evaluationOrder":7"#, r#""isActive":true"#] {
        assert!(request.contains(said), "{request}");
    }
}
