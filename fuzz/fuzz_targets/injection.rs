//! The injection detector scores any text, alone and as a conversation, from 0 to 1000.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use writ_fuzz::{decide, policy, request, two_texts};
use writ_policy::detect::injection::{Origin, scan};
use writ_policy::{PolicySet, PolicyType};

static SET: LazyLock<PolicySet> =
    LazyLock::new(|| PolicySet::compile(vec![policy(1, PolicyType::InjectionScan, json!({}))]));

fuzz_target!(|data: &[u8]| {
    let (text, turn) = two_texts(data);
    for origin in [Origin::User, Origin::Document] {
        let score = scan(&text, origin);
        assert!(score.permille <= 1000);
        assert_eq!(score.permille, scan(&text, origin).permille);
    }
    let mut request = request(&text);
    request.conversation_history = vec![json!({"role": "user", "content": turn})];
    let _decision = decide(&SET, &request);
});
