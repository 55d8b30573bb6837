//! A caller that wants a human to decide, whatever the policies let pass.

use super::{Said, policy};
use crate::context::Context;
use crate::decision::Evidence;
use crate::model::{Mode, Phase, PolicyType};
use crate::rule::Verdict;

/// Holds an act that asks for it; what happened already cannot be held.
pub(crate) fn asked(context: &Context<'_>) -> Option<Said> {
    let request = context.request;
    if !request.require_approval || request.phase != Phase::Pre {
        return None;
    }
    let parts: [&[u8]; 1] = [b"asked for approval"];
    let name = "Request: requireApproval".to_owned();
    let policy = policy(
        name,
        &parts,
        PolicyType::ActionApproval,
        Mode::RequireApproval,
    );
    let evidence = Evidence {
        kind: "approval_asked_for".to_owned(),
        location: "requireApproval".to_owned(),
        span: None,
    };
    let message = "the caller asks for approval".to_owned();
    Some((policy, Ok(Verdict::hit(message, vec![evidence]))))
}
