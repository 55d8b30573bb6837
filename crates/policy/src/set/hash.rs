//! The hash of a policy set: framed, so that no two contents share their bytes.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::model::Policy;

const DOMAIN: &[u8] = b"writ/policy-set/v2";

/// Hashes policies that are already sorted by id.
pub(super) fn of(policies: &[Policy]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(DOMAIN);
    number(&mut hasher, policies.len());
    for policy in policies {
        add(&mut hasher, policy);
    }
    hasher.finalize().into()
}

fn add(hasher: &mut Sha256, policy: &Policy) {
    hasher.update(policy.id.as_bytes());
    hasher.update(policy.version.to_be_bytes());
    text(hasher, &policy.name);
    text(hasher, policy.policy_type.as_str());
    text(hasher, policy.mode.as_str());
    text(hasher, policy.severity.as_str());
    text(hasher, policy.on_error().as_str());
    hasher.update([u8::from(policy.is_active)]);
    hasher.update(policy.evaluation_order.to_be_bytes());
    let agents = super::agents_of(policy);
    number(hasher, agents.len());
    for agent in agents {
        hasher.update(agent.as_bytes());
    }
    let selectors = &policy.selectors;
    words(hasher, &selectors.tags);
    words(hasher, &selectors.environments);
    words(hasher, &selectors.users);
    let tiers: Vec<String> = selectors.tiers.iter().map(ToString::to_string).collect();
    words(hasher, &tiers);
    number(hasher, policy.prerequisites.len());
    for id in &policy.prerequisites {
        hasher.update(id.as_bytes());
    }
    text(hasher, policy.chain_trigger.as_str());
    value(hasher, &policy.rule_definition);
}

fn words(hasher: &mut Sha256, words: &[String]) {
    number(hasher, words.len());
    for word in words {
        text(hasher, word);
    }
}

/// Objects are hashed in key order, whatever order the map keeps.
fn value(hasher: &mut Sha256, value_: &Value) {
    match value_ {
        Value::Null => hasher.update(b"n"),
        Value::Bool(b) => hasher.update([b'b', u8::from(*b)]),
        Value::Number(n) => {
            hasher.update(b"d");
            text(hasher, &n.to_string());
        }
        Value::String(s) => {
            hasher.update(b"s");
            text(hasher, s);
        }
        Value::Array(items) => {
            hasher.update(b"a");
            number(hasher, items.len());
            for item in items {
                value(hasher, item);
            }
        }
        Value::Object(fields) => {
            hasher.update(b"o");
            number(hasher, fields.len());
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            for (key, field) in sorted {
                text(hasher, key);
                value(hasher, field);
            }
        }
    }
}

fn text(hasher: &mut Sha256, text: &str) {
    number(hasher, text.len());
    hasher.update(text.as_bytes());
}

fn number(hasher: &mut Sha256, n: usize) {
    hasher.update(u64::try_from(n).unwrap_or(u64::MAX).to_be_bytes());
}
