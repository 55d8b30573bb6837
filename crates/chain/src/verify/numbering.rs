use crate::leaf::{EntryBody, GAP};
use std::collections::HashMap;

/// What the numbers in a bundle's entries say: every emitter counts its facts from 1 without a
/// hole, and the ledger states a hole as an entry of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbering {
    /// Holes that the ledger states.
    pub stated: u64,
    /// Numbers that are neither recorded nor stated as missing. A fact that was sent twice uses up
    /// two numbers and is recorded once, so this is a question to the operator, no proof.
    pub unstated: u64,
    last: HashMap<String, u64>,
}

impl Numbering {
    /// Takes the next entry.
    pub(super) fn entry(&mut self, entry: &EntryBody) {
        if entry.kind == GAP {
            self.stated += 1;
            if let Ok(Some((emitter, last))) = hole(entry) {
                let seen = self.last.entry(emitter.to_owned()).or_default();
                *seen = last.max(*seen);
            }
        } else if let Some(seq) = entry.source.emitter_seq {
            self.number(&entry.source.emitter, seq);
        }
    }

    fn number(&mut self, emitter: &str, seq: u64) {
        let last = self.last.get(emitter).copied().unwrap_or(0);
        let missed = seq.saturating_sub(last.saturating_add(1));
        self.unstated = self.unstated.saturating_add(missed);
        if seq > last {
            match self.last.get_mut(emitter) {
                Some(seen) => *seen = seq,
                None => drop(self.last.insert(emitter.to_owned(), seq)),
            }
        }
    }
}

/// What names an emitter and is no hole in its numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoHole;

/// The emitter and the last missing number of a gap's target, `incarnation:<emitter>:<first>-<last>`;
/// `None` of an entry that states no such hole.
pub(super) fn hole(entry: &EntryBody) -> Result<Option<(&str, u64)>, NoHole> {
    let target = entry.target.as_deref().filter(|_| entry.kind == GAP);
    let Some(hole) = target.and_then(|it| it.strip_prefix("incarnation:")) else {
        return Ok(None);
    };
    let read = || {
        let (emitter, range) = hole.rsplit_once(':')?;
        let (first, last) = range.split_once('-')?;
        number(first)?;
        Some((emitter, number(last)?)).filter(|_| !emitter.is_empty())
    };
    read().map(Some).ok_or(NoHole)
}

fn number(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(target: &str) -> EntryBody {
        let source = serde_json::json!({
            "stream": "s", "subject": "t", "emitter": "a", "emitter_seq": 5,
        });
        let body = serde_json::json!({
            "type": GAP, "occurred_at": 1, "target": target, "source": source, "digest": "",
        });
        serde_json::from_value(body).unwrap()
    }

    fn entry(numbering: &mut Numbering, kind: &str, target: &str, emitter: &str, seq: u64) {
        let mut body = gap(target);
        body.kind = kind.to_owned();
        body.source.emitter = emitter.to_owned();
        body.source.emitter_seq = Some(seq);
        numbering.entry(&body);
    }

    #[test]
    fn a_target_that_names_an_emitter_names_its_hole() {
        assert_eq!(hole(&gap("incarnation:a:b:2-4")), Ok(Some(("a:b", 4))));
        assert_eq!(hole(&gap("stream:x")), Ok(None));
        for odd in [
            "zzz",
            "a:",
            "a:1",
            ":1-2",
            "a:+1-2",
            "a:1-2-3",
            "a:1-99999999999999999999",
        ] {
            let target = format!("incarnation:{odd}");
            assert_eq!(hole(&gap(&target)), Err(NoHole), "{odd}");
        }
    }

    #[test]
    fn a_hole_that_is_stated_is_told_from_one_that_is_not() {
        let mut numbering = Numbering::default();
        let decided = "decision.recorded.v1";
        entry(&mut numbering, decided, "t", "a", 1);
        let gap = "ledger.gap_detected.v1";
        entry(&mut numbering, gap, "incarnation:a:2-4", "a", 5);
        entry(&mut numbering, decided, "t", "a", 5);
        assert_eq!((numbering.stated, numbering.unstated), (1, 0));
        entry(&mut numbering, decided, "t", "a", 3);
        entry(&mut numbering, decided, "t", "a", 8);
        entry(&mut numbering, decided, "t", "b", 3);
        assert_eq!((numbering.stated, numbering.unstated), (1, 4));
    }
}
