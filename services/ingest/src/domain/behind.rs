//! Who is behind a trace: the person, the kind of caller, the agents it was handed down by. A trace
//! is evidence and is never refused for what it says here: what cannot be read is left out.

use serde_json::Value;
use writ_contract::DecisionId;

use super::fields::Fields;

/// Agents of a chain that are kept, and the length of each name.
const HOPS: usize = 16;
const NAME: usize = 128;
/// Longest id of a person or session, in bytes; longest tier.
const ID: usize = 512;
const WORD: usize = 32;

/// What one object says: the trace, or its metadata.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Behind {
    pub(super) user_id: String,
    pub(super) session_id: String,
    pub(super) tier: String,
    pub(super) chain: Vec<String>,
    pub(super) parent_decision_id: Option<DecisionId>,
}

impl Behind {
    pub(super) fn of(said: &Fields<'_>) -> Self {
        let read = |field| {
            said.peek(field)
                .and_then(|it| serde_json::from_str(it).ok())
        };
        let object = |field| read(field).unwrap_or(Value::Null);
        let (person, delegation) = (object("onBehalfOf"), object("delegation"));
        let text = |of: &Value, field: &str, most| text(of.get(field), most);
        let user_id = Some(text(&person, "userId", ID)).filter(|id| !id.is_empty());
        let chain = delegation.get("chain").and_then(Value::as_array);
        let parent = text(&delegation, "parentDecisionId", ID);
        Self {
            user_id: user_id.unwrap_or_else(|| text(&person, "email", ID)),
            session_id: self::text(read("sessionId").as_ref(), ID),
            tier: self::text(read("tier").as_ref(), WORD),
            chain: chain.into_iter().flatten().take(HOPS).map(hop).collect(),
            parent_decision_id: parent.parse().ok(),
        }
    }

    /// Fills in what is not known yet.
    pub(super) fn or(self, other: Self) -> Self {
        let filled = |mine: String, theirs| if mine.is_empty() { theirs } else { mine };
        Self {
            user_id: filled(self.user_id, other.user_id),
            session_id: filled(self.session_id, other.session_id),
            tier: filled(self.tier, other.tier),
            chain: if self.chain.is_empty() {
                other.chain
            } else {
                self.chain
            },
            parent_decision_id: self.parent_decision_id.or(other.parent_decision_id),
        }
    }
}

/// An agent of a chain: its id, or an object that names it.
fn hop(hop: &Value) -> String {
    let id = hop.get("agentId").unwrap_or(hop);
    let id = id.as_str().unwrap_or_default();
    id.chars().take(NAME).collect()
}

fn text(value: Option<&Value>, most: usize) -> String {
    let text = value.and_then(Value::as_str).unwrap_or_default();
    if text.len() > most {
        return String::new();
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Behind {
        Behind::of(&Fields::of(text).unwrap())
    }

    #[test]
    fn a_person_a_tier_and_a_chain_are_read() {
        let said = of(
            r#"{"onBehalfOf":{"userId":"","email":"p@x.org"},"tier":"subagent","sessionId":"s",
               "delegation":{"chain":["planner",{"agentId":"worker"}],
               "parentDecisionId":"dec_01980c5e7d4b7c2e9f3a5b6c7d8e9f00"}}"#,
        );
        let (user, tier) = (said.user_id.as_str(), said.tier.as_str());
        assert_eq!((user, tier), ("p@x.org", "subagent"));
        assert_eq!(said.chain, ["planner", "worker"]);
        assert!(said.parent_decision_id.is_some());
        assert_eq!(of("{}").or(said.clone()), said);
    }

    #[test]
    fn what_means_something_else_is_left_out() {
        let other =
            r#"{"onBehalfOf":"me","tier":{"a":1},"delegation":[1],"sessionId":7,"chain":["x"]}"#;
        assert_eq!(of(other), Behind::default());
        let long = format!(r#"{{"tier":"{}"}}"#, "x".repeat(40));
        assert_eq!(of(&long), Behind::default());
        let chain = format!(
            r#"{{"delegation":{{"chain":[{}1]}}}}"#,
            r#""a","#.repeat(40)
        );
        assert_eq!(of(&chain).chain.len(), HOPS);
    }
}
