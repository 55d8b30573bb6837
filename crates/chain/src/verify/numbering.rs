use crate::leaf::GAP;
use serde::Deserialize;
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

#[derive(Deserialize)]
struct Numbered<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(default, borrow)]
    target: Option<std::borrow::Cow<'a, str>>,
    source: NumberedSource<'a>,
}

#[derive(Deserialize)]
struct NumberedSource<'a> {
    #[serde(borrow)]
    emitter: std::borrow::Cow<'a, str>,
    #[serde(default)]
    emitter_seq: Option<u64>,
}

impl Numbering {
    /// Takes the body of the next entry.
    pub(super) fn entry(&mut self, body: &[u8]) {
        let Ok(entry) = serde_json::from_slice::<Numbered<'_>>(body) else {
            return;
        };
        if entry.kind == GAP {
            self.stated += 1;
            let hole = entry.target.as_deref().and_then(read_hole);
            if let Some((emitter, last)) = hole {
                let seen = self.last.entry(emitter.to_owned()).or_default();
                *seen = last.max(*seen);
            }
        } else if let Some(seq) = entry.source.emitter_seq {
            self.number(&entry.source.emitter, seq);
        }
    }

    fn number(&mut self, emitter: &str, seq: u64) {
        let last = self.last.get(emitter).copied().unwrap_or(0);
        self.unstated += seq.saturating_sub(last.saturating_add(1));
        if seq > last {
            match self.last.get_mut(emitter) {
                Some(seen) => *seen = seq,
                None => drop(self.last.insert(emitter.to_owned(), seq)),
            }
        }
    }
}

/// `incarnation:<emitter>:<first>-<last>`.
fn read_hole(target: &str) -> Option<(&str, u64)> {
    let (emitter, range) = target.strip_prefix("incarnation:")?.rsplit_once(':')?;
    Some((emitter, range.split_once('-')?.1.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(numbering: &mut Numbering, kind: &str, target: &str, emitter: &str, seq: u64) {
        let body = serde_json::json!({
            "type": kind, "target": target, "source": {"emitter": emitter, "emitter_seq": seq},
        });
        numbering.entry(body.to_string().as_bytes());
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
