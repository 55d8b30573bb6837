//! What is told to whom, and when again. Pure.

pub mod announce;
pub mod endpoint;
pub mod schedule;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use writ_contract::OrgId;

/// What an endpoint can subscribe to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Topic {
    /// A policy hit, in any mode.
    #[serde(rename = "policy.violated")]
    PolicyViolated,
    /// An agent was paused.
    #[serde(rename = "agent.paused")]
    AgentPaused,
    /// An agent was resumed.
    #[serde(rename = "agent.resumed")]
    AgentResumed,
    /// A tool was paused for every agent.
    #[serde(rename = "tool.paused")]
    ToolPaused,
    /// A tool's pause ended.
    #[serde(rename = "tool.resumed")]
    ToolResumed,
    /// A metric of an agent left its band.
    #[serde(rename = "trace.anomaly")]
    TraceAnomaly,
    /// A budget came near its cap or passed it.
    #[serde(rename = "cost.threshold")]
    CostThreshold,
    /// A request of a data subject is due soon, or overdue.
    #[serde(rename = "privacy.due")]
    PrivacyDue,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::PolicyViolated,
        Self::AgentPaused,
        Self::AgentResumed,
        Self::ToolPaused,
        Self::ToolResumed,
        Self::TraceAnomaly,
        Self::CostThreshold,
        Self::PrivacyDue,
    ];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PolicyViolated => "policy.violated",
            Self::AgentPaused => "agent.paused",
            Self::AgentResumed => "agent.resumed",
            Self::ToolPaused => "tool.paused",
            Self::ToolResumed => "tool.resumed",
            Self::TraceAnomaly => "trace.anomaly",
            Self::CostThreshold => "cost.threshold",
            Self::PrivacyDue => "privacy.due",
        }
    }
}

impl std::str::FromStr for Topic {
    type Err = UnknownTopic;

    fn from_str(text: &str) -> Result<Self, UnknownTopic> {
        Self::ALL
            .into_iter()
            .find(|topic| topic.as_str() == text)
            .ok_or_else(|| UnknownTopic(text.to_owned()))
    }
}

/// Not one of the topics.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not an event; use policy.violated, agent.paused, agent.resumed, tool.paused, tool.resumed, trace.anomaly, cost.threshold or privacy.due"
)]
pub struct UnknownTopic(pub String);

/// One thing to tell an organisation's endpoints.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Follows from the fact it came of: a repeat has the same id, so receivers can drop it.
    pub id: String,
    /// What it is about.
    pub topic: Topic,
    /// Whose it is.
    pub org: OrgId,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Ids, enums and numbers; the words stay where they are.
    pub data: Value,
}

impl Notice {
    /// The body every attempt sends, byte for byte.
    #[must_use]
    pub fn body(&self) -> String {
        json!({
            "id": self.id,
            "type": self.topic.as_str(),
            "createdAt": self.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            "organizationId": self.org,
            "data": self.data,
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_reads_back_from_its_name() {
        for topic in Topic::ALL {
            assert_eq!(topic.as_str().parse(), Ok(topic));
            assert_eq!(serde_json::to_value(topic).unwrap(), topic.as_str());
        }
        assert!("agent.archived".parse::<Topic>().is_err());
    }

    #[test]
    fn a_body_names_event_time_and_organisation() {
        let notice = Notice {
            id: "evt_1".to_owned(),
            topic: Topic::AgentPaused,
            org: OrgId(uuid::Uuid::from_u128(7)),
            at: DateTime::from_timestamp_millis(1_700_000_000_123).unwrap(),
            data: json!({"agentId": "bot"}),
        };
        let body: Value = serde_json::from_str(&notice.body()).unwrap();
        assert_eq!(body["id"], "evt_1");
        assert_eq!(body["type"], "agent.paused");
        assert_eq!(body["createdAt"], "2023-11-14T22:13:20.123Z");
        assert_eq!(
            body["organizationId"],
            "org_00000000000000000000000000000007"
        );
        assert_eq!(body["data"]["agentId"], "bot");
    }
}
