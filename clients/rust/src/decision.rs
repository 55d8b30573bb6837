//! What Writ says of an act, and what is done where it says nothing.

use std::fmt;

use tonic::{Code, Status};

use crate::OnFailure;
pub use crate::proto::Violation;
use crate::proto::{EnforceResponse, Outcome};

/// Whether an act may be done.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "an act is done only if it is allowed"]
pub enum Decision {
    /// Do it.
    Allowed(Allowed),
    /// Not before a human has approved it: [`crate::Client::approved`].
    Held(Held),
    /// Do not do it.
    Denied(Denied),
}

/// The act may be done.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Allowed {
    /// `dec_…`; absent when it is ungoverned. A trace that says `writ:<id>` as
    /// `metadata.enforcement.source` belongs to it.
    pub decision_id: Option<String>,
    /// The input with what a policy masks replaced; use it in place of the input.
    pub redacted_input: Option<String>,
    /// What was noted.
    pub warnings: Vec<Violation>,
    /// There was no decision, and [`OnFailure::Allow`] let it pass.
    pub ungoverned: bool,
}

/// The act waits for a human.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Held {
    /// `dec_…`.
    pub decision_id: String,
    /// `apr_…`.
    pub approval_id: String,
    /// Why.
    pub violations: Vec<Violation>,
}

/// The act is refused.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Denied {
    /// `dec_…`; absent when Writ did not decide.
    pub decision_id: Option<String>,
    /// The policies that refused it.
    pub violations: Vec<Violation>,
    /// Why there is no decision.
    pub undecided: Option<String>,
}

impl Decision {
    pub(crate) fn from_answer(answer: EnforceResponse) -> Self {
        match answer.outcome() {
            Outcome::Allowed => Self::Allowed(Allowed {
                decision_id: some(answer.decision_id),
                redacted_input: some(answer.redacted_input),
                warnings: answer.warnings,
                ungoverned: false,
            }),
            Outcome::ApprovalRequired => Self::Held(Held {
                decision_id: answer.decision_id,
                approval_id: answer.approval_request_id,
                violations: answer.violations,
            }),
            // An outcome of a later version lets nothing pass.
            Outcome::Denied | Outcome::Unspecified => Self::Denied(Denied {
                decision_id: some(answer.decision_id),
                violations: answer.violations,
                undecided: None,
            }),
        }
    }

    /// There is no decision. Only silence can be ungoverned: what the server answered about the key
    /// or the request is a refusal, and a pause that is known stays one.
    pub(crate) fn without(status: &Status, paused: Option<String>, on_failure: OnFailure) -> Self {
        // A connection that broke has a cause; what a proxy answered, such as a 413, has none.
        let broke = matches!(status.code(), Code::Unknown | Code::Cancelled)
            && std::error::Error::source(status).is_some();
        let silent = broke || matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded);
        let why = match paused {
            Some(pause) => pause,
            None if silent && on_failure == OnFailure::Allow => {
                return Self::Allowed(Allowed {
                    ungoverned: true,
                    ..Allowed::default()
                });
            }
            None => format!("{:?}: {}", status.code(), status.message()),
        };
        Self::Denied(Denied {
            undecided: Some(why),
            ..Denied::default()
        })
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.undecided {
            return write!(f, "there is no decision: {why}");
        }
        let messages: Vec<&str> = self.violations.iter().map(|v| v.message.as_str()).collect();
        f.write_str(&messages.join("; "))
    }
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(code: Code, paused: Option<&str>, on_failure: OnFailure) -> bool {
        let status = Status::new(code, "");
        let decision = Decision::without(&status, paused.map(str::to_owned), on_failure);
        matches!(decision, Decision::Allowed(allowed) if allowed.ungoverned)
    }

    #[test]
    fn only_silence_is_ungoverned_and_only_where_that_was_asked_for() {
        for silent in [Code::Unavailable, Code::DeadlineExceeded] {
            assert!(allowed(silent, None, OnFailure::Allow));
            assert!(!allowed(silent, None, OnFailure::Deny));
            assert!(!allowed(silent, Some("paused"), OnFailure::Allow));
        }
        for answered in [
            Code::Unauthenticated,
            Code::PermissionDenied,
            Code::InvalidArgument,
            Code::ResourceExhausted,
            Code::Internal,
            Code::Unimplemented,
            // A proxy's 413 has no code of gRPC's.
            Code::Unknown,
        ] {
            assert!(!allowed(answered, None, OnFailure::Allow), "{answered:?}");
        }
    }

    #[test]
    fn an_outcome_of_a_later_version_lets_nothing_pass() {
        let answer = EnforceResponse {
            outcome: 77,
            ..EnforceResponse::default()
        };
        assert!(matches!(Decision::from_answer(answer), Decision::Denied(_)));
    }
}
