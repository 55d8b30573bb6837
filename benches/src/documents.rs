//! What is sent: 1,024 different inputs of about 1 KB, a fifth not ASCII, a tenth with something
//! to find. One repeated buffer would flatter branch prediction.

use serde_json::{Value, json};
use writ_enforcement::api::grpc::v1::EnforceRequest;

const COUNT: usize = 1024;
const WORDS: &[&str] = &[
    "order", "invoice", "customer", "password", "reset", "delivery", "address", "refund", "status",
    "summary", "meeting", "quarter", "report", "ticket", "agent", "policy", "shipment", "account",
];
const FOREIGN: &[&str] = &[
    "größe",
    "straße",
    "naïve",
    "日本語",
    "данные",
    "señor",
    "façade",
];
const DIRTY: &str = "my card is 4111 1111 1111 1111 and my mail is jane.doe@example.com";

/// The inputs.
pub(crate) fn inputs() -> Vec<String> {
    (0..COUNT).map(input).collect()
}

fn input(number: usize) -> String {
    let mut text = format!("Request {number}:");
    let mut state = number as u64 + 1;
    while text.len() < 1000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let pick = (state >> 33) as usize;
        let words = if number.is_multiple_of(5) && pick.is_multiple_of(7) {
            FOREIGN
        } else {
            WORDS
        };
        text.push(' ');
        text.push_str(words.get(pick % words.len()).copied().unwrap_or_default());
    }
    if number.is_multiple_of(10) {
        text.push(' ');
        text.push_str(DIRTY);
    }
    text
}

/// The same act for gRPC.
pub(crate) fn grpc(input: &str) -> EnforceRequest {
    EnforceRequest {
        agent_id: "bench-bot".to_owned(),
        input: input.to_owned(),
        environment: "production".to_owned(),
        tools: vec!["crm.read".to_owned()],
        ..EnforceRequest::default()
    }
}

/// The same act for REST.
pub(crate) fn rest(input: &str) -> Value {
    json!({"agentId": "bench-bot", "input": input, "environment": "production",
           "tools": ["crm.read"]})
}
