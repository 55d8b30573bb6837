//! How far long work has come: one line on standard error that is drawn over and at last wiped out.
//! Only on a terminal that can do that.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

const DRAWN_EVERY: Duration = Duration::from_millis(100);
/// The clock is looked at this often while work goes on.
const LOOKS: u64 = 1_000;
const CELLS: u64 = 30;
/// The cursor goes to the line's begin, and what is there is wiped out.
const WIPED: &str = "\r\u{1b}[K";

/// What work is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    Entries,
}

/// The line of one piece of work; gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    shown: bool,
    work: Work,
    looked_at: u64,
    started: Instant,
    drawn: Instant,
}

#[derive(Debug)]
struct Work {
    unit: Unit,
    done: u64,
    total: u64,
}

impl Progress {
    /// Work that is `total` in all, as far as anybody knows.
    pub(crate) fn new(unit: Unit, total: u64) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let now = Instant::now();
        Self {
            shown: std::io::stderr().is_terminal() && !dumb && total > 0,
            work: Work {
                unit,
                done: 0,
                total,
            },
            looked_at: 0,
            started: now,
            drawn: now,
        }
    }

    /// So much more is done.
    pub(crate) fn advance(&mut self, by: u64) {
        self.work.done = self.work.done.saturating_add(by);
        if !self.shown || self.work.done - self.looked_at < self.work.total / LOOKS {
            return;
        }
        self.looked_at = self.work.done;
        let now = Instant::now();
        if now - self.drawn >= DRAWN_EVERY {
            self.drawn = now;
            draw(&self.work.line(now - self.started));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            draw("");
        }
    }
}

/// A terminal that cannot be written to is no reason to stop the work.
fn draw(line: &str) {
    let mut terminal = std::io::stderr().lock();
    if write!(terminal, "{WIPED}{line}").is_ok() {
        drop(terminal.flush());
    }
}

impl Work {
    fn line(&self, took: Duration) -> String {
        let done = self.done.min(self.total);
        let part = |of: u64| {
            let part = u128::from(done) * u128::from(of) / u128::from(self.total.max(1));
            usize::try_from(part).unwrap_or_default()
        };
        let (full, percent) = (part(CELLS), part(100));
        let rest = part_rest(full);
        let millis = u128::from(self.done) * 1_000 / took.as_millis().max(1);
        let rate = match self.unit {
            Unit::Bytes => format!("{} MB/s", millis / 1_000_000),
            Unit::Entries => format!("{millis} entries/s"),
        };
        format!(
            "  [{}{}] {percent:3} %  {rate}",
            "=".repeat(full),
            " ".repeat(rest)
        )
    }
}

fn part_rest(full: usize) -> usize {
    usize::try_from(CELLS)
        .unwrap_or_default()
        .saturating_sub(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_much_of_the_work_is_done_and_how_fast_it_goes() {
        let line = |unit, done, total| Work { unit, done, total }.line(Duration::from_secs(2));
        let half = line(Unit::Bytes, 40_000_000, 80_000_000);
        assert_eq!(
            half,
            format!("  [{}{}]  50 %  20 MB/s", "=".repeat(15), " ".repeat(15))
        );
        // Entries may come while the ledger is read.
        let more = line(Unit::Entries, 1_000_000, 900_000);
        assert_eq!(
            more,
            format!("  [{}] 100 %  500000 entries/s", "=".repeat(30))
        );
    }

    #[test]
    fn nothing_is_drawn_where_nobody_looks() {
        assert!(!Progress::new(Unit::Bytes, 0).shown);
    }
}
