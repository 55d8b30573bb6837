//! `tool_integrity` for whoever has no such policy: it only watches.

use std::sync::LazyLock;

use serde_json::json;

use super::id_of;
use crate::context::Context;
use crate::model::{Mode, Policy, PolicyType};
use crate::set::{Entry, PolicySet};

static WATCH: LazyLock<Entry> = LazyLock::new(|| {
    Entry::compile(Policy {
        evaluation_order: 0,
        ..Policy::new(
            id_of(&[b"tool integrity"]),
            "Built-in: tool integrity",
            PolicyType::ToolIntegrity,
            Mode::Monitor,
            json!({}),
        )
    })
});

/// What judges the tools that were sent where no policy in scope does.
pub(crate) fn integrity(set: &PolicySet, context: &Context<'_>) -> Option<&'static Entry> {
    let request = context.request;
    if request.tool_descriptors.is_empty() {
        return None;
    }
    let mut entries = set.in_scope(context.scopes(), request);
    let judged = entries.any(|(_, entry)| entry.policy.policy_type == PolicyType::ToolIntegrity);
    (!judged).then_some(&*WATCH)
}
