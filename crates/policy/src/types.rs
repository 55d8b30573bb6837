//! The policy types: one line each, with the module that compiles its rule. The schema of a type is
//! `schemas/policy/<word>.v1.json`.

use serde_json::Value;

use crate::model::words;
use crate::rule::{self, Rule};
use crate::schema::Problem;

macro_rules! policy_types {
    ($($(#[doc = $doc:literal])* $variant:ident = $word:literal $(| $alias:literal)* => $module:ident),+ $(,)?) => {
        /// Which detector or rule a policy uses.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum PolicyType {
            $($(#[doc = $doc])* $variant),+
        }

        words!(PolicyType, "policy type", [$($variant = $word $(| $alias)*),+]);

        impl PolicyType {
            /// Compiles a rule definition; all problems at once.
            pub(crate) fn compile(self, definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
                match self {
                    $(Self::$variant => rule::$module::compile(definition)),+
                }
            }

            /// The JSON Schema (2020-12) of its rule definition.
            #[must_use]
            pub fn schema(self) -> &'static str {
                match self {
                    $(Self::$variant => {
                        include_str!(concat!("../../../schemas/policy/", $word, ".v1.json"))
                    }),+
                }
            }
        }
    };
}

policy_types! {
    /// Prompt injection, direct and inside tool outputs.
    InjectionScan = "injection_scan" => injection_scan,
    /// Personal data and secrets.
    PiiAccess = "pii_access" => pii_access,
    /// Cost per execution and per UTC day.
    CostLimit = "cost_limit" => cost_limit,
    /// What may be spent in a period.
    BudgetCap = "budget_cap" => budget_cap,
    /// How many calls a window allows.
    RateLimit = "rate_limit" => rate_limit,
    /// How many records may be read.
    RecordLimit = "record_limit" => record_limit,
    /// Whether an output is good enough.
    QualityThreshold = "quality_threshold" => quality_threshold,
    /// Which kinds of content may leave in outputs.
    OutputClassification = "output_classification" => output_classification,
    /// What tools bring in.
    ToolOutputScan = "tool_output_scan" => tool_output_scan,
    /// Whether the tools are the ones that were approved.
    ToolIntegrity = "tool_integrity" => tool_integrity,
    /// Which tools may be called.
    ToolInvocation = "tool_invocation" => tool_invocation,
    /// The opinion of a registered validator, an HTTP service of the customer's own.
    CustomValidator = "custom_validator" => custom_validator,
    /// An instruction in plain words, judged by a language model inside the deployment.
    Semantic = "semantic" | "custom" => semantic,
    /// Who may do what, where and when.
    AccessControl = "access_control" => access_control,
    /// Actions that a human should see first.
    ActionApproval = "action_approval" => action_approval,
    /// Words that may not be said and data that may not be touched.
    DataRestriction = "data_restriction" | "content_restriction" => data_restriction,
    /// Which hosts an act may reach.
    ExternalApi = "external_api" => external_api,
    /// Which agents may hand work to which.
    AgentToAgent = "agent_to_agent" => agent_to_agent,
    /// A CEL expression; true is a violation.
    Expression = "expression" => expression,
}
