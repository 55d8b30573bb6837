//! Why a command did not do its work, and the exit code that says so.

use std::process::ExitCode;

/// Exit code of a command line that cannot be understood (`EX_USAGE` of sysexits.h).
pub(crate) const USAGE: u8 = 64;

/// Files of policies that say something else than the server.
pub(crate) const DIFFERENT: u8 = 2;
/// Files of policies that are not valid.
pub(crate) const INVALID: u8 = 3;
/// Tests of policies that failed, or too few of them.
pub(crate) const TESTS_FAILED: u8 = 4;

/// The server will not have it, or its decision is no.
pub(crate) const REFUSED: u8 = 5;

/// What `--help` says about exit codes.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0   done
  1   the command could not do its work (unreachable, unreadable, a doctor's problem)
  2   audit verify: bad content, something is there that cannot be
      policy diff: files and server differ
  3   audit verify: unknown key, no trusted key signed
      policy: the files are not valid
  4   audit verify: incomplete range, something that must be there is not, or cannot be shown
      policy test: a test failed, or too little is covered
  5   audit verify: missing witness quorum, too few trusted witnesses cosigned
      refused by the server as it stands: a call, a decision that is no (the answer is printed),
      some of the traces that were sent
  6   the API key is not accepted, or may not do this
  7   there is no such thing
  64  the command line is not understood";

/// One line for the user: what is wrong, then what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line or a file it names says something that cannot be done.
    #[error("{0}")]
    Usage(String),
    /// A server, a file or a program is not there or cannot be read.
    #[error("{0}")]
    Unavailable(String),
    /// Files of policies say what no policy can.
    #[error("{0}")]
    Invalid(String),
    /// The API will not have it.
    #[error("{0}")]
    Refused(String),
    /// 401 or 403.
    #[error("{0}")]
    Forbidden(String),
    /// 404.
    #[error("{0}")]
    NotFound(String),
    /// Whoever read the output has enough of it.
    #[error("nobody reads the output any more")]
    Closed,
}

impl Failure {
    /// The code the process ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Unavailable(_) | Self::Closed => 1,
            Self::Invalid(_) => INVALID,
            Self::Refused(_) => REFUSED,
            Self::Forbidden(_) => 6,
            Self::NotFound(_) => 7,
            Self::Usage(_) => USAGE,
        })
    }
}

/// Writing to standard output failed: a closed pipe, a full disk.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::Closed;
        }
        Self::Unavailable(format!("cannot write the output: {error}"))
    }
}
