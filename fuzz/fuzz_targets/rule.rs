//! A type's name and, on the next line, any JSON as its rule: what is valid compiles.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use writ_fuzz::{decide, policy, request};
use writ_policy::schema::validate;
use writ_policy::{PolicySet, PolicyType};

fuzz_target!(|data: &[u8]| {
    let Some((word, json)) = std::str::from_utf8(data)
        .ok()
        .and_then(|t| t.split_once('\n'))
    else {
        return;
    };
    let (Ok(policy_type), Ok(rule)) = (word.parse(), serde_json::from_str::<Value>(json)) else {
        return;
    };
    let valid = validate(policy_type, &rule).is_ok();
    let set = PolicySet::compile(vec![policy(1, policy_type, rule.clone())]);
    let decision = decide(&set, &request("pay 10 to ana@example.com"));
    let considered = &decision.considered[0];
    let broken = considered.why.contains("could not be compiled");
    assert!(
        !(valid && broken),
        "valid {policy_type}, but {}: {rule}",
        considered.why
    );
});
