//! `cost_limit`: a cap per execution and a budget per UTC day.

use serde::Deserialize;
use serde_json::Value;

use super::charge::{Charge, Unit, Window, counter};
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

/// Where an amount comes from.
#[derive(Debug, Clone, Copy)]
enum Source {
    Estimate,
    Default,
    Mean,
    Unknown,
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Source::Estimate => "the estimated cost",
            Source::Default => "the policy's default cost",
            Source::Mean => "the agent's mean cost",
            Source::Unknown => "an unknown cost",
        }
    }

    fn within(self) -> &'static str {
        match self {
            Source::Estimate => "the estimated cost is within the limit",
            Source::Default => "the policy's default cost is within the limit",
            Source::Mean => "the agent's mean cost is within the limit",
            Source::Unknown => "the cost is unknown and taken as 0",
        }
    }

    fn reserved(self) -> &'static str {
        match self {
            Source::Estimate => "the estimated cost is to be reserved",
            Source::Default => "the policy's default cost is to be reserved",
            Source::Mean => "the agent's mean cost is to be reserved",
            Source::Unknown => "the cost is unknown; only the budget is checked",
        }
    }
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    Ok(Box::new(CostLimit::new(&read(definition)?)?))
}

impl CostLimit {
    fn new(definition: &Definition) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut amount = |path: &str, value: Option<f64>| {
            let micros = value.map(micros);
            if micros == Some(None) {
                problems.push(Problem::at(
                    path,
                    "must be an amount from 0 to 1,000,000,000 USD",
                ));
            }
            micros.flatten()
        };
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

    /// The request's estimate, else the policy's default, else the agent's mean, else nothing.
    fn estimate(&self, context: &Context<'_>) -> Result<(u64, Source), Failure> {
        let usable = |cost: f64| micros(cost).ok_or(Failure::BadCost);
        if let Some(cost) = context.request.estimated_cost {
            return Ok((usable(cost)?, Source::Estimate));
        }
        if let Some(amount) = self.default_estimate {
            return Ok((amount, Source::Default));
        }
        match context.facts.mean_cost {
            Some(cost) => Ok((usable(cost)?, Source::Mean)),
            None => Ok((0, Source::Unknown)),
        }
    }
}

impl Rule for CostLimit {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        let (amount, source) = self.estimate(context)?;
        let name = source.name();
        if let Some(cap) = self.per_execution.filter(|cap| amount > *cap) {
            let message = format!(
                "{name} of {} exceeds the limit of {} per execution",
                usd(amount),
                usd(cap)
            );
            return Ok(Verdict::hit(message, Vec::new()));
        }
        let Some(cap) = self.daily else {
            return Ok(Verdict::clear(source.within()));
        };
        if amount > cap {
            let message = format!(
                "{name} of {} exceeds the daily budget of {}",
                usd(amount),
                usd(cap)
            );
            return Ok(Verdict::hit(message, Vec::new()));
        }
        if context.request.phase == Phase::Post {
            return Ok(Verdict::clear(source.within()));
        }
        let period = Window::Day.period(context.facts.now_ms);
        let charge = Charge {
            counter: counter("all", "", &period),
            period,
            unit: Unit::MicroUsd,
            amount,
            cap,
            warn_above: None,
            pause_agent: false,
            message: format!("the daily budget of {} is used up", usd(cap)),
        };
        Ok(Verdict::clear(source.reserved()).charging(vec![charge]))
    }
}

/// USD to millionths, rounded up so that many small calls cannot slip under a cap.
pub(super) fn micros(usd: f64) -> Option<u64> {
    if !(0.0..=1e9).contains(&usd) {
        return None;
    }
    // A value such as 0.29 is 289999.99999999994 micros in binary: round what is a hair off, then up.
    let exact = usd * 1e6;
    let near = exact.round();
    let whole = if (exact - near).abs() < 1e-3 {
        near
    } else {
        exact.ceil()
    };
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range was checked above and 1e15 is exact in f64"
    )]
    Some(whole as u64)
}

pub(super) fn usd(micros: u64) -> String {
    let (whole, part) = (micros / 1_000_000, micros % 1_000_000);
    if part.is_multiple_of(10_000) {
        format!("${whole}.{:02}", part / 10_000)
    } else {
        format!("${whole}.{part:06}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_round_up_but_not_for_binary_noise() {
        assert_eq!(micros(0.29), Some(290_000));
        assert_eq!(micros(0.000_000_1), Some(1));
        assert_eq!(micros(0.0), Some(0));
        assert_eq!(micros(-0.01), None);
        assert_eq!(micros(f64::NAN), None);
        assert_eq!(micros(f64::INFINITY), None);
    }
}
