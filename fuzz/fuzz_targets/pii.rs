//! Findings are in order, apart, on character boundaries, and leave nothing of themselves behind.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use writ_fuzz::{decide, policy, request, two_texts};
use writ_policy::detect::pii::{find, find_in_field};
use writ_policy::{PolicySet, PolicyType};

static SET: LazyLock<PolicySet> = LazyLock::new(|| {
    let rule = json!({"mask_output": true});
    PolicySet::compile(vec![policy(1, PolicyType::PiiAccess, rule)])
});

fuzz_target!(|data: &[u8]| {
    let (text, name) = two_texts(data);
    let found = find(&text);
    for found in [&found, &find_in_field(&name, &text)] {
        let mut last = 0;
        for one in found {
            assert!(last <= one.span.start && one.span.start < one.span.end);
            assert!(text.get(one.span.start..one.span.end).is_some());
            last = one.span.end;
        }
    }
    let redacted = decide(&SET, &request(&text)).redacted_input;
    assert_eq!(redacted.is_some(), !found.is_empty());
    let kept: usize = found.iter().map(|one| one.span.end - one.span.start).sum();
    if let Some(redacted) = redacted {
        let marks: usize = found
            .iter()
            .map(|one| "[REDACTED:]".len() + one.kind.as_str().len())
            .sum();
        assert_eq!(redacted.len(), text.len() - kept + marks);
    }
});
