//! What can go wrong here, apart from refusals, which are answers.

/// Why there is no decision.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Starting: the policies, agents and pauses have not all been read yet.
    #[error("enforcement is starting: it has not read every policy and pause yet")]
    Starting,
    /// The decision could not be recorded in time, so it may not be given.
    #[error("the decision could not be recorded: {0}")]
    NotRecorded(String),
}

impl Error {
    /// The page of `docs/errors`.
    #[must_use]
    pub fn reference(&self) -> &'static str {
        match self {
            Self::Starting => "ENF0001",
            Self::NotRecorded(_) => "ENF0002",
        }
    }
}

/// What keeps the service from starting.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A key or prefix that validation should have refused.
    #[error("configuration: {0}")]
    Config(String),
    /// The spool directory cannot be used.
    #[error("spool {path}: {source}")]
    Spool {
        /// The directory.
        path: std::path::PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}
