use super::ahead::{self, ReadLine};
use super::global;
use super::{Asked, Finding, Numbering, Report, Tail, Trust, Verification};
use crate::checkpoint::NoteError;
use crate::export::{self, Header, InvalidLine, Manifest, Period, Tally};
use std::ops::Range;

/// Verifies the lines of an export bundle, as they come from the file *with* their line ends: each
/// byte counts. `trust.tail` is ignored: a bundle ends where its checkpoint ends.
pub fn verify_export<I>(lines: I, trust: Trust) -> Report
where
    I: IntoIterator<IntoIter: Send, Item: AsRef<[u8]> + Send>,
{
    verify_export_each(lines, trust, |_, _| {})
}

/// As [`verify_export`]; `each` is told of every entry that can be read, by its place in the bundle and
/// its body. What it was told is to be believed only if the report says so.
///
/// Lines are read ahead on a thread of their own, a bounded number of bytes.
pub fn verify_export_each<I>(lines: I, trust: Trust, mut each: impl FnMut(u64, &[u8])) -> Report
where
    I: IntoIterator<IntoIter: Send, Item: AsRef<[u8]> + Send>,
{
    let trust = Trust {
        tail: Tail::Sealed,
        ..trust
    };
    let mut lines = lines.into_iter();
    let first = lines.next();
    let first = first.as_ref().map(AsRef::as_ref).unwrap_or_default();
    let Ok(header) = export::read_header(first) else {
        let mut run = Verification::new(trust, None);
        run.findings.add(Finding::UnreadableLine { line: 1 });
        return run.finish();
    };
    let mut bundle = Bundle::open(header, first, trust);
    ahead::each((2u64..).zip(lines), |number, line, read| {
        bundle.line(number, line, read, &mut each);
    });
    bundle.finish()
}

/// The header of a bundle by its first line: what it says about itself before anything is
/// verified.
#[must_use]
pub fn header_of(first_line: &[u8]) -> Option<Header> {
    export::read_header(first_line).ok()
}

struct Bundle {
    header: Header,
    trust: Trust,
    run: Verification,
    tally: Tally,
    numbering: Numbering,
    manifest: Option<String>,
    /// The trusted witnesses that cosigned the log over all, and when.
    witnesses: Vec<(String, u64)>,
    /// The newest time of an entry that is shown.
    newest: Option<i64>,
}

impl Bundle {
    fn open(header: Header, first: &[u8], trust: Trust) -> Self {
        let mut run = Verification::new(trust.clone(), Some(&header.checkpoint));
        if header.org != run.org {
            run.findings.add(Finding::WrongOrigin);
        }
        let differs = run.sealed.is_some_and(|size| size != header.size);
        if differs || header.from > header.to || header.to > header.size {
            run.findings.add(Finding::HeaderDiffers);
        }
        run.asked = must_be_shown(&mut run, &header, &trust);
        let witnesses = global::check(&mut run, header.global.as_ref(), &trust);
        let mut tally = Tally::default();
        tally.line(first);
        Self {
            header,
            trust,
            run,
            tally,
            numbering: Numbering::default(),
            manifest: None,
            witnesses,
            newest: None,
        }
    }

    fn line(
        &mut self,
        number: u64,
        bytes: &[u8],
        read: Result<ReadLine, InvalidLine>,
        each: &mut impl FnMut(u64, &[u8]),
    ) {
        if self.manifest.is_some() || read.is_err() {
            self.run
                .findings
                .add(Finding::UnreadableLine { line: number });
        }
        match read {
            Ok(ReadLine::Manifest(note)) => {
                self.manifest = Some(note);
                return;
            }
            Ok(ReadLine::Entry(entry)) => {
                let position = entry.position;
                if let Some((leaf, body)) = self.run.read_entry(*entry) {
                    self.numbering.entry(&body);
                    self.newest = self.newest.max(Some(body.occurred_at));
                    each(position, &leaf.body);
                }
                self.tally.shown();
            }
            Ok(ReadLine::Redacted(mark)) => {
                self.run.redacted(&mark);
                self.tally.hidden(mark.to.saturating_sub(mark.from));
            }
            Err(_) => {}
        }
        self.tally.line(bytes);
    }

    fn finish(mut self) -> Report {
        let mut counted = self.tally.clone().manifest(&self.header);
        let opened = self.manifest.as_deref();
        let opened = opened.map(|note| Manifest::open(note, &self.trust.keys));
        let mut signed_by = Vec::new();
        let finding = match opened {
            None => Some(Finding::ManifestMissing),
            Some(Ok((manifest, by))) => {
                signed_by = by;
                counted.keys.clone_from(&manifest.keys);
                let chosen = self.run.findings.hidden > 0 && self.trust.takes_the_makers_word();
                let unsigned = signed_by.is_empty();
                if manifest != counted {
                    Some(Finding::ManifestDiffers)
                } else if unsigned && chosen {
                    Some(Finding::ChoiceUnsigned)
                } else {
                    let expected = !self.trust.keys.has_no_export_key();
                    (unsigned && expected).then_some(Finding::ManifestUnsigned)
                }
            }
            Some(Err(NoteError::BadSignature { name })) => Some(Finding::BadSignature { name }),
            Some(Err(_)) => Some(Finding::ManifestDiffers),
        };
        let open_end = self.open_end();
        self.run
            .findings
            .extend(finding.into_iter().chain(open_end));
        let mut report = self.run.finish();
        if report.hidden == 0 {
            report.numbering = self.numbering;
        }
        report.manifest_signed_by = signed_by;
        report.witnesses = self.witnesses;
        report
    }

    /// A period whose end nothing in the bundle shows to be past: no entry that came after what is
    /// shown, no entry of a later time, no witness that signed later.
    fn open_end(&self) -> Option<Finding> {
        let Asked::Period(Period { to: Some(end), .. }) = self.trust.asked else {
            return None;
        };
        let Header { from, to, size, .. } = self.header;
        let went_on = from < to && to < size;
        let seconds = self.witnesses.iter().map(|(_, time)| *time).max();
        let seconds = seconds.and_then(|it| i64::try_from(it).ok());
        let witnessed = seconds.map(|it| it.saturating_mul(1_000_000));
        let newest = self.newest.max(witnessed);
        let past = went_on || newest.is_some_and(|newest| newest >= end);
        (!past).then_some(Finding::PeriodNotOver { newest })
    }
}

/// The entries that must not be redaction marks; reports where the bundle was not made for what is asked.
fn must_be_shown(run: &mut Verification, header: &Header, trust: &Trust) -> Option<Range<u64>> {
    let (made, all) = (header.from..header.to, 0..header.size);
    match &trust.asked {
        Asked::Everything => (!trust.filtered).then_some(0..u64::MAX),
        Asked::WhatIsShown => None,
        Asked::Entries(range) => {
            let open = range.end == u64::MAX;
            let end = if open { range.start } else { range.end };
            if end > header.size {
                let (from, to) = (header.size, end);
                run.findings.add(Finding::MissingEntries { from, to });
            }
            let reaches = made.start <= range.start && range.end.min(header.size) <= made.end;
            if trust.filtered && !reaches {
                run.findings.add(Finding::OtherPeriod);
            }
            (!trust.filtered).then(|| range.clone())
        }
        Asked::Period(period) => {
            // What was made for no period, of all entries, is made for each.
            let any = made == all;
            let reaches = header.period.map_or(any, |it| covers(it, *period));
            if !reaches {
                run.findings.add(Finding::OtherPeriod);
            }
            (!trust.filtered).then_some(made)
        }
    }
}

/// Whether all of `inner` lies in `outer`; an absent end reaches as far as there is time.
fn covers(outer: Period, inner: Period) -> bool {
    let from = |period: Period| period.from.unwrap_or(i64::MIN);
    let to = |period: Period| period.to.unwrap_or(i64::MAX);
    from(outer) <= from(inner) && to(inner) <= to(outer)
}
