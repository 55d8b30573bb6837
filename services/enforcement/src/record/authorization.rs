//! An agent's question about another, as a fact says it.

use writ_contract::{AgentId, GrantId, wire};

use super::{Parts, cut};
use crate::domain::Verdict;

pub(super) fn authorization(parts: &Parts<'_>) -> Option<wire::Authorization> {
    let call = parts.ask.call.as_ref()?;
    let grant = match parts.verdict {
        Verdict::Granted(grant) => Some(grant.id),
        Verdict::Refused(_) | Verdict::Judged(_) => None,
    };
    Some(wire::Authorization {
        target_agent_id: parts.callee.map(AgentId::to_bytes).unwrap_or_default(),
        target: cut(&call.callee),
        action: cut(&call.action),
        grant_id: grant.map(GrantId::to_bytes).unwrap_or_default(),
    })
}
