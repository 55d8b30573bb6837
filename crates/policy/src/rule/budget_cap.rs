//! `budget_cap`: what may be spent in a period, with a warning before it is spent.

use serde::Deserialize;
use serde_json::Value;

use super::charge::{Charge, Holder, Unit, Window};
use super::money::{amount, estimate, usd};
use super::{Failure, Rule, Verdict, read};
use crate::context::Context;
use crate::model::{Mode, Phase};
use crate::schema::Problem;

/// The documented rule; amounts in USD.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    #[serde(default = "org", alias = "per")]
    scope: String,
    #[serde(alias = "window")]
    period: Option<String>,
    cap_usd: Option<f64>,
    monthly_cap_usd: Option<f64>,
    warning_threshold: Option<f64>,
    warning_threshold_pct: Option<f64>,
    reset_day: Option<u32>,
    action: Option<Action>,
    default_estimated_cost: Option<f64>,
}

fn org() -> String {
    "org".to_owned()
}

/// What a spent budget does, within the policy's mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Block,
    Warn,
    PauseAgent,
}

/// Amounts in millionths of a US dollar.
#[derive(Debug)]
pub(crate) struct BudgetCap {
    holder: Holder,
    window: Window,
    cap: u64,
    warn_above: u64,
    action: Action,
    default_estimate: Option<u64>,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    Ok(Box::new(BudgetCap::new(&read(definition)?)?))
}

impl BudgetCap {
    fn new(definition: &Definition) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let holder = Holder::parse(&definition.scope).filter(|h| *h != Holder::Session);
        if holder.is_none() {
            let words = "must be one of org, agent, user, workspace";
            problems.push(Problem::at("/scope", words));
        }
        let window = window(definition, &mut problems);
        let cap = match (definition.cap_usd, definition.monthly_cap_usd) {
            (Some(usd), None) => amount("/cap_usd", Some(usd), &mut problems),
            (None, Some(usd)) => amount("/monthly_cap_usd", Some(usd), &mut problems),
            _ => {
                problems.push(Problem::at("", "needs one of cap_usd, monthly_cap_usd"));
                None
            }
        };
        let default = definition.default_estimated_cost;
        let default_estimate = amount("/default_estimated_cost", default, &mut problems);
        let share = share(definition, &mut problems);
        match (holder, window, cap, share) {
            (Some(holder), Some(window), Some(cap), Some(share)) if problems.is_empty() => {
                Ok(Self {
                    holder,
                    window,
                    cap,
                    warn_above: part(cap, share),
                    action: definition.action.unwrap_or(Action::Block),
                    default_estimate,
                })
            }
            _ => Err(problems),
        }
    }

    fn used_up(&self, holder: Holder) -> String {
        let (cap, word) = (usd(self.cap), self.window.word());
        format!(
            "the budget of {cap} per {word} for {} is used up",
            holder.word()
        )
    }

    fn at_most(&self) -> Mode {
        match self.action {
            Action::Warn => Mode::Warn,
            Action::Block | Action::PauseAgent => Mode::Block,
        }
    }
}

/// `monthly_cap_usd` is a cap per month; a reset day means nothing in another period.
fn window(definition: &Definition, problems: &mut Vec<Problem>) -> Option<Window> {
    let reset_day = definition.reset_day.unwrap_or(1);
    if !(1..=31).contains(&reset_day) {
        problems.push(Problem::at("/reset_day", "must be a day from 1 to 31"));
    }
    let word = definition.period.as_deref().unwrap_or("1mo");
    let window = Window::parse(word, reset_day);
    let monthly = matches!(window, Some(Window::Month(_)));
    if window.is_none() {
        problems.push(Problem::at("/period", "must be one of 1m, 1h, 1d, 1mo"));
    } else if !monthly && definition.monthly_cap_usd.is_some() {
        let why = "monthly_cap_usd is per month; use cap_usd with another period";
        problems.push(Problem::at("/period", why));
    } else if !monthly && definition.reset_day.is_some() {
        problems.push(Problem::at("/reset_day", "only a month has a reset day"));
    }
    window
}

/// The share of the cap from which it is warned, 0 to 1.
fn share(definition: &Definition, problems: &mut Vec<Problem>) -> Option<f64> {
    let (path, share) = match (
        definition.warning_threshold,
        definition.warning_threshold_pct,
    ) {
        (None, None) => return Some(0.8),
        (Some(share), None) if share <= 1.0 => ("/warning_threshold", share),
        (Some(percent), None) => ("/warning_threshold", percent / 100.0),
        (None, Some(percent)) => ("/warning_threshold_pct", percent / 100.0),
        (Some(_), Some(_)) => {
            let why = "cannot be given together with warning_threshold";
            problems.push(Problem::at("/warning_threshold_pct", why));
            return None;
        }
    };
    if (0.0..=1.0).contains(&share) {
        return Some(share);
    }
    let why = "must be a share from 0 to 1 or a percentage up to 100";
    problems.push(Problem::at(path, why));
    None
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of at most 1 of an amount that is exact in f64"
)]
fn part(cap: u64, share: f64) -> u64 {
    (cap as f64 * share) as u64
}

impl Rule for BudgetCap {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        let (amount, source) = estimate(context, self.default_estimate)?;
        let (holder, who) = self.holder.of(context.request);
        let verdict = if amount > self.cap {
            let (amount, cap) = (usd(amount), usd(self.cap));
            let (name, word) = (source.name(), self.window.word());
            let message = format!("{name} of {amount} exceeds the budget of {cap} per {word}");
            Verdict::weaker_hit(self.at_most(), message, Vec::new())
        } else if context.request.phase == Phase::Post {
            Verdict::clear("the budget was charged before the act")
        } else if holder == self.holder {
            Verdict::clear(source.reserved())
        } else {
            let missing = self.holder.word().trim_start_matches("this ");
            Verdict::clear(format!(
                "{}; the request names no {missing}, so for the agent",
                source.reserved()
            ))
        };
        if context.request.phase == Phase::Post {
            return Ok(verdict);
        }
        let period = self.window.period(context.facts.now_ms);
        let charge = Charge {
            counter: holder.counter(&who, &period),
            amount,
            cap: self.cap,
            warn_above: Some(self.warn_above),
            pause_agent: self.action == Action::PauseAgent,
            at_most: self.at_most(),
            ..Charge::of(Unit::MicroUsd, period, self.used_up(holder))
        };
        Ok(verdict.charging(vec![charge]))
    }
}
