//! What can go wrong for a whole request.

use writ_access::Forbidden;
use writ_eventlog::PublishError;

use crate::domain::{Hopeless, InvalidField, NotTraces, Spent};

/// Why a request was not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The body holds no traces.
    #[error(transparent)]
    Body(#[from] NotTraces),
    /// Nothing of a report can be recorded.
    #[error(transparent)]
    Report(#[from] Hopeless),
    /// A field of a body does not hold what it should.
    #[error(transparent)]
    Field(#[from] InvalidField),
    /// A draft of a policy is wrong; in all these ways.
    #[error("{}", .0.join("; "))]
    Draft(Vec<String>),
    /// The body is in a form that is not read here.
    #[error("expected a body of application/x-protobuf or application/json")]
    MediaType,
    /// The key may not act there.
    #[error("the key may not act in the environment \"{0}\"")]
    Environment(String),
    /// A parameter of a read does not make sense.
    #[error("{field}: expected {expected}")]
    Parameter {
        /// Its name.
        field: &'static str,
        /// What would have been right.
        expected: &'static str,
    },
    /// The message is larger than a publisher may send.
    #[error("a message may have at most {0} bytes")]
    TooLarge(usize),
    /// The plan's traces of this month are used up.
    #[error("the plan's {} traces of this month are used up", .0.max)]
    Quota(Spent),
    /// The organisation may not send anything.
    #[error("the organisation is suspended")]
    Suspended,
    /// The organisation's state cannot be trusted, or is not known yet.
    #[error("the organisation's settings cannot be read at the moment")]
    Unsettled,
    /// More waits for the log than may.
    #[error("too much waits for the log")]
    Overloaded,
    /// The log does not answer: stored or not, a repeat does no harm.
    #[error("the log is not available: {0}")]
    Log(#[from] PublishError),
    /// The store does not answer.
    #[error("the store is not available: {0}")]
    Store(#[from] clickhouse::error::Error),
    /// What was asked for is not there.
    #[error("{0} not found")]
    NotFound(&'static str),
}

impl Error {
    /// The stable word for it.
    #[must_use]
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Body(_)
            | Self::Report(_)
            | Self::Field(_)
            | Self::Parameter { .. }
            | Self::Draft(_) => "VALIDATION_ERROR",
            Self::MediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::Environment(_) => Forbidden::Environment.code(),
            Self::TooLarge(_) => "BODY_TOO_LARGE",
            Self::Quota(_) => "QUOTA_EXCEEDED",
            Self::Suspended => "ORGANIZATION_SUSPENDED",
            Self::NotFound(_) => "NOT_FOUND",
            Self::Unsettled | Self::Overloaded | Self::Log(_) | Self::Store(_) => "UNAVAILABLE",
        }
    }

    /// The page of `docs/errors`.
    #[must_use]
    pub(crate) fn reference(&self) -> &'static str {
        match self {
            Self::Store(_) => "ING0001",
            Self::Log(_) => "ING0002",
            Self::Unsettled => "ING0003",
            Self::Overloaded => "ING0004",
            Self::Body(_) => "ING0101",
            Self::Parameter { .. } => "ING0102",
            Self::TooLarge(_) => "ING0103",
            Self::Quota(_) => "ING0104",
            Self::Suspended => "ING0105",
            Self::NotFound(_) => "ING0106",
            Self::Report(_) => "ING0107",
            Self::Field(_) => "ING0108",
            Self::Environment(_) => "ING0109",
            Self::MediaType => "ING0110",
            Self::Draft(_) => "ING0111",
        }
    }
}
