//! An expression is parsed, checked, lowered and run: it never panics and never runs on.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use writ_fuzz::{decide, policy, request, two_texts};
use writ_policy::schema::validate;
use writ_policy::{PolicySet, PolicyType};

fuzz_target!(|data: &[u8]| {
    let (source, input) = two_texts(data);
    let rule = json!({"expression": source});
    let valid = validate(PolicyType::Expression, &rule).is_ok();
    let set = PolicySet::compile(vec![policy(1, PolicyType::Expression, rule)]);
    let decision = decide(&set, &request(&input));
    let considered = &decision.considered[0];
    assert!(valid || considered.failed, "refused, but judged: {source}");
});
