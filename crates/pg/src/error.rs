//! Trouble with the store, sorted by how it ends.

use std::borrow::Cow;

/// What went wrong, as far as a caller has to know.
#[derive(Debug, thiserror::Error)]
pub enum PgError {
    /// Somebody else was faster: reload and decide again.
    #[error("conflict on {constraint}")]
    Conflict {
        /// The constraint, or the kind of lost race.
        constraint: String,
    },
    /// Another writer took over this projection: stop.
    #[error("another writer holds {projection}")]
    Fenced {
        /// The projection that was taken over.
        projection: String,
    },
    /// The store is away or overloaded: back off and try again.
    #[error("store is not available: {0}")]
    Away(#[source] sqlx::Error),
    /// A statement that should not have been sent, or data it could not read.
    #[error("store refused a statement: {0}")]
    Refused(#[source] sqlx::Error),
}

impl PgError {
    /// True when the same call may succeed later without any change.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Away(_))
    }

    /// True when it is the values that the store cannot hold (SQLSTATE classes 22 and 54): the same call
    /// never succeeds, one with other values does.
    #[must_use]
    pub fn is_about_values(&self) -> bool {
        let Self::Refused(sqlx::Error::Database(error)) = self else {
            return false;
        };
        let code = error.code().unwrap_or_default();
        code.starts_with("22") || code.starts_with("54")
    }

    /// True when another transaction won; with a name, only if it won on that constraint.
    #[must_use]
    pub fn is_conflict(&self, on: Option<&str>) -> bool {
        match self {
            Self::Conflict { constraint } => on.is_none_or(|name| name == constraint),
            Self::Fenced { .. } | Self::Away(_) | Self::Refused(_) => false,
        }
    }
}

impl From<sqlx::Error> for PgError {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(db) = &error {
            return match sorted(&db.code().unwrap_or(Cow::Borrowed(""))) {
                Sort::Conflict => {
                    let constraint = db.constraint().unwrap_or("serialization").to_owned();
                    Self::Conflict { constraint }
                }
                Sort::Away => Self::Away(error),
                Sort::Refused => Self::Refused(error),
            };
        }
        let away = matches!(
            error,
            sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
        );
        if away {
            Self::Away(error)
        } else {
            Self::Refused(error)
        }
    }
}

enum Sort {
    Conflict,
    Away,
    Refused,
}

/// SQLSTATE classes (Postgres manual, appendix A).
fn sorted(code: &str) -> Sort {
    match code {
        "23505" | "40001" | "40P01" => Sort::Conflict,
        // A read-only server is a standby: the primary is elsewhere for now.
        "25006" | "55P03" | "57014" => Sort::Away,
        _ if code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") => {
            Sort::Away
        }
        _ => Sort::Refused,
    }
}
