//! A record of the gate as something that concerns this service.

use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;
use writ_contract::{AgentId, ApprovalId, DecisionId, Envelope, KeyId, PolicyId, Unreadable, wire};
use writ_eventlog::StoredBody;

use super::feed::time;
use crate::domain::{Hold, Party};
use crate::store::Card;

/// A held decision and where its action context is.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) hold: Hold,
    pub(super) body: Option<wire::BodyRef>,
    /// Keyed digest of the person the act is for.
    pub(super) subject: Option<Vec<u8>>,
    /// The trace of the act.
    pub(super) traceparent: String,
}

/// Reads a decision; `None` when it is not a held one.
pub(super) fn read(envelope: &Envelope) -> Result<Option<Held>, Unreadable> {
    let decision: wire::Decision = envelope.open()?;
    if decision.outcome() != wire::Outcome::Hold {
        return Ok(None);
    }
    let malformed = |field: &str| Unreadable::Malformed(format!("{field} of a held decision"));
    let hold = Hold {
        approval: ApprovalId::from_bytes(&decision.approval_id)
            .map_err(|_| malformed("approval_id"))?,
        decision: DecisionId::from_bytes(&decision.decision_id)
            .map_err(|_| malformed("decision_id"))?,
        org: envelope.org,
        agent: match decision.agent_id.as_slice() {
            // Organisations may let agents act that nobody registered.
            [] => AgentId(Uuid::nil()),
            bytes => AgentId::from_bytes(bytes).map_err(|_| malformed("agent_id"))?,
        },
        external_agent: decision.external_agent_id,
        environment: decision.environment,
        action_digest: decision
            .action_digest
            .try_into()
            .map_err(|_| malformed("action_digest"))?,
        policies: decision
            .hits
            .iter()
            .filter_map(|hit| PolicyId::from_bytes(&hit.policy_id).ok())
            .collect(),
        policy_set_hash: decision.policy_set_hash,
        by: Party {
            key: KeyId::from_bytes(&decision.key_id).map_err(|_| malformed("key_id"))?,
            person: Some(decision.person).filter(|person| !person.is_empty()),
        },
        at: time(envelope.occurred_at_us),
    };
    Ok(Some(Held {
        hold,
        body: decision.body,
        subject: decision.user.map(|user| user.digest),
        traceparent: envelope.traceparent.clone(),
    }))
}

/// The parts of a body that a card shows, as JSON text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    action_context: Box<RawValue>,
    violations: Box<RawValue>,
}

/// The card of a body; without a readable one it says so.
pub(super) fn card(body: Option<&StoredBody>) -> Card {
    let read = body.and_then(|body| serde_json::from_slice::<Body>(&body.content).ok());
    Card {
        context_missing: read.is_none(),
        action_context: read
            .as_ref()
            .map(|body| body.action_context.get().to_owned()),
        violations: read.as_ref().map(|body| body.violations.get().to_owned()),
        reason: None,
        subject: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(content: &str) -> StoredBody {
        StoredBody {
            media_type: "application/json".to_owned(),
            content: content.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_card_keeps_the_text_of_the_context() {
        let text = r#"{"actionContext":{"input":"x","metadata":{"n":1.0}},"violations":[]}"#;
        let card = card(Some(&body(text)));
        let context = card.action_context.unwrap();
        assert_eq!(context, r#"{"input":"x","metadata":{"n":1.0}}"#);
        assert_eq!(card.violations.as_deref(), Some("[]"));
        assert!(!card.context_missing);
    }

    #[test]
    fn a_card_without_a_readable_body_says_so() {
        for gone in [None, Some(body("{")), Some(body("[]"))] {
            let card = card(gone.as_ref());
            assert!(card.context_missing && card.action_context.is_none());
        }
    }
}
