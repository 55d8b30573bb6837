//! What the engine has to ask somebody else: it states the question, a service puts it, and the
//! answer comes back to [`crate::resume`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A question of one policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// The policy that asks.
    pub policy_id: Uuid,
    /// What it asks.
    pub question: Question,
}

/// What a policy wants to know; equal questions of several policies need one answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Question {
    /// A registered validator's opinion of the whole request.
    #[serde(rename_all = "camelCase")]
    Validator {
        /// Which validator.
        validator_id: Uuid,
    },
    /// Whether a text is against an instruction, asked of a language model.
    #[serde(rename_all = "camelCase")]
    Semantic {
        /// What must not happen, in plain words.
        instruction: String,
        /// The name of the configured model; empty is the deployment's default.
        model: String,
        /// How sure the model must be, in thousandths, for its verdict to count as a refusal.
        threshold: u16,
        /// The texts to be judged.
        texts: Vec<String>,
    },
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "decision")]
pub enum Answer {
    /// Nothing against it.
    Allow {
        /// In the answerer's words.
        reason: String,
    },
    /// It must not happen.
    Deny {
        /// In the answerer's words.
        reason: String,
    },
    /// A human must decide.
    RequireApproval {
        /// In the answerer's words.
        reason: String,
    },
    /// No usable answer: away, too slow, malformed.
    Failed {
        /// What went wrong.
        reason: String,
        /// Whether the one that was asked is registered to fail open.
        #[serde(default)]
        fail_open: bool,
    },
}

impl Answer {
    /// No usable answer, of one that fails closed.
    #[must_use]
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::Failed {
            reason: reason.into(),
            fail_open: false,
        }
    }
}

/// Answers by the policy that asked.
pub type Answers = BTreeMap<Uuid, Answer>;
