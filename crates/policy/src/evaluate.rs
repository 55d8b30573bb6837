//! Judges a request against a policy set.

use std::borrow::Cow;

use crate::context::Context;
use crate::decision::{
    Considered, Decision, Evidence, Obligation, Outcome, Reservation, Violation, outcome_of,
    risk_of,
};
use crate::detect::mask;
use crate::model::{Mode, OnError, Policy};
use crate::request::{Facts, Request};
use crate::rule::{Failure, Verdict};
use crate::set::PolicySet;
use crate::text::{Part, Texts};

/// Version of the engine, recorded with every decision.
pub const ENGINE_VERSION: &str = concat!("writ-policy/", env!("CARGO_PKG_VERSION"));

/// Judges a request: every policy in scope is judged and every hit listed, the strongest decides.
///
/// Pure: equal arguments give equal decisions, whatever order the policies were given in.
#[must_use]
pub fn evaluate(set: &PolicySet, request: &Request, facts: &Facts) -> Decision {
    let texts = Texts::of(request);
    let context = Context::new(set, request, facts, &texts);
    let mut tally = Tally::default();
    for entry in set.in_scope(request.agent.id) {
        match entry.rule.judge(&context) {
            Ok(verdict) => tally.judged(&entry.policy, verdict),
            Err(failure) => tally.failed(&entry.policy, &failure),
        }
    }
    tally.close(set, request, &texts)
}

#[derive(Default)]
struct Tally {
    violations: Vec<Violation>,
    warnings: Vec<Violation>,
    considered: Vec<Considered>,
    obligations: Vec<Obligation>,
    reservations: Vec<Reservation>,
    masked: Vec<Evidence>,
    masking: bool,
}

impl Tally {
    fn judged(&mut self, policy: &Policy, verdict: Verdict) {
        self.consider(policy, verdict.hit.is_some(), false, verdict.why);
        if let Some(hit) = verdict.hit {
            self.hit(violation(policy, policy.mode, hit.message, hit.evidence));
        }
        if let Some(budget) = verdict.budget {
            self.reservations.push(Reservation {
                policy_id: policy.id,
                period_key: budget.period_key,
                amount_micros: budget.amount_micros,
                cap_micros: budget.cap_micros,
                violation: violation(policy, policy.mode, budget.message, Vec::new()),
            });
        }
        if !verdict.mask.is_empty() {
            self.masking = true;
            self.masked.extend(verdict.mask.iter().cloned());
            let duty = Obligation::Mask {
                policy_id: policy.id,
                evidence: verdict.mask,
            };
            self.obligations.push(duty);
        }
        if !verdict.logged.is_empty() {
            let duty = Obligation::LogAccess {
                policy_id: policy.id,
                types: verdict.logged,
            };
            self.obligations.push(duty);
        }
    }

    /// An error never reads as "no violation": it denies, warns, or is marked in the record.
    fn failed(&mut self, policy: &Policy, failure: &Failure) {
        self.consider(policy, false, true, Cow::Owned(failure.to_string()));
        let message = format!("the policy could not be judged: {failure}");
        match policy.on_error() {
            OnError::Deny => self.hit(violation(policy, Mode::Block, message, Vec::new())),
            OnError::Warn => {
                let mode = policy.mode.min(Mode::Warn);
                self.hit(violation(policy, mode, message, Vec::new()));
            }
            OnError::Allow => {}
        }
    }

    fn hit(&mut self, violation: Violation) {
        if outcome_of(violation.enforcement_mode) == Outcome::Allow {
            self.warnings.push(violation);
        } else {
            self.violations.push(violation);
        }
    }

    fn consider(&mut self, policy: &Policy, applied: bool, failed: bool, why: Cow<'static, str>) {
        let (policy_id, version) = (policy.id, policy.version);
        self.considered.push(Considered {
            policy_id,
            version,
            applied,
            failed,
            why,
        });
    }

    fn close(self, set: &PolicySet, request: &Request, texts: &Texts<'_>) -> Decision {
        let outcome = self
            .violations
            .iter()
            .map(|hit| outcome_of(hit.enforcement_mode))
            .max();
        let outcome = outcome.unwrap_or(Outcome::Allow);
        let risk = risk_of(self.violations.iter().chain(&self.warnings));
        let input = texts.get(0).filter(|text| text.part == Part::Input);
        let redacted_input = (self.masking && input.is_some())
            .then(|| mask::redact(&request.input, &self.masked))
            .flatten();
        Decision {
            outcome,
            violations: self.violations,
            warnings: self.warnings,
            considered: self.considered,
            redacted_input,
            obligations: self.obligations,
            // What is refused spends nothing.
            reservations: if outcome == Outcome::Block {
                Vec::new()
            } else {
                self.reservations
            },
            policy_set_hash: set.hash(),
            engine_version: ENGINE_VERSION,
            risk,
        }
    }
}

fn violation(policy: &Policy, mode: Mode, message: String, evidence: Vec<Evidence>) -> Violation {
    Violation {
        policy_id: policy.id,
        policy_name: policy.name.clone(),
        policy_type: policy.policy_type,
        severity: policy.severity,
        enforcement_mode: mode,
        message,
        evidence,
    }
}
