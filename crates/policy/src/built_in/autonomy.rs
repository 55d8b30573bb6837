//! The bundles of the autonomy levels, in `autonomy.json`: each level adds to those before it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::id_of;
use crate::model::{Mode, Policy, PolicyType, Severity};
use crate::rule::Broken;
use crate::set::Entry;

/// From the least to the most that an agent may do by itself.
const LEVELS: [&str; 4] = ["observe", "advise", "act_with_approval", "autonomous"];

/// One policy of a bundle.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Draft {
    policy_type: PolicyType,
    enforcement_mode: Mode,
    severity: Severity,
    rule_definition: Value,
}

/// The entries of every level in their order, and how many of them each level has.
struct Bundles {
    entries: Vec<Entry>,
    ends: [usize; LEVELS.len()],
}

static BUNDLES: LazyLock<Bundles> = LazyLock::new(|| {
    let read = serde_json::from_str::<BTreeMap<String, Vec<Draft>>>(include_str!("autonomy.json"));
    let drafts = read.unwrap_or_default();
    let mut entries = Vec::new();
    let ends = LEVELS.map(|level| {
        match drafts.get(level) {
            Some(drafts) => entries.extend(drafts.iter().map(|draft| entry(level, draft.clone()))),
            None => entries.push(unreadable(level)),
        }
        entries.len()
    });
    Bundles { entries, ends }
});

/// The policies of a level, those of the levels before it first; none for an unknown word.
pub(crate) fn bundle(level: &str) -> Option<&'static [Entry]> {
    let place = LEVELS.iter().position(|known| *known == level)?;
    BUNDLES
        .ends
        .get(place)
        .and_then(|end| BUNDLES.entries.get(..*end))
}

fn entry(level: &str, draft: Draft) -> Entry {
    let parts: [&[u8]; 3] = [
        b"autonomy",
        level.as_bytes(),
        draft.policy_type.as_str().as_bytes(),
    ];
    let mut entry = Entry::compile(Policy {
        evaluation_order: 0,
        severity: draft.severity,
        ..Policy::new(
            id_of(&parts),
            format!("Autonomy: {level}"),
            draft.policy_type,
            draft.enforcement_mode,
            draft.rule_definition,
        )
    });
    // These are matched together within a set of policies, and a bundle is in none.
    if !entry.rule.take_patterns().is_empty() || !entry.rule.take_words().is_empty() {
        entry.rule = Box::new(Broken(
            "a bundle has no patterns or words of its own".to_owned(),
        ));
    }
    entry
}

/// A bundle that cannot be read must not be an empty one.
fn unreadable(level: &str) -> Entry {
    let draft = Draft {
        policy_type: PolicyType::AccessControl,
        enforcement_mode: Mode::Block,
        severity: Severity::High,
        rule_definition: Value::Null,
    };
    entry(level, draft)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::validate;

    #[test]
    fn every_level_has_the_types_of_its_bundle_and_of_those_before_it() {
        let types = |level: &str| -> Vec<&str> {
            let entries = bundle(level).unwrap().iter();
            entries
                .map(|entry| entry.policy.policy_type.as_str())
                .collect()
        };
        assert_eq!(types("observe"), ["injection_scan", "pii_access"]);
        let advising = [
            types("observe"),
            vec!["quality_threshold", "output_classification"],
        ]
        .concat();
        assert_eq!(types("advise"), advising);
        let acting = [types("advise"), vec!["action_approval", "access_control"]].concat();
        assert_eq!(types("act_with_approval"), acting);
        let free = [
            acting,
            vec!["cost_limit", "budget_cap", "external_api", "record_limit"],
        ]
        .concat();
        assert_eq!(types("autonomous"), free);
        assert!(bundle("free").is_none());
    }

    #[test]
    fn every_policy_of_a_bundle_is_one_that_could_be_written() {
        for entry in bundle("autonomous").unwrap() {
            let policy = &entry.policy;
            assert_eq!(
                validate(policy.policy_type, &policy.rule_definition),
                Ok(())
            );
            assert!(
                !format!("{:?}", entry.rule).starts_with("Broken"),
                "{}",
                policy.policy_type
            );
        }
    }
}
