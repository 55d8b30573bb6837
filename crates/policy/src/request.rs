//! What is judged: one act an agent is about to do.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// The agent on whose behalf the act is asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentRef {
    /// Identity that policies scope by.
    pub id: Uuid,
    /// The name the application gave it.
    pub external_id: String,
    /// Display name.
    pub name: String,
    /// Environment it is registered in.
    pub environment: String,
}

/// What a tool answered and what it had been asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ToolOutput {
    /// Tool name.
    pub name: String,
    /// Its arguments; often null.
    pub input: Value,
    /// Its answer, any JSON.
    pub output: Value,
}

/// One act to be judged, in the fields of `POST /policies/enforce`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// Who asks.
    pub agent: AgentRef,
    /// Whose tenant.
    pub org_id: Uuid,
    /// The prompt, the arguments' text, or `tool:<name>`.
    pub input: String,
    /// Environment of this call; empty means the agent's own.
    pub environment: String,
    /// Free JSON sent by the application.
    pub metadata: Option<Value>,
    /// Expected cost in USD.
    pub estimated_cost: Option<f64>,
    /// Names of the tools about to be used.
    pub tools: Vec<String>,
    /// Earlier messages, normally `{role, content}`.
    pub conversation_history: Vec<Value>,
    /// Tool answers about to be shown to the model.
    pub tool_outputs: Vec<ToolOutput>,
}

impl Request {
    /// The environment in force: the call's own, else the agent's.
    #[must_use]
    pub fn environment(&self) -> &str {
        if self.environment.is_empty() {
            &self.agent.environment
        } else {
            &self.environment
        }
    }
}

/// What the engine may not find out by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Facts {
    /// The time of the decision, in milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// The agent's mean cost per trace in USD, for requests without an estimate.
    pub mean_cost: Option<f64>,
}

impl Facts {
    /// Facts that know only the time.
    #[must_use]
    pub fn at(now_ms: i64) -> Self {
        Self {
            now_ms,
            mean_cost: None,
        }
    }
}
