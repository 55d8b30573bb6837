//! `cost_limit`: a cap per execution and a budget per UTC day.

use serde::Deserialize;
use serde_json::Value;

use super::charge::{Charge, Unit, Window, counter};
use super::money::{amount, estimate, usd};
use super::{Failure, Rule, Verdict, read};
use crate::context::Context;
use crate::model::Phase;
use crate::schema::Problem;

/// The documented rule; amounts in USD.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    max_cost_per_execution: Option<f64>,
    daily_budget: Option<f64>,
    default_estimated_cost: Option<f64>,
}

/// Amounts in millionths of a US dollar.
#[derive(Debug)]
pub(crate) struct CostLimit {
    per_execution: Option<u64>,
    daily: Option<u64>,
    default_estimate: Option<u64>,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    Ok(Box::new(CostLimit::new(&read(definition)?)?))
}

impl CostLimit {
    fn new(definition: &Definition) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut amount = |path, usd| amount(path, usd, &mut problems);
        let rule = Self {
            per_execution: amount("/max_cost_per_execution", definition.max_cost_per_execution),
            daily: amount("/daily_budget", definition.daily_budget),
            default_estimate: amount("/default_estimated_cost", definition.default_estimated_cost),
        };
        if problems.is_empty() {
            Ok(rule)
        } else {
            Err(problems)
        }
    }
}

impl Rule for CostLimit {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        let (amount, source) = estimate(context, self.default_estimate)?;
        let name = source.name();
        let verdict = match (self.per_execution, self.daily) {
            (Some(cap), _) if amount > cap => {
                let (amount, cap) = (usd(amount), usd(cap));
                let message =
                    format!("{name} of {amount} exceeds the limit of {cap} per execution");
                Verdict::hit(message, Vec::new())
            }
            (_, Some(cap)) if amount > cap => {
                let (amount, cap) = (usd(amount), usd(cap));
                let message = format!("{name} of {amount} exceeds the daily budget of {cap}");
                Verdict::hit(message, Vec::new())
            }
            (_, Some(_)) if context.request.phase == Phase::Pre => {
                Verdict::clear(source.reserved())
            }
            _ => Verdict::clear(source.within()),
        };
        let Some(cap) = self.daily.filter(|_| context.request.phase == Phase::Pre) else {
            return Ok(verdict);
        };
        let period = Window::Day.period(context.facts.now_ms);
        // Also of an act that hits: where the hit only warns, the act goes on and spends.
        let charge = Charge {
            counter: counter("all", "", &period),
            amount,
            cap,
            warn_above: Some(cap / 5 * 4),
            ..Charge::of(
                Unit::MicroUsd,
                period,
                format!("the daily budget of {} is used up", usd(cap)),
            )
        };
        Ok(verdict.charging(vec![charge]))
    }
}
