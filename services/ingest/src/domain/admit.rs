//! Whether a trace is taken.

use writ_access::Forbidden;
use writ_access::agent_token::Identity;

use super::registry::{Agent, Organization};
use super::trace::{InvalidTrace, Trace};

/// A trace started this long after a pause may still be work begun before it: its start is given in
/// whole seconds.
const GRACE_US: i64 = 1_000_000;

/// How far ahead of this clock a trace may have started: a time zone forgotten is taken, another
/// year is not.
const AHEAD_US: i64 = 24 * 3_600 * 1_000_000;

/// Why one trace is not taken; the others of its chunk are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It cannot be stored.
    #[error(transparent)]
    Invalid(#[from] InvalidTrace),
    /// It nests too deep to be read safely.
    #[error("a trace may be nested at most {0} levels deep")]
    TooDeep(usize),
    /// It is larger than a message.
    #[error("a trace may have at most {most} bytes, this one has {bytes}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// Its agent was paused when it started.
    #[error("the agent was paused when this trace started")]
    AgentPaused,
    /// Its agent is not registered, and the organisation wants it to be.
    #[error("no agent \"{0}\" is registered")]
    AgentNotFound(String),
    /// It says it succeeded, and its agent has to show how it knows.
    #[error(
        "a success of this agent needs effectEvidence with the basis read_back or callback, and an \
         effectRef or acknowledgementId"
    )]
    Unproven,
    /// It has not happened yet.
    #[error("timestamp is more than 24 hours ahead")]
    Future,
    /// The organisation wants agents to prove who they are, and this trace proves nothing.
    #[error("{0}")]
    Credential(&'static str),
    /// The key may not act there.
    #[error("the key may not act in the environment \"{0}\"")]
    Environment(String),
}

impl Refusal {
    /// The stable word for it.
    #[must_use]
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) | Self::TooDeep(_) => "VALIDATION_ERROR",
            Self::TooLarge { .. } => "TRACE_TOO_LARGE",
            Self::Unproven => "OUTCOME_EVIDENCE_REQUIRED",
            Self::Future => "TIMESTAMP_IN_FUTURE",
            Self::AgentPaused => "AGENT_PAUSED",
            Self::AgentNotFound(_) => "AGENT_NOT_FOUND",
            Self::Credential(_) => "AGENT_CREDENTIAL_REQUIRED",
            Self::Environment(_) => Forbidden::Environment.code(),
        }
    }

    /// The page of `docs/errors`.
    #[must_use]
    pub(crate) fn reference(&self) -> &'static str {
        match self {
            Self::Invalid(_) | Self::TooDeep(_) => "ING0201",
            Self::TooLarge { .. } => "ING0202",
            Self::AgentPaused => "ING0203",
            Self::AgentNotFound(_) => "ING0204",
            Self::Environment(_) => "ING0205",
            Self::Future => "ING0206",
            Self::Unproven => "ING0207",
            Self::Credential(_) => "ING0210",
        }
    }
}

/// One refused trace of a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// As sent; `None` when it has none that can be read.
    pub(crate) trace_id: Option<String>,
    /// Its place in the chunk, from 0.
    pub(crate) index: usize,
    /// Why.
    pub(crate) refusal: Refusal,
}

/// Whether a trace proves enough of its agent's identity.
///
/// # Errors
/// [`Refusal::Credential`] where the organisation wants proof.
pub(crate) fn proven(org: Organization, identity: Option<Identity>) -> Result<(), Refusal> {
    if !org.credential_required {
        return Ok(());
    }
    match identity {
        Some(Identity::Verified) => Ok(()),
        Some(Identity::Unverified) => Err(Refusal::Credential(
            "the agent credential has expired: fetch a new one",
        )),
        Some(Identity::Forged) => Err(Refusal::Credential(
            "the agent credential is not this agent's",
        )),
        None => Err(Refusal::Credential(
            "this organisation requires an agent credential: switch on stamp_identity",
        )),
    }
}

/// Decides over a readable trace. Work begun before a pause is evidence and is taken; what has no
/// start time counts as started at `now_us`.
///
/// # Errors
/// [`Refusal`].
pub(crate) fn admit(
    trace: &Trace,
    org: Organization,
    agent: Option<&Agent>,
    now_us: i64,
) -> Result<(), Refusal> {
    if started_us(trace, now_us).saturating_sub(now_us) > AHEAD_US {
        return Err(Refusal::Future);
    }
    let Some(agent) = agent else {
        return if org.registration_required {
            Err(Refusal::AgentNotFound(trace.agent_id.clone()))
        } else {
            Ok(())
        };
    };
    begun_before(trace, agent.paused_since_us, now_us)?;
    if agent.strict && trace.claims_success() && !trace.is_confirmed() {
        return Err(Refusal::Unproven);
    }
    Ok(())
}

/// Whether a trace began before its agent was paused, if it was.
///
/// # Errors
/// [`Refusal::AgentPaused`].
pub(crate) fn begun_before(
    trace: &Trace,
    paused_since_us: Option<i64>,
    now_us: i64,
) -> Result<(), Refusal> {
    let started_us = started_us(trace, now_us);
    match paused_since_us {
        Some(paused_us) if started_us > paused_us + GRACE_US => Err(Refusal::AgentPaused),
        Some(_) | None => Ok(()),
    }
}

fn started_us(trace: &Trace, now_us: i64) -> i64 {
    let said = trace.timestamp_ms.map(|ms| ms.saturating_mul(1000));
    said.unwrap_or(now_us)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use writ_contract::AgentId;

    use super::*;

    const STRICT: Organization = Organization {
        retention_days: None,
        registration_required: true,
        suspended: false,
        max_traces_per_month: None,
        credential_required: false,
    };

    #[test]
    fn only_a_proof_will_do_where_one_is_required() {
        let strict = Organization {
            credential_required: true,
            ..STRICT
        };
        for identity in [None, Some(Identity::Unverified), Some(Identity::Forged)] {
            assert!(proven(strict, identity).is_err() && proven(STRICT, identity).is_ok());
        }
        assert_eq!(proven(strict, Some(Identity::Verified)), Ok(()));
    }

    fn trace(timestamp_ms: Option<i64>) -> Trace {
        Trace {
            trace_id: "t".into(),
            agent_id: "a".into(),
            timestamp_ms,
            ..Trace::default()
        }
    }

    fn paused_at(us: i64) -> Agent {
        Agent {
            id: AgentId(Uuid::from_u128(1)),
            environment: "prod".into(),
            strict: false,
            paused_since_us: Some(us),
        }
    }

    #[test]
    fn work_begun_before_a_pause_is_taken_and_later_work_is_not() {
        let agent = paused_at(10_000_000);
        let at = |ms| admit(&trace(Some(ms)), STRICT, Some(&agent), 99_000_000);
        assert_eq!(at(9_000), Ok(()));
        assert_eq!(at(11_000), Ok(()));
        assert_eq!(at(11_001), Err(Refusal::AgentPaused));
        let undated = admit(&trace(None), STRICT, Some(&agent), 99_000_000);
        assert_eq!(undated, Err(Refusal::AgentPaused));
    }

    #[test]
    fn what_starts_more_than_a_day_ahead_is_refused_whoever_sends_it() {
        let open = Organization {
            registration_required: false,
            ..STRICT
        };
        let day_ms = 24 * 3_600 * 1_000;
        let at = |ms| admit(&trace(Some(ms)), open, None, 5_000);
        assert_eq!(at(5 + day_ms), Ok(()));
        assert_eq!(at(6 + day_ms), Err(Refusal::Future));
        assert_eq!(at(i64::MAX), Err(Refusal::Future));
        assert_eq!(at(i64::MIN), Ok(()));
    }

    #[test]
    fn an_unknown_agent_is_refused_only_where_registration_is_required() {
        let unknown = admit(&trace(None), STRICT, None, 0);
        assert_eq!(unknown.map_err(|r| r.code()), Err("AGENT_NOT_FOUND"));
        let open = Organization {
            registration_required: false,
            ..STRICT
        };
        assert_eq!(admit(&trace(None), open, None, 0), Ok(()));
    }
}
