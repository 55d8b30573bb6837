use super::{Entry, Finding, Report, Tail, Trust, Verification};
use crate::export::{self, Header};

/// Verifies the lines of an export bundle, as they come from the file without their line ends.
/// `trust.tail` is ignored: a bundle ends where its checkpoint ends.
pub fn verify_export<L: AsRef<str>>(lines: impl IntoIterator<Item = L>, trust: Trust) -> Report {
    let trust = Trust {
        tail: Tail::Sealed,
        ..trust
    };
    let mut lines = lines.into_iter();
    let header = lines
        .next()
        .and_then(|line| export::read_header(line.as_ref()).ok());
    let Some(header) = header else {
        let mut run = Verification::new(trust, None);
        run.findings.add(Finding::UnreadableLine { line: 1 });
        return run.finish();
    };
    let mut run = Verification::new(trust, Some(&header.checkpoint));
    check_header(&mut run, &header);
    for (number, line) in (2u64..).zip(lines) {
        match export::read_entry(line.as_ref()) {
            Ok((position, leaf_bytes)) => {
                run.entry(Entry {
                    position,
                    leaf_bytes: &leaf_bytes,
                    stored_hash: None,
                });
            }
            Err(_) => run.findings.add(Finding::UnreadableLine { line: number }),
        }
    }
    run.finish()
}

fn check_header(run: &mut Verification, header: &Header) {
    if header.org != run.org {
        run.findings.add(Finding::WrongOrigin);
    }
    if run.sealed.is_some_and(|size| size != header.size) {
        run.findings.add(Finding::HeaderDiffers);
    }
}
