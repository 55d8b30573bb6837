//! The bytes of a request: put into canonical form, read, and judged by every detector.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use writ_chain::action::context_of_request;
use writ_fuzz::{decide, policy};
use writ_policy::{PolicySet, PolicyType, Request};

static SET: LazyLock<PolicySet> = LazyLock::new(|| {
    PolicySet::compile(vec![
        policy(1, PolicyType::InjectionScan, json!({})),
        policy(2, PolicyType::PiiAccess, json!({"mask_output": true})),
        policy(3, PolicyType::CostLimit, json!({"daily_budget": 10})),
        policy(
            4,
            PolicyType::ToolInvocation,
            json!({"denied_tools": ["shell.*"]}),
        ),
        policy(
            5,
            PolicyType::Expression,
            json!({"expression": "size(input) > 9 && cost > 1.0"}),
        ),
        policy(
            6,
            PolicyType::AccessControl,
            json!({"rules": [{"effect": "allow", "roles": ["a"], "tools": ["b*"]}]}),
        ),
        policy(7, PolicyType::ActionApproval, json!({})),
        policy(
            8,
            PolicyType::DataRestriction,
            json!({"restricted_words": ["a", "é b"], "allowed_data_sources": ["x"]}),
        ),
        policy(9, PolicyType::AgentToAgent, json!({"max_depth": 1})),
        policy(
            10,
            PolicyType::ExternalApi,
            json!({"denied_domains": ["*.a", "b"], "allowed_domains": ["c.d"]}),
        ),
    ])
});

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _context = context_of_request(text);
    let Ok(mut request) = serde_json::from_str::<Request>(text) else {
        return;
    };
    let _behind = request.read_metadata();
    let decision = decide(&SET, &request);
    let again = serde_json::to_vec(&request).expect("a request is JSON");
    let again = serde_json::from_slice::<Request>(&again).expect("a request reads itself");
    assert_eq!(
        decision,
        decide(&SET, &again),
        "read again, judged otherwise"
    );
});
