//! What a trace says about money.

use serde::Deserialize;
use serde_json::value::RawValue;
use writ_contract::{DecisionId, OrgId};

use super::Actor;

/// What an act cost, as its trace tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// Identity of the trace's record.
    pub(crate) trace: String,
    pub(crate) actor: Actor,
    /// The decision it names.
    pub(crate) decision: Option<DecisionId>,
    /// Millionths of a US dollar, rounded up.
    pub(crate) cost_micros: i64,
    /// When it was stored, in microseconds since the Unix epoch.
    pub(crate) at_us: i64,
}

/// The fields of a trace that count here; ingest has checked them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trace<'a> {
    #[serde(default)]
    agent_id: String,
    environment: Option<String>,
    cost_usd: Option<f64>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Metadata {
    enforcement: Option<Enforcement>,
}

#[derive(Deserialize)]
struct Enforcement {
    source: Option<String>,
}

impl Spent {
    /// Reads a trace's JSON text; `None` where it tells no cost.
    #[must_use]
    pub fn read(org: OrgId, trace: &str, text: &str, at_us: i64) -> Option<Self> {
        let read: Trace<'_> = serde_json::from_str(text).ok()?;
        let cost_micros = micros(read.cost_usd?)?;
        let metadata = read.metadata.map(RawValue::get);
        let metadata = metadata.and_then(|m| serde_json::from_str::<Metadata>(m).ok());
        let source = metadata.and_then(|m| m.enforcement?.source);
        let decision = source.and_then(|source| source.strip_prefix("writ:")?.parse().ok());
        let environment = read.environment.filter(|named| !named.is_empty());
        Some(Self {
            trace: trace.to_owned(),
            actor: Actor {
                org,
                agent: read.agent_id,
                environment: environment.unwrap_or_else(|| "production".to_owned()),
            },
            decision,
            cost_micros,
            at_us,
        })
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "below 1e14, which is exact in f64"
)]
fn micros(usd: f64) -> Option<i64> {
    let exact = usd * 1e6;
    let near = exact.round();
    let whole = if (exact - near).abs() < 1e-3 {
        near
    } else {
        exact.ceil()
    };
    (0.0..1e14).contains(&whole).then_some(whole as i64)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn read(text: &str) -> Option<Spent> {
        Spent::read(OrgId(Uuid::from_u128(1)), "t", text, 5)
    }

    #[test]
    fn a_trace_with_a_cost_says_who_spent_it_and_for_which_decision() {
        let id = DecisionId(Uuid::from_u128(7));
        let text = format!(
            r#"{{"agentId":"bot","costUsd":0.29,"metadata":{{"enforcement":{{"source":"writ:{id}"}},"x":[1]}}}}"#
        );
        let spent = read(&text).unwrap();
        assert_eq!((spent.cost_micros, spent.decision), (290_000, Some(id)));
        assert_eq!(spent.actor.agent, "bot");
        assert_eq!(spent.actor.environment, "production");
    }

    #[test]
    fn a_trace_without_a_usable_cost_tells_nothing() {
        for text in [
            r#"{"agentId":"bot"}"#,
            r#"{"agentId":"bot","costUsd":null}"#,
            r#"{"agentId":"bot","costUsd":-1}"#,
            "[]",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        let foreign = r#"{"agentId":"bot","costUsd":1,"metadata":{"enforcement":"sdk"}}"#;
        assert_eq!(read(foreign).unwrap().decision, None);
    }
}
