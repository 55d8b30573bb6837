//! Adds up what the policies said.

use std::borrow::Cow;

use super::{ENGINE_VERSION, State};
use crate::decision::{
    Considered, Decision, Evidence, Obligation, Outcome, Reservation, Violation, outcome_of,
    risk_of,
};
use crate::detect::mask;
use crate::model::{Mode, OnError, Policy};
use crate::request::Request;
use crate::rule::charge::Charge;
use crate::rule::{Failure, Verdict};
use crate::set::PolicySet;
use crate::text::{Part, Texts};

/// Hits, duties and the explanation, in the order of judging.
#[derive(Default)]
pub(super) struct Tally {
    violations: Vec<Violation>,
    warnings: Vec<Violation>,
    considered: Vec<Considered>,
    obligations: Vec<Obligation>,
    reservations: Vec<Reservation>,
    masked: Vec<Evidence>,
    masking: bool,
}

impl Tally {
    /// Makes room for what is said of this many policies more.
    pub(super) fn reserve(&mut self, policies: usize) {
        self.considered.reserve(policies);
    }

    /// Whether a policy refuses the act already.
    pub(super) fn refused(&self) -> bool {
        self.outcome() == Outcome::Block
    }

    /// What a policy said, or why it could not.
    pub(super) fn said(&mut self, policy: &Policy, said: Result<Verdict, Failure>) -> State {
        match said {
            Ok(verdict) => self.judged(policy, verdict),
            Err(failure) => self.failed(policy, &failure),
        }
    }

    fn judged(&mut self, policy: &Policy, verdict: Verdict) -> State {
        let state = match (&verdict.question, &verdict.hit) {
            (Some(_), _) => State::Waiting,
            (None, Some(_)) => State::Violated,
            (None, None) => State::Passed,
        };
        self.considered.push(Considered {
            judged: state != State::Waiting,
            applied: verdict.hit.is_some(),
            degraded: verdict.degraded,
            cost: verdict.cost,
            ..considered(policy, verdict.why)
        });
        if let Some(hit) = verdict.hit {
            let mode = policy.mode.min(hit.at_most);
            self.hit(Violation {
                degraded: verdict.degraded,
                ..violation(policy, mode, hit.message, hit.evidence)
            });
        }
        let charges = verdict.charges.into_iter();
        self.reservations
            .extend(charges.map(|charge| reservation(policy, charge)));
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
        state
    }

    /// The chain did not let the policy be judged.
    pub(super) fn left_out(&mut self, policy: &Policy, why: &'static str) {
        self.considered.push(Considered {
            judged: false,
            ..considered(policy, Cow::Borrowed(why))
        });
    }

    /// Nobody is judged by it for now.
    pub(super) fn excepted(&mut self, policy: &Policy) {
        self.considered.push(Considered {
            judged: false,
            excepted: true,
            ..considered(policy, Cow::Borrowed("an exception is in force"))
        });
    }

    /// An error never reads as "no violation": it denies, warns, or is marked in the record.
    fn failed(&mut self, policy: &Policy, failure: &Failure) -> State {
        let degraded = matches!(failure, Failure::Degraded { .. });
        self.considered.push(Considered {
            failed: true,
            degraded,
            ..considered(policy, Cow::Owned(failure.to_string()))
        });
        let mode = match policy.on_error() {
            OnError::Deny if !failure.is_open() => Mode::Block,
            OnError::Deny | OnError::Warn => policy.mode.min(Mode::Warn),
            OnError::Allow => return State::Violated,
        };
        let message = format!("the policy could not be judged: {failure}");
        self.hit(Violation {
            degraded,
            ..violation(policy, mode, message, failure.evidence())
        });
        State::Violated
    }

    fn hit(&mut self, violation: Violation) {
        if outcome_of(violation.enforcement_mode) == Outcome::Allow {
            self.warnings.push(violation);
        } else {
            self.violations.push(violation);
        }
    }

    fn outcome(&self) -> Outcome {
        let hits = self.violations.iter();
        let strongest = hits.map(|hit| outcome_of(hit.enforcement_mode)).max();
        strongest.unwrap_or(Outcome::Allow)
    }

    pub(super) fn close(self, set: &PolicySet, request: &Request, texts: &Texts<'_>) -> Decision {
        let outcome = self.outcome();
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
        degraded: false,
    }
}

/// A policy that was judged and did not hit, to begin with.
fn considered(policy: &Policy, why: Cow<'static, str>) -> Considered {
    Considered {
        policy_id: policy.id,
        version: policy.version,
        order: policy.evaluation_order,
        judged: true,
        applied: false,
        failed: false,
        degraded: false,
        excepted: false,
        why,
        cost: 0,
    }
}

fn reservation(policy: &Policy, charge: Charge) -> Reservation {
    Reservation {
        policy_id: policy.id,
        counter: charge.counter,
        period: charge.period,
        unit: charge.unit,
        amount: charge.amount,
        cap: charge.cap,
        warn_above: charge.warn_above,
        pause_agent: charge.pause_agent,
        violation: violation(
            policy,
            policy.mode.min(charge.at_most),
            charge.message,
            Vec::new(),
        ),
    }
}
