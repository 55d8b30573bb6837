//! `rate_limit`: how many calls a window allows.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::charge::{Charge, Holder, Unit, Window};
use super::{Failure, Rule, Verdict, read};
use crate::context::Context;
use crate::model::{Phase, Tier};
use crate::schema::Problem;

/// The documented rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    #[serde(alias = "limit")]
    max_requests: Option<u64>,
    #[serde(default)]
    tiers: BTreeMap<Tier, u64>,
    #[serde(default = "minute", alias = "period")]
    window: String,
    #[serde(default = "agent", alias = "per")]
    scope: String,
}

fn minute() -> String {
    "1m".to_owned()
}

fn agent() -> String {
    "agent".to_owned()
}

/// The rule, read.
#[derive(Debug)]
pub(crate) struct RateLimit {
    max_requests: Option<u64>,
    tiers: BTreeMap<Tier, u64>,
    window: Window,
    holder: Holder,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    let definition: Definition = read(definition)?;
    let window = Window::parse(&definition.window, 1)
        .filter(|window| !matches!(window, Window::Month(_)))
        .ok_or_else(|| vec![Problem::at("/window", "must be one of 1m, 1h, 1d")]);
    let holder = Holder::parse(&definition.scope)
        .filter(|holder| *holder != Holder::Workspace)
        .ok_or_else(|| {
            vec![Problem::at(
                "/scope",
                "must be one of agent, user, session, org",
            )]
        });
    Ok(Box::new(RateLimit {
        max_requests: definition.max_requests,
        tiers: definition.tiers,
        window: window?,
        holder: holder?,
    }))
}

impl RateLimit {
    /// The cap for a request and the tier it is kept for, when it is the tier's own.
    fn cap(&self, tier: Option<Tier>) -> Option<(u64, Option<Tier>)> {
        let own = tier.and_then(|tier| Some((*self.tiers.get(&tier)?, Some(tier))));
        own.or_else(|| Some((self.max_requests?, None)))
    }
}

impl Rule for RateLimit {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        let request = context.request;
        if request.phase == Phase::Post {
            return Ok(Verdict::clear("the call was counted before the act"));
        }
        let Some((cap, tier)) = self.cap(request.tier) else {
            return Ok(Verdict::clear("no limit is set for this kind of caller"));
        };
        let (holder, who) = self.holder.of(request);
        let period = self.window.period(context.facts.now_ms);
        let mut counter = holder.counter(&who, &period);
        if let Some(tier) = tier {
            counter = format!("{counter}_{tier}");
        }
        let of_tier = tier.map(|tier| format!(" as {tier}")).unwrap_or_default();
        let message = format!(
            "the limit of {cap} requests per {} for {}{of_tier} is reached",
            self.window.word(),
            holder.word()
        );
        let verdict = if cap == 0 {
            Verdict::hit(message.clone(), Vec::new())
        } else if holder == self.holder {
            Verdict::clear("the call is to be counted")
        } else {
            Verdict::clear(format!(
                "the request names no {}; it is to be counted for the agent",
                self.holder.word().trim_start_matches("this ")
            ))
        };
        let charge = Charge {
            counter,
            amount: 1,
            cap,
            ..Charge::of(Unit::Calls, period, message)
        };
        Ok(verdict.charging(vec![charge]))
    }
}
