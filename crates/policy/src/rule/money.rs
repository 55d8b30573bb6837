//! Amounts of money: US dollars in rules and requests, whole millionths of one inside.

use super::Failure;
use crate::context::Context;
use crate::schema::Problem;

/// Where an amount comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Estimate,
    Default,
    Mean,
    Unknown,
}

impl Source {
    pub(super) fn name(self) -> &'static str {
        match self {
            Source::Estimate => "the estimated cost",
            Source::Default => "the policy's default cost",
            Source::Mean => "the agent's mean cost",
            Source::Unknown => "an unknown cost",
        }
    }

    pub(super) fn within(self) -> &'static str {
        match self {
            Source::Estimate => "the estimated cost is within the limit",
            Source::Default => "the policy's default cost is within the limit",
            Source::Mean => "the agent's mean cost is within the limit",
            Source::Unknown => "the cost is unknown and taken as 0",
        }
    }

    pub(super) fn reserved(self) -> &'static str {
        match self {
            Source::Estimate => "the estimated cost is to be reserved",
            Source::Default => "the policy's default cost is to be reserved",
            Source::Mean => "the agent's mean cost is to be reserved",
            Source::Unknown => "the cost is unknown; only the budget is checked",
        }
    }
}

/// What one act will cost: the request's estimate, else the rule's default, else the agent's mean,
/// else nothing.
pub(super) fn estimate(
    context: &Context<'_>,
    default: Option<u64>,
) -> Result<(u64, Source), Failure> {
    let usable = |cost: f64| micros(cost).ok_or(Failure::BadCost);
    if let Some(cost) = context.request.estimated_cost {
        return Ok((usable(cost)?, Source::Estimate));
    }
    if let Some(amount) = default {
        return Ok((amount, Source::Default));
    }
    match context.facts.mean_cost {
        Some(cost) => Ok((usable(cost)?, Source::Mean)),
        None => Ok((0, Source::Unknown)),
    }
}

/// An amount of a rule in millionths; what cannot be one is a problem at `path`.
pub(super) fn amount(path: &str, usd: Option<f64>, problems: &mut Vec<Problem>) -> Option<u64> {
    let amount = micros(usd?);
    if amount.is_none() {
        problems.push(Problem::at(
            path,
            "must be an amount from 0 to 1,000,000,000 USD",
        ));
    }
    amount
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

/// Millionths as people write them.
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

    #[test]
    fn amounts_read_as_people_write_them() {
        assert_eq!(usd(25_000_000), "$25.00");
        assert_eq!(usd(290_000), "$0.29");
        assert_eq!(usd(1), "$0.000001");
    }
}
