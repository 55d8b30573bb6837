//! What answers from outside come to, for all types that ask.

use serde::Deserialize;

use super::Verdict;
use crate::decision::Evidence;
use crate::model::Mode;
use crate::outside::Answer;

/// Longest part of somebody else's words that is passed on, in characters.
const REASON: usize = 256;

/// What no usable answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailMode {
    /// It denies nobody: the act may pass, with a warning.
    #[serde(alias = "fail_open")]
    Open,
    /// The policy's `onError` says.
    #[serde(alias = "fail_closed")]
    Closed,
}

/// No usable answer.
pub(crate) struct NoAnswer {
    pub(crate) reason: String,
    /// Whether the one that was asked is registered to fail open.
    pub(crate) fail_open: bool,
}

/// What an answer of `who` comes to.
pub(crate) fn of(answer: &Answer, who: &str) -> Result<Verdict, NoAnswer> {
    let said = |does: &str, reason: &str| match spoken(reason) {
        reason if reason.is_empty() => format!("{who} {does}"),
        reason => format!("{who} {does}: {reason}"),
    };
    match answer {
        Answer::Allow { reason } => Ok(Verdict::clear(said("allows it", reason))),
        Answer::Deny { reason } => {
            let message = said("refuses it", reason);
            Ok(Verdict::hit(message, vec![evidence("denied")]))
        }
        Answer::RequireApproval { reason } => {
            let message = said("wants a person to decide", reason);
            let evidence = vec![evidence("approval_wanted")];
            Ok(Verdict::weaker_hit(
                Mode::RequireApproval,
                message,
                evidence,
            ))
        }
        Answer::Failed { reason, fail_open } => Err(NoAnswer {
            reason: spoken(reason),
            fail_open: *fail_open,
        }),
    }
}

/// Evidence that is not in the request but in what was answered.
pub(crate) fn evidence(kind: &str) -> Evidence {
    Evidence {
        kind: kind.to_owned(),
        location: "answer".to_owned(),
        span: None,
    }
}

/// Somebody else's words, fit to be shown: one line, cut, nothing that steers a terminal or turns
/// text around.
fn spoken(reason: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let spaced = reason.chars().map(|c| if steers(c) { ' ' } else { c });
    let cut: String = spaced.take(REASON).collect();
    cut.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_from_outside_are_cut_and_cannot_steer_a_terminal() {
        assert_eq!(spoken("no\r\n\u{1b}[31mred\u{202e}x "), "no [31mred x");
        assert_eq!(spoken(&"é".repeat(1_000)).chars().count(), REASON);
    }

    #[test]
    fn an_answer_without_words_is_still_a_sentence() {
        let answer = Answer::Deny {
            reason: " \n".to_owned(),
        };
        let hit = of(&answer, "the validator").ok().and_then(|v| v.hit);
        assert_eq!(hit.unwrap().message, "the validator refuses it");
    }
}
