//! The compiled form of each policy type; one file a type.

mod cost_limit;
mod expression;
mod injection_scan;
mod pii_access;
mod tool_invocation;

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::context::Context;
use crate::decision::Evidence;
use crate::model::PolicyType;
use crate::schema::Problem;
use crate::set::patterns::{Pattern, PatternIds};

/// A rule that is ready to be judged.
#[derive(Debug)]
pub(crate) enum Rule {
    InjectionScan(injection_scan::InjectionScan),
    PiiAccess(pii_access::PiiAccess),
    CostLimit(cost_limit::CostLimit),
    ToolInvocation(tool_invocation::ToolInvocation),
    Expression(expression::Expression),
    /// Could not be compiled: it fails whenever it is judged.
    Broken(String),
}

/// What hit.
#[derive(Debug)]
pub(crate) struct Hit {
    pub(crate) message: String,
    pub(crate) evidence: Vec<Evidence>,
}

/// An amount to be reserved, and the message of its refusal.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) amount_micros: u64,
    pub(crate) cap_micros: u64,
    pub(crate) period_key: String,
    pub(crate) message: String,
}

/// What a rule says about one request.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) hit: Option<Hit>,
    pub(crate) why: Cow<'static, str>,
    pub(crate) budget: Option<Budget>,
    /// Values to mask.
    pub(crate) mask: Vec<Evidence>,
    /// Types of data whose access is to be logged.
    pub(crate) logged: Vec<String>,
}

impl Verdict {
    pub(crate) fn clear(why: impl Into<Cow<'static, str>>) -> Self {
        let why = why.into();
        Self {
            hit: None,
            why,
            budget: None,
            mask: Vec::new(),
            logged: Vec::new(),
        }
    }

    pub(crate) fn hit(message: String, evidence: Vec<Evidence>) -> Self {
        let why = Cow::Owned(message.clone());
        Self {
            hit: Some(Hit { message, evidence }),
            ..Self::clear(why)
        }
    }
}

/// Why a rule could not be judged.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the request brings more text than can be scanned")]
    TooMuchText,
    #[error("the estimated cost is not a usable amount")]
    BadCost,
    #[error("the rule could not be compiled: {0}")]
    Broken(String),
    #[error("expression: {0}")]
    Expression(#[from] crate::expr::EvalError),
}

/// Compiles a rule definition; all problems at once.
pub(crate) fn compile(policy_type: PolicyType, definition: &Value) -> Result<Rule, Vec<Problem>> {
    match policy_type {
        PolicyType::InjectionScan => {
            injection_scan::InjectionScan::compile(read(definition)?).map(Rule::InjectionScan)
        }
        PolicyType::PiiAccess => Ok(Rule::PiiAccess(pii_access::PiiAccess::new(read(
            definition,
        )?))),
        PolicyType::CostLimit => {
            cost_limit::CostLimit::compile(&read(definition)?).map(Rule::CostLimit)
        }
        PolicyType::ToolInvocation => {
            tool_invocation::ToolInvocation::compile(&read(definition)?).map(Rule::ToolInvocation)
        }
        PolicyType::Expression => {
            expression::Expression::compile(read(definition)?).map(Rule::Expression)
        }
    }
}

fn read<T: DeserializeOwned>(definition: &Value) -> Result<T, Vec<Problem>> {
    T::deserialize(definition).map_err(|error| vec![Problem::at("", error.to_string())])
}

impl Rule {
    /// The patterns this rule wants matched together with everybody else's.
    pub(crate) fn take_patterns(&mut self) -> Vec<Pattern> {
        match self {
            Rule::InjectionScan(rule) => rule.take_patterns(),
            Rule::PiiAccess(_)
            | Rule::CostLimit(_)
            | Rule::ToolInvocation(_)
            | Rule::Expression(_)
            | Rule::Broken(_) => Vec::new(),
        }
    }

    /// Tells the rule which numbers its patterns got.
    pub(crate) fn set_pattern_ids(&mut self, ids: PatternIds) {
        if let Rule::InjectionScan(rule) = self {
            rule.set_pattern_ids(ids);
        }
    }

    pub(crate) fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        match self {
            Rule::InjectionScan(rule) => rule.judge(context),
            Rule::PiiAccess(rule) => rule.judge(context),
            Rule::CostLimit(rule) => rule.judge(context),
            Rule::ToolInvocation(rule) => Ok(rule.judge(context)),
            Rule::Expression(rule) => rule.judge(context),
            Rule::Broken(reason) => Err(Failure::Broken(reason.clone())),
        }
    }
}

/// A name from the request, fit to be shown: cut, printable.
pub(crate) fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}
