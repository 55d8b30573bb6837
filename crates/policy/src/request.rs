//! What is judged: one act an agent is about to do.

mod behind;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::model::{Phase, Tier};
use behind::or_default;
pub use behind::{Delegation, Hop, OnBehalfOf};

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
    /// Tags it is registered with.
    pub tags: Vec<String>,
    /// What its registration allows and forbids.
    pub limits: Limits,
    /// The tools as they were pinned at registration; absent when none were.
    pub pinned_tools: Option<Vec<ToolDescriptor>>,
}

/// What an agent's registration says about what it may do; empty lists limit nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// Globs of the tools it may call.
    pub allowed_actions: Vec<String>,
    /// Globs of the data sources it may read.
    pub allowed_data_sources: Vec<String>,
    /// Globs of the tools a human must approve.
    pub requires_human_approval_for: Vec<String>,
    /// `observe`, `advise`, `act_with_approval`, `autonomous`; empty is none.
    pub autonomy_level: String,
}

/// What a tool answered and what it had been asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ToolOutput {
    /// Tool name.
    pub name: String,
    /// Its arguments; often null.
    pub input: Value,
    /// Its answer, any JSON.
    pub output: Value,
}

/// A tool's definition, as the agent's framework sees it now or as it was pinned.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ToolDescriptor {
    /// The server that offers it; empty when it is local.
    #[serde(deserialize_with = "or_default")]
    pub server: String,
    /// Tool name.
    #[serde(deserialize_with = "or_default")]
    pub tool: String,
    /// Digest of the definition, opaque to the server.
    #[serde(deserialize_with = "or_default")]
    pub descriptor_hash: String,
    /// What the model is told about it.
    #[serde(deserialize_with = "or_default")]
    pub description: String,
    /// JSON Schema of its arguments; often null.
    pub input_schema: Value,
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
    /// The tools' definitions.
    pub tool_descriptors: Vec<ToolDescriptor>,
    /// What the model or the act produced, after it.
    pub output: Option<String>,
    /// Before or after the act.
    pub phase: Phase,
    /// The person behind the act.
    pub on_behalf_of: Option<OnBehalfOf>,
    /// The kind of caller.
    pub tier: Option<Tier>,
    /// The agents it was handed down by.
    pub delegation: Option<Delegation>,
    /// The application's session.
    pub session_id: String,
    /// The caller wants a human to decide, also where no policy holds the act.
    pub require_approval: bool,
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
