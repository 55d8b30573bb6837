use serde_json::json;

use super::*;

#[test]
fn nulls_unknown_fields_and_an_empty_body_are_accepted() {
    let ask = read(br#"{"agentId":null,"input":null,"tools":null,"x":1}"#).unwrap();
    assert_eq!((ask.agent.as_str(), ask.request.input.as_str()), ("", ""));
    assert!(read(b"").is_ok());
}

#[test]
fn a_nul_and_a_lone_surrogate_are_replaced_before_they_are_hashed() {
    let ask = read(br#"{"input":"a\u0000b","metadata":{"k":"\ud800"}}"#).unwrap();
    assert_eq!(ask.request.input, "a\u{fffd}b");
    assert!(
        String::from_utf8(ask.context)
            .unwrap()
            .contains("a\u{fffd}b")
    );
}

#[test]
fn who_is_behind_an_act_is_read_from_the_request_or_its_metadata() {
    let said = br#"{"onBehalfOf":{"userId":"u1","roles":null,"verified":true},"tier":"subagent",
        "delegation":{"chain":["planner"],"parentDecisionId":null},"sessionId":"s1"}"#;
    let inside = format!(r#"{{"metadata":{}}}"#, std::str::from_utf8(said).unwrap());
    let [own, metadata] = [said.as_slice(), inside.as_bytes()].map(|body| read(body).unwrap());
    for request in [&own.request, &metadata.request] {
        assert_eq!(request.person(), "u1");
        assert!(!request.on_behalf_of.as_ref().unwrap().verified);
        assert_eq!(request.tier, Some(Tier::Subagent));
        assert_eq!(request.delegation.as_ref().unwrap().chain.len(), 1);
        assert_eq!(request.session_id, "s1");
    }
}

#[test]
fn nulls_are_absent_and_a_wrong_shape_is_refused_by_name() {
    let nulls = br#"{"onBehalfOf":null,"tier":null,"delegation":null,"phase":null,"output":null,
        "toolDescriptors":null,"sessionId":null,"requireApproval":null,"explain":null}"#;
    assert_eq!(read(nulls).unwrap().request, Request::default());
    for (body, named) in [
        (r#"{"tier":"robot"}"#, "unknown tier 'robot'"),
        (r#"{"phase":"during"}"#, "unknown phase 'during'"),
        (
            r#"{"delegation":{"chain":[7]}}"#,
            "an agent id, or an object",
        ),
        (r#"{"metadata":{"onBehalfOf":"u1"}}"#, "metadata.onBehalfOf"),
        (r#"{"toolDescriptors":[{"tool":1}]}"#, "expected a string"),
    ] {
        let refusal = read(body.as_bytes()).unwrap_err().to_string();
        assert!(refusal.contains(named), "{body}: {refusal}");
    }
}

#[test]
fn an_output_is_text_or_the_text_of_its_json() {
    let output = |body: &str| read(body.as_bytes()).unwrap().request.output;
    assert_eq!(output(r#"{"output":"done"}"#).as_deref(), Some("done"));
    assert_eq!(
        output(r#"{"output":{"a":1}}"#).as_deref(),
        Some(r#"{"a":1}"#)
    );
    assert_eq!(output("{}"), None);
}

#[test]
fn of_a_long_conversation_the_latest_messages_are_read() {
    let messages: Vec<Value> = (0..60).map(|n| json!({"content": n})).collect();
    let body = json!({"conversationHistory": messages}).to_string();
    let read = read(body.as_bytes()).unwrap().request.conversation_history;
    assert_eq!((read.len(), &read[0]), (50, &json!({"content": 10})));
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    assert!(read(br#"{"input":"a","input":"b"}"#).is_err());
    assert!(read(br#"{"input":"a","metadata":{"k":1,"k":2}}"#).is_err());
    assert!(read(b"[]").is_err());
    assert!(read("[".repeat(10_000).as_bytes()).is_err());
}
