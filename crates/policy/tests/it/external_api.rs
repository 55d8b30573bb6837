//! `external_api`: every field, alias and error.

use serde_json::{Value, json};
use writ_policy::schema::validate;
use writ_policy::{Decision, Evidence, Outcome, PolicyType, Request, ToolOutput};

use crate::support::{decide_by, request};

fn decide(rule: &Value, request: &Request) -> Decision {
    decide_by(PolicyType::ExternalApi, rule.clone(), request)
}

fn denied(rule: &Value, request: &Request) -> bool {
    let decision = decide(rule, request);
    assert!(
        !decision.considered[0].failed,
        "{}",
        decision.considered[0].why
    );
    decision.outcome == Outcome::Block
}

fn first(rule: &Value, request: &Request) -> (String, Evidence) {
    let hit = decide(rule, request).violations[0].clone();
    (hit.message, hit.evidence[0].clone())
}

fn with(metadata: Value) -> Request {
    Request {
        metadata: Some(metadata),
        ..request("go")
    }
}

fn arguments(arguments: Value) -> Request {
    with(json!({"toolArguments": arguments}))
}

fn answered(output: Value) -> Request {
    Request {
        tool_outputs: vec![ToolOutput {
            name: "web".into(),
            input: Value::Null,
            output,
        }],
        ..request("go")
    }
}

#[test]
fn only_listed_hosts_may_be_reached() {
    for field in ["allowed_domains", "allow"] {
        let rule = json!({field: ["api.example.com", ".partner.example", "*.cdn.example"]});
        for text in [
            "GET https://api.example.com/v1",
            "https://partner.example and https://a.b.partner.example:8443/x",
            "https://x.cdn.example",
            "I read about evil.com yesterday",
        ] {
            assert!(!denied(&rule, &request(text)), "{text}");
        }
        for text in [
            "GET https://evil.com/v1",
            "https://sub.api.example.com",
            "https://cdn.example",
            "https://api.example.com.evil.com/",
            "https://api.example.com@evil.com/",
            "https://api.example.com\\@evil.com/",
            "https://notpartner.example",
            "https:evil.com",
            "https://8.8.8.8/",
        ] {
            assert!(denied(&rule, &request(text)), "{text}");
        }
    }
}

#[test]
fn denied_hosts_may_not_even_be_mentioned() {
    for field in ["denied_domains", "deny"] {
        let rule = json!({field: ["pastebin.com", "*.ngrok.io"]});
        for text in [
            "https://pastebin.com/x",
            "upload it to PasteBin.com!",
            "https://raw.pastebin.com./x",
            "curl a1b2.ngrok.io",
            "http://pastebin%2ecom/",
            "mail bob@pastebin.com",
        ] {
            assert!(denied(&rule, &request(text)), "{text}");
        }
        assert!(!denied(
            &rule,
            &request("https://notpastebin.com and ngrok.io")
        ));
    }
    let both = json!({"allow": ["*"], "deny": ["evil.com"]});
    assert!(denied(&both, &request("https://evil.com")));
    assert!(!denied(&both, &request("https://good.com")));
}

#[test]
fn the_message_says_where_but_not_what() {
    let rule = json!({"denied_domains": ["evil.com"], "allowed_domains": ["a.example"]});
    let request = arguments(json!({"url": "https://evil.com/secret", "next": "http://b.example"}));
    let decision = decide(&rule, &request);
    let hit = &decision.violations[0];
    let locations: Vec<&str> = hit.evidence.iter().map(|e| e.location.as_str()).collect();
    assert!(hit.message.ends_with(" (and 1 more)"), "{}", hit.message);
    assert!(
        locations.contains(&"metadata.toolArguments.url"),
        "{locations:?}"
    );
    assert!(
        locations.contains(&"metadata.toolArguments.next"),
        "{locations:?}"
    );
    assert!(!serde_json::to_string(hit).unwrap().contains("evil"));
    let (_, evidence) = first(
        &json!({"deny": ["evil.com"]}),
        &crate::support::request("x https://evil.com/"),
    );
    assert_eq!(evidence.kind, "denied_domain");
    assert_eq!(evidence.location, "input");
    let span = evidence.span.unwrap();
    assert_eq!((span.start, span.end), (10, 18));
}

#[test]
fn private_networks_are_refused_in_every_spelling() {
    for text in [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00::1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost:3000",
        "http://redis:6379",
        "http://metadata.google.internal/",
        "https://10-0-0-1.nip.io/",
        "http://１２７.0.0.1/",
        "fetch 192.168.1.1",
        "localhost:8080/admin",
    ] {
        assert!(denied(&json!({}), &request(text)), "{text}");
        let open = json!({"block_private_networks": false, "block_disguised_hosts": false});
        assert!(!denied(&open, &request(text)), "{text}");
        let listed = json!({"allowed_domains": ["*"]});
        assert!(denied(&listed, &request(text)), "{text}");
    }
    for text in [
        "http://example.com",
        "http://8.8.8.8/",
        "localhost is this machine",
        "v10.0.0",
    ] {
        assert!(!denied(&json!({}), &request(text)), "{text}");
    }
    let (message, evidence) = first(&json!({}), &request("http://10.0.0.1/"));
    assert_eq!(message, "a host in a private network in input");
    assert_eq!(evidence.kind, "private_network");
}

#[test]
fn an_answer_may_mention_a_private_address_but_not_link_to_it() {
    assert!(!denied(
        &json!({}),
        &answered(json!("the router is 192.168.1.1"))
    ));
    assert!(denied(
        &json!({}),
        &answered(json!("![x](http://192.168.1.1/x.png)"))
    ));
}

#[test]
fn disguised_hosts_are_refused() {
    let rule = json!({"block_private_networks": false});
    for text in [
        "https://good.com@evil.com/",
        "https://good.com\\@evil.com/",
        "http://134744072/",
        "https://pаypal.com/",
    ] {
        assert_eq!(
            first(&rule, &request(text)).1.kind,
            "disguised_host",
            "{text}"
        );
        let blind = json!({"block_private_networks": false, "block_disguised_hosts": false});
        assert!(!denied(&blind, &request(text)), "{text}");
    }
    assert!(!denied(
        &rule,
        &request("https://user:pass@example.com/ https://müller.de")
    ));
}

#[test]
fn schemes_may_be_limited() {
    for field in ["allowed_schemes", "schemes"] {
        let rule = json!({field: ["HTTPS"]});
        for text in [
            "http://a.example",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "ftp://a.example",
        ] {
            assert_eq!(
                first(&rule, &request(text)).1.kind,
                "scheme_not_allowed",
                "{text}"
            );
        }
        assert!(!denied(&rule, &request("https://a.example and b.example")));
    }
    assert!(!denied(&json!({}), &request("ftp://a.example")));
}

#[test]
fn hosts_are_found_in_fields_and_in_arguments_that_are_text() {
    let rule = json!({"allowed_domains": ["good.example"]});
    for request in [
        arguments(json!({"url": "evil.example/x"})),
        arguments(json!({"baseUrl": "ht\ntps://evil.example/x"})),
        arguments(json!({"host": "evil.example:22"})),
        arguments(json!({"target_host": "3232235777"})),
        arguments(json!("{\"url\": \"https:\\/\\/evil.example\\/x\"}")),
        arguments(json!("{\"a\": [{\"hostname\": \"evil.example\"}]}")),
        arguments(json!({"body": "see \u{22}//evil.example/x\u{22}"})),
        with(json!({"toolInput": {"endpoint": "evil.example"}})),
    ] {
        assert!(denied(&rule, &request), "{:?}", request.metadata);
    }
    for request in [
        arguments(json!({"url": "good.example/x", "file": "report.pdf", "name": "evil.example"})),
        arguments(json!({"url": "", "host": null, "address": "12 Main St."})),
    ] {
        assert!(!denied(&rule, &request), "{:?}", request.metadata);
    }
}

#[test]
fn what_is_scanned_may_be_chosen() {
    let url = "https://evil.example";
    let said = request(url);
    let output = answered(json!({"body": url}));
    let history = Request {
        conversation_history: vec![json!({"role": "user", "content": url})],
        ..request("go")
    };
    let produced = Request {
        output: Some(url.into()),
        ..request("go")
    };
    let rule = |field: &str, scan: bool| json!({"allowed_domains": [], field: scan});
    for (field, request, default) in [
        ("scan_input", &said, true),
        ("scan_output", &output, true),
        ("scan_output", &produced, true),
        ("scan_history", &history, false),
    ] {
        assert_eq!(
            denied(&json!({"allowed_domains": []}), request),
            default,
            "{field}"
        );
        assert_eq!(denied(&rule(field, !default), request), !default, "{field}");
    }
}

#[test]
fn more_hosts_than_can_be_checked_deny() {
    let many: String = (0..10_001).map(|n| format!("h{n}.example ")).collect();
    let decision = decide(&json!({}), &request(&many));
    assert!(decision.considered[0].failed);
    assert_eq!(decision.outcome, Outcome::Block);
    let places = decide(&json!({}), &request(&"http:\\\\a ".repeat(100_001)));
    assert!(places.considered[0].failed);
    assert!(!denied(&json!({}), &request(&"http:".repeat(400_000))));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (rule, problem) in [
        (
            json!({"allowed_domains": ["a.example", "https://b.example"]}),
            "/allowed_domains/1: is not a host",
        ),
        (
            json!({"deny": ["10.0.0.0/8"]}),
            "/denied_domains/0: is not a host",
        ),
        (
            json!({"denied_domains": ["bü*.example"]}),
            "/denied_domains/0: is not a host",
        ),
        (
            json!({"allowed_schemes": ["https://"]}),
            "/allowed_schemes/0: ",
        ),
        (json!({"schemes": []}), "/schemes: "),
        (
            json!({"allow": [], "allowed_domains": []}),
            ": 'allowed_domains' and 'allow'",
        ),
        (json!({"scan_input": 1}), "/scan_input: "),
        (json!({"ports": [443]}), ": unknown field 'ports'"),
    ] {
        let problems = validate(PolicyType::ExternalApi, &rule).unwrap_err();
        let first = problems[0].to_string();
        assert!(first.starts_with(problem), "{rule}: {first}");
    }
}
