use super::*;

fn trace(more: &str) -> Result<Trace, InvalidTrace> {
    Trace::read(&format!(r#"{{"traceId":"tr_1","agentId":"a"{more}}}"#))
}

#[test]
fn values_stay_the_text_they_were_sent_in() {
    let read = trace(r#","input": {"b":1,  "a":1e400},"metadata":{ "n":12345678901234567890.10}"#)
        .unwrap();
    assert_eq!(read.input, r#"{"b":1,  "a":1e400}"#);
    assert_eq!(read.metadata, r#"{ "n":12345678901234567890.10}"#);
}

#[test]
fn unknown_fields_are_kept_and_nulls_are_absent() {
    let read = trace(r#","zz":[1, 2],"status":null,"durationMs":null"#).unwrap();
    assert_eq!(read.extra, r#"{"zz":[1, 2]}"#);
    assert_eq!((read.status.as_str(), read.duration_ms), ("", None));
    assert_eq!(read.environment, "production");
}

#[test]
fn who_is_behind_a_trace_is_said_by_itself_or_its_metadata_and_both_stay_as_sent() {
    let metadata = r#"{"tier":"api","sessionId":"m","onBehalfOf":{"userId":"m"}}"#;
    let more = format!(r#","userId":"u","tier":"subagent","metadata":{metadata}"#);
    let read = trace(&more).unwrap();
    let (user, session) = (read.user_id.as_str(), read.session_id.as_str());
    assert_eq!((user, session, read.tier.as_str()), ("u", "m", "subagent"));
    assert_eq!(read.extra, r#"{"tier":"subagent"}"#);
    assert_eq!(read.metadata, metadata);
}

#[test]
fn wrong_fields_are_named() {
    for (more, field) in [
        (r#","durationMs":-1"#, "durationMs"),
        (r#","durationMs":"5""#, "durationMs"),
        (r#","costUsd":-0.5"#, "costUsd"),
        (r#","timestamp":"yesterday""#, "timestamp"),
        (r#","tags":"x""#, "tags"),
        (r#","metadata":[]"#, "metadata"),
    ] {
        let told = trace(more).unwrap_err().to_string();
        assert!(told.starts_with(field), "{more}: {told}");
    }
    assert_eq!(
        Trace::read(r#"{"agentId":"a"}"#),
        Err(InvalidTrace::Missing("traceId"))
    );
    assert_eq!(
        Trace::read(r#"{"traceId":"t"}"#),
        Err(InvalidTrace::Missing("agentId"))
    );
    assert_eq!(Trace::read("[]"), Err(InvalidTrace::NotAnObject));
}

#[test]
fn a_decision_is_linked_by_its_id_and_nothing_else() {
    let id = "dec_01980c5e7d4b7c2e9f3a5b6c7d8e9f00";
    let linked = trace(&format!(
        r#","metadata":{{"enforcement":{{"source":"writ:{id}"}}}}"#
    ));
    assert_eq!(linked.unwrap().decision_id, id.parse().ok());
    for source in ["policy_engine", "writ:", "writ:x", "dec_1"] {
        let other = trace(&format!(
            r#","metadata":{{"enforcement":{{"source":"{source}"}}}}"#
        ));
        assert_eq!(other.unwrap().decision_id, None);
    }
}

#[test]
fn of_a_credential_only_what_it_proved_is_stored() {
    let text = r#"{"traceId":"t","agentId":"a","agentCredential":"exe_agt_secret"}"#;
    let read = Trace::read(text).unwrap();
    assert_eq!(read.credential.sent(), Some("exe_agt_secret"));
    assert!(!format!("{read:?}").contains("secret"));
    for identity in [Identity::Verified, Identity::Unverified, Identity::Forged] {
        let stored = read.stored_text(text, Some(identity));
        assert!(!stored.contains("secret"), "{stored}");
        let again = Trace::read(&stored).unwrap();
        assert_eq!(
            (again.identity(), again.extra.as_str()),
            (identity.as_str(), "")
        );
    }
    assert_eq!(trace("").unwrap().credential.sent(), None);
    assert!(
        trace(r#","agentCredential":{"a":1}"#)
            .unwrap()
            .credential
            .sent()
            .is_some()
    );
}

#[test]
fn times_and_money_are_read_exactly() {
    let read = trace(r#","timestamp":"2026-01-01T00:00:01.000Z","costUsd":0.0125"#).unwrap();
    assert_eq!(read.timestamp_ms, Some(1_767_225_601_000));
    assert_eq!(read.cost_nanos, Some(12_500_000));
}
