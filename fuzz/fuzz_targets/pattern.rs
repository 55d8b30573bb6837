//! An administrator's pattern is refused, or compiles alone and in a union and runs over any text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use writ_fuzz::{decide, policy, request, two_texts};
use writ_policy::schema::validate;
use writ_policy::{PolicySet, PolicyType};

fuzz_target!(|data: &[u8]| {
    let (pattern, input) = two_texts(data);
    for (policy_type, rule) in [
        (
            PolicyType::InjectionScan,
            json!({"patterns": ["night.?fall", pattern]}),
        ),
        (
            PolicyType::PiiAccess,
            json!({"mask_output": true, "custom_patterns": [{"name": "own", "pattern": pattern}]}),
        ),
    ] {
        let valid = validate(policy_type, &rule).is_ok();
        let set = PolicySet::compile(vec![policy(1, policy_type, rule)]);
        let decision = decide(&set, &request(&input));
        assert!(
            !valid || !decision.considered[0].failed,
            "valid, but failed: {pattern}"
        );
    }
});
