//! `writ audit verify --file`: a bundle, with nothing but the keys the reader brought.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use clap::Args;
use uuid::Uuid;
use writ_chain::export::Period;
use writ_chain::keys::Trusted;
use writ_chain::verify::{
    Asked, Class, Report, Seen, Trust, header_of, is_for_siem, verify_export_each, verify_siem,
};

use super::{VerifyArgs, misuse};
use crate::audit::outcome::{Outcome, What, witnessed};
use crate::failure::Failure;
use crate::output::{Progress, Unit};

/// A line of a bundle is far shorter; a longer one is read in parts, none of which is a line.
const LONGEST_LINE: u64 = 1024 * 1024;
/// How the first line of a bundle begins.
const HEADER: &[u8] = b"{\"checkpoint\"";
/// Most entries fit without a second allocation.
const USUAL_LINE: usize = 1536;

#[derive(Args)]
pub(crate) struct BundleArgs {
    /// Witnesses that must have cosigned the log over all organisations; default: 1 when KEYS.json has
    /// a witness's key. With 0, an export need not show its place in that log
    #[arg(long, value_name = "COUNT")]
    pub(super) quorum: Option<usize>,
    /// Of a bundle, only what is from here on must be shown: an entry's number, a date or a time
    #[arg(long, value_name = "FROM", requires = "file", value_parser = bound)]
    from: Option<Bound>,
    /// Of a bundle, only what is before this must be shown
    #[arg(long, value_name = "TO", requires = "file", value_parser = bound)]
    to: Option<Bound>,
    /// A bundle may leave entries out where it says so
    #[arg(long, requires = "file")]
    filtered: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Entry(u64),
    /// Microseconds since 1970.
    Time(i64),
}

/// An entry's number, `2026-11-20` or an RFC 3339 time.
fn bound(text: &str) -> Result<Bound, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(entry) if digits => Ok(Bound::Entry(entry)),
        _ => crate::audit::time(text).map(Bound::Time),
    }
}

impl BundleArgs {
    /// Whether anything is said of what must be shown.
    pub(super) fn asks(&self) -> bool {
        self.from.is_some() || self.to.is_some() || self.filtered
    }

    /// What must be shown.
    pub(super) fn asked(&self) -> Result<Asked, Failure> {
        let asked = match (self.from, self.to) {
            (Some(from), Some(to)) if from.place() >= to.place() && from.is_like(to) => {
                return Err(Failure::Usage("--to must be after --from".into()));
            }
            (None, None) if self.filtered => Asked::WhatIsShown,
            (None, None) => Asked::Everything,
            (Some(Bound::Entry(from)), Some(Bound::Entry(to))) => Asked::Entries(from..to),
            (Some(Bound::Entry(from)), None) => Asked::Entries(from..u64::MAX),
            (None, Some(Bound::Entry(to))) => Asked::Entries(0..to),
            (None | Some(Bound::Time(_)), None | Some(Bound::Time(_))) => Asked::Period(Period {
                from: self.from.and_then(micros),
                to: self.to.and_then(micros),
            }),
            (Some(_), Some(_)) => {
                let text = "--from and --to are both entries' numbers, or both times";
                return Err(Failure::Usage(text.into()));
            }
        };
        Ok(asked)
    }
}

impl Bound {
    fn is_like(self, other: Self) -> bool {
        micros(self).is_some() == micros(other).is_some()
    }

    fn place(self) -> i128 {
        match self {
            Self::Entry(number) => number.into(),
            Self::Time(micros) => micros.into(),
        }
    }
}

fn micros(bound: Bound) -> Option<i64> {
    match bound {
        Bound::Time(micros) => Some(micros),
        Bound::Entry(_) => None,
    }
}

/// Verifies the bundle, or lines for a SIEM; what cannot be read at all is a failure, not a finding.
pub(super) fn verify(
    path: &Path,
    args: &VerifyArgs,
    keys: Trusted,
    seen: &[Seen],
) -> Result<Outcome, Failure> {
    let mut first = Vec::new();
    let open = || File::open(path).map(BufReader::new);
    open()
        .and_then(|it| it.take(LONGEST_LINE).read_until(b'\n', &mut first))
        .map_err(|error| broken(path, &error))?;
    let beside = beside(path)?;
    if !first.starts_with(HEADER) && (beside.is_some() || is_for_siem(&first)) {
        let asked = args.bundle.asked()?;
        let parts = !matches!(asked, Asked::Everything | Asked::WhatIsShown);
        if parts || !seen.is_empty() || args.bundle.quorum.is_some() {
            let text = "lines for a SIEM hold no proof: no --seen, --quorum, --from or --to";
            return Err(Failure::Usage(text.into()));
        }
        return lines_for_siem(path, args, &keys, beside.as_deref());
    }
    // The checkpoint's origin names the organisation under the signature, so a header that lies
    // about it is found out.
    let named = header_of(&first).map(|header| header.org);
    let org = args.org.map(|org| org.0).or(named).unwrap_or_default();
    let seen = if named.is_some() { seen } else { &[] };
    let mut outcome = verify_each(path, org, args, keys, seen, |_, _| {})?;
    if named.is_none() {
        outcome.what = What::Nothing;
        outcome.name = "the file".to_owned();
    }
    Ok(outcome)
}

/// The manifest that `writ audit export` put beside lines for a SIEM.
fn beside(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".manifest.json");
    match std::fs::read(&beside) {
        Ok(line) => Ok(Some(line)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(broken(Path::new(&beside), &error)),
    }
}

fn lines_for_siem(
    path: &Path,
    args: &VerifyArgs,
    keys: &Trusted,
    beside: Option<&[u8]>,
) -> Result<Outcome, Failure> {
    let filtered = args.bundle.filtered;
    let report = read(path, |lines| verify_siem(lines, beside, keys, filtered))?;
    let another = args.org.filter(|org| org.0 != report.org);
    let signed_by = report.manifest_signed_by.clone();
    let unknown = signed_by.is_empty();
    let mut outcome = Outcome {
        what: What::Lines,
        signed_by,
        ..report.into()
    };
    if unknown {
        outcome.name = "the file".to_owned();
    }
    let note = "it shows who exported these lines, and not that they are in the ledger";
    outcome.notes.push(note.to_owned());
    if another.is_some() && outcome.class == Class::Clean {
        let text = "it is of another organisation".to_owned();
        outcome.wrong(Class::BadContent, text);
    }
    Ok(outcome)
}

/// Files are read more than once, so a pipe is none.
pub(super) fn is_file(path: &Path) -> Result<(), Failure> {
    let about = std::fs::metadata(path).map_err(|error| broken(path, &error))?;
    if about.is_file() {
        return Ok(());
    }
    let text = "not a file that can be read twice; write what comes through a pipe to a file";
    Err(Failure::Unavailable(format!("{}: {text}", path.display())))
}

fn broken(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Unavailable(format!("{}: {error}", path.display()))
}

/// As [`verify`], of this organisation, telling of every entry.
pub(super) fn verify_each(
    path: &Path,
    org: Uuid,
    args: &VerifyArgs,
    keys: Trusted,
    seen: &[Seen],
    each: impl FnMut(u64, &[u8]),
) -> Result<Outcome, Failure> {
    let trust = Trust {
        quorum: args.bundle.quorum,
        asked: args.bundle.asked()?,
        filtered: args.bundle.filtered,
        ..Trust::new(org, keys)
    };
    let trust = trust.with_seen(seen).map_err(misuse)?;
    read(path, |lines| verify_export_each(lines, trust, each)).map(outcome)
}

fn read(path: &Path, verify: impl FnOnce(Lines<'_>) -> Report) -> Result<Report, Failure> {
    let mut trouble = None;
    let file = File::open(path).map_err(|error| broken(path, &error))?;
    let length = file.metadata().map_or(0, |about| about.len());
    let lines = Lines {
        file: BufReader::new(file),
        trouble: &mut trouble,
        progress: Progress::new(Unit::Bytes, length),
    };
    let report = verify(lines);
    match trouble {
        Some(error) => Err(broken(path, &error)),
        None => Ok(report),
    }
}

/// The lines of a file with their line ends; ends at the first that cannot be read.
struct Lines<'a> {
    file: BufReader<File>,
    trouble: &'a mut Option<std::io::Error>,
    progress: Progress,
}

impl Iterator for Lines<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::with_capacity(USUAL_LINE);
        let mut most = self.file.by_ref().take(LONGEST_LINE);
        match most.read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(read) => {
                self.progress.advance(read as u64);
                Some(line)
            }
            Err(error) => {
                *self.trouble = Some(error);
                None
            }
        }
    }
}

fn outcome(report: Report) -> Outcome {
    let mut notes = Vec::new();
    for (witness, time) in &report.witnesses {
        notes.push(witnessed(witness, *time));
    }
    if !report.manifest_signed_by.is_empty() {
        let names = report.manifest_signed_by.join(", ");
        notes.push(format!("manifest signed by {names}"));
    }
    if report.hidden > 0 {
        notes.push(format!("{} entries are not shown", report.hidden));
    }
    let (stated, unstated) = (report.numbering.stated, report.numbering.unstated);
    if stated + unstated > 0 {
        notes.push(format!(
            "gaps in the emitters' numbers: {stated} stated; {unstated} numbers unaccounted for"
        ));
    }
    Outcome {
        notes,
        ..report.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_a_number_a_date_or_a_time() {
        assert_eq!(bound("17"), Ok(Bound::Entry(17)));
        assert_eq!(bound("1970-01-02"), Ok(Bound::Time(86_400_000_000)));
        assert_eq!(bound("1970-01-01T01:00:00+01:00"), Ok(Bound::Time(0)));
        assert!(bound("yesterday").is_err() && bound("-1").is_err());
    }
}
