//! The compiled form of each policy type; one file a type.

pub(crate) mod access_control;
pub(crate) mod action_approval;
pub(crate) mod agent_to_agent;
pub(crate) mod budget_cap;
pub(crate) mod charge;
pub(crate) mod cost_limit;
pub(crate) mod custom_validator;
pub(crate) mod data_restriction;
pub(crate) mod expression;
pub(crate) mod external_api;
mod glob;
pub(crate) mod injection_scan;
mod money;
pub(crate) mod names;
mod opinion;
pub(crate) mod output_classification;
pub(crate) mod pii_access;
pub(crate) mod quality_threshold;
pub(crate) mod rate_limit;
pub(crate) mod record_limit;
pub(crate) mod semantic;
pub(crate) mod tool_integrity;
pub(crate) mod tool_invocation;
pub(crate) mod tool_output_scan;

use std::borrow::Cow;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::context::Context;
use crate::decision::Evidence;
use crate::model::Mode;
use crate::outside::{Answer, Question};
use crate::schema::Problem;
use crate::set::patterns::{Pattern, PatternIds};
use crate::set::words::{Word, WordIds};
use charge::Charge;

/// A rule that is ready to be judged.
pub(crate) trait Rule: fmt::Debug + Send + Sync {
    /// What it says about one request.
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure>;

    /// What it says once its question was answered.
    fn answered(&self, _context: &Context<'_>, _answer: &Answer) -> Result<Verdict, Failure> {
        Err(Failure::Unanswered {
            reason: "it has asked nothing".to_owned(),
            open: false,
        })
    }

    /// The patterns this rule wants matched together with everybody else's.
    fn take_patterns(&mut self) -> Vec<Pattern> {
        Vec::new()
    }

    /// Tells the rule which numbers its patterns got.
    fn set_pattern_ids(&mut self, _ids: PatternIds) {}

    /// The words this rule wants matched together with everybody else's.
    fn take_words(&mut self) -> Vec<Word> {
        Vec::new()
    }

    /// Tells the rule which numbers its words got.
    fn set_word_ids(&mut self, _ids: WordIds) {}
}

/// A rule that could not be compiled: it fails whenever it is judged.
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) String);

impl Rule for Broken {
    fn judge(&self, _context: &Context<'_>) -> Result<Verdict, Failure> {
        Err(Failure::Broken(self.0.clone()))
    }
}

/// What hit.
#[derive(Debug)]
pub(crate) struct Hit {
    pub(crate) message: String,
    pub(crate) evidence: Vec<Evidence>,
    /// A hit that is weaker than the policy's mode: a threshold that only warns.
    pub(crate) at_most: Mode,
}

/// What a rule says about one request.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) hit: Option<Hit>,
    pub(crate) why: Cow<'static, str>,
    /// Amounts to be reserved.
    pub(crate) charges: Vec<Charge>,
    /// What must be asked of somebody else before the rule can be judged.
    pub(crate) question: Option<Box<Question>>,
    /// Values to mask.
    pub(crate) mask: Vec<Evidence>,
    /// Types of data whose access is to be logged.
    pub(crate) logged: Vec<String>,
    /// Work done beyond the rule's own look: bytes scanned or steps run.
    pub(crate) cost: u64,
    /// The built-in detector judged because a language model did not.
    pub(crate) degraded: bool,
}

impl Verdict {
    pub(crate) fn clear(why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            hit: None,
            why: why.into(),
            charges: Vec::new(),
            question: None,
            mask: Vec::new(),
            logged: Vec::new(),
            cost: 0,
            degraded: false,
        }
    }

    pub(crate) fn hit(message: String, evidence: Vec<Evidence>) -> Self {
        Self::weaker_hit(Mode::Block, message, evidence)
    }

    /// A hit that is at most as strong as `at_most`, whatever the policy's mode.
    pub(crate) fn weaker_hit(at_most: Mode, message: String, evidence: Vec<Evidence>) -> Self {
        Self {
            why: Cow::Owned(message.clone()),
            hit: Some(Hit {
                message,
                evidence,
                at_most,
            }),
            ..Self::clear("")
        }
    }

    /// Asks before it judges.
    pub(crate) fn ask(question: Question) -> Self {
        Self {
            question: Some(Box::new(question)),
            ..Self::clear("waits for an answer from outside")
        }
    }

    pub(crate) fn charging(self, charges: Vec<Charge>) -> Self {
        Self { charges, ..self }
    }

    pub(crate) fn costing(self, cost: u64) -> Self {
        Self { cost, ..self }
    }
}

/// Why a rule could not be judged.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the request brings more text than can be scanned")]
    TooMuchText,
    #[error("the texts match more than can be checked")]
    TooManyMatches,
    #[error("the estimated cost is not a usable amount")]
    BadCost,
    #[error("{0} is not a usable number")]
    BadNumber(&'static str),
    #[error("the rule could not be compiled: {0}")]
    Broken(String),
    /// Somebody who was asked did not answer; `open`: that shall deny nobody.
    #[error("no answer from outside: {reason}")]
    Unanswered { reason: String, open: bool },
    /// A language model did not answer, and the built-in detector found nothing.
    #[error("no answer from the model ({reason}); the injection detector found nothing")]
    Degraded { reason: String, open: bool },
    #[error("expression: {0}")]
    Expression(#[from] crate::expr::EvalError),
}

impl Failure {
    /// Whether it denies nobody, whatever the policy says about errors.
    pub(crate) fn is_open(&self) -> bool {
        matches!(
            self,
            Self::Unanswered { open: true, .. } | Self::Degraded { open: true, .. }
        )
    }

    /// What the record says of the hit it becomes.
    pub(crate) fn evidence(&self) -> Vec<Evidence> {
        let kind = match self {
            Self::Degraded { .. } => "degraded",
            Self::Unanswered { open: true, .. } => "failed_open",
            Self::Unanswered { open: false, .. } => "unanswered",
            Self::TooMuchText
            | Self::TooManyMatches
            | Self::BadCost
            | Self::BadNumber(_)
            | Self::Broken(_)
            | Self::Expression(_) => return Vec::new(),
        };
        vec![opinion::evidence(kind)]
    }
}

/// Reads the documented shape of a rule.
pub(crate) fn read<T: DeserializeOwned>(definition: &Value) -> Result<T, Vec<Problem>> {
    T::deserialize(definition).map_err(|error| vec![Problem::at("", error.to_string())])
}

/// A name from the request, fit to be shown: cut, printable.
pub(crate) fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// How many there are besides the one that was named.
pub(crate) fn and_more(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        n => format!(" (and {} more)", n - 1),
    }
}
